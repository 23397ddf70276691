/** How long the transport waits for what. Tests shorten it; production has no reason to. */
import { REDIAL_BACKOFF, type Backoff } from "../index.ts";

export interface TransportTiming {
  /** Between two pings on one link, in ms. */
  readonly heartbeatMs: number;
  /**
   * A link is down when that many intervals in a row brought not a single byte. Counted in the node's own ticks instead of
   * by the clock: a process that was paused sees one late tick, not ten missed ones.
   */
  readonly silentTicksMax: number;
  /** From the TCP connection to the link, in ms. */
  readonly handshakeMs: number;
  /** What a peer gets to answer a close before its TCP connection is cut, in ms. */
  readonly closeMs: number;
  readonly redial: Backoff;
}

/** A dead peer is noticed 2 to 3 s after its last byte. */
export const TRANSPORT_TIMING: TransportTiming = {
  heartbeatMs: 1000,
  silentTicksMax: 2,
  handshakeMs: 5000,
  closeMs: 1000,
  redial: REDIAL_BACKOFF,
};
