/** What a node's transport has done since it started; every number only grows. */
import type { EnvelopeDropReason } from "../runtime/ports/remoting.ts";
import { REFUSAL_CODES, type RefusalCode } from "./refusal.ts";

export interface TransportCounters {
  framesSent: number;
  framesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  envelopesSent: number;
  envelopesReceived: number;
  linksUp: number;
  linksDown: number;
  dials: number;
  readonly dropped: Record<DropReason, number>;
  /** Connections this node refused. */
  readonly refused: Record<RefusalCode, number>;
  /** Connections of this node that a peer refused. */
  readonly refusedByPeer: Record<RefusalCode, number>;
}

/** `not-started`: it arrived before the actor system had registered its receiver, so nobody could be told. */
export type DropReason = EnvelopeDropReason | "not-started";

const DROP_REASONS: readonly DropReason[] = [
  "no-link",
  "queue-full",
  "no-route",
  "not-plain",
  "too-large",
  "unreadable",
  "not-started",
];

export function createCounters(): TransportCounters {
  return {
    framesSent: 0,
    framesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    envelopesSent: 0,
    envelopesReceived: 0,
    linksUp: 0,
    linksDown: 0,
    dials: 0,
    dropped: zeros(DROP_REASONS),
    refused: zeros(REFUSAL_CODES),
    refusedByPeer: zeros(REFUSAL_CODES),
  };
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}
