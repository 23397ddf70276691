/**
 * Keeps one connection to one peer: dials, waits with backoff after a failure, dials again, until it is closed. A peer that says that it
 * listens (`knock.ts`) is dialed at once.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import type { Clock, TimerHandle } from "../../runtime/ports/clock.ts";
import type { Random } from "../../runtime/ports/random.ts";
import { backoffMs, FRAME_BYTES_MAX, type PeerAddress } from "../index.ts";
import type { OpenSocket } from "./connection.ts";
import type { TransportTiming } from "./timing.ts";

export interface DialerOptions {
  readonly peer: string;
  readonly address: PeerAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: TransportTiming;
  onDial(): void;
  onOpen(open: OpenSocket): void;
  onFailure(detail: string): void;
}

export class Dialer {
  readonly #options: DialerOptions;
  #socket: WebSocket | null = null;
  #timer: TimerHandle | null = null;
  #failures = 0;
  #linkedAtMs: number | null = null;
  #knockedAtMs = -Infinity;
  #closed = false;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  dial(): void {
    if (this.#closed) return;
    const { address, peer, timing } = this.#options;
    this.#options.onDial();
    const socket = new WebSocket(`ws://${formatHost(address.host)}:${address.port}/`, {
      perMessageDeflate: false,
      maxPayload: FRAME_BYTES_MAX,
      handshakeTimeout: timing.handshakeMs,
      // Masks keep a web page's bytes from looking like HTTP to an old proxy (RFC 6455, §10.3). No web page speaks here,
      // and a zero mask spares both sides a pass over every byte.
      generateMask: (mask) => mask.fill(0),
    });
    this.#socket = socket;
    let stream: Socket | null = null;
    socket.on("upgrade", (response: IncomingMessage) => {
      stream = response.socket;
    });
    const onError = (error: Error): void => {
      if (this.#closed) return;
      this.#options.onFailure(error.message);
      this.#redial();
    };
    socket.once("error", onError);
    socket.once("open", () => {
      socket.off("error", onError);
      if (stream !== null) this.#options.onOpen({ socket, stream, dialed: peer });
    });
  }

  /** The connection it opened has become a link. */
  linked(): void {
    this.#linkedAtMs = this.#options.clock.monotonicMs();
  }

  /** The connection it opened has ended, or one of the dialer before it, which went elsewhere. */
  lost(): void {
    const state = this.#socket?.readyState;
    if (state === WebSocket.CONNECTING || state === WebSocket.OPEN) return;
    const { clock, timing } = this.#options;
    // A link that ends at once, again and again, must not turn into a busy loop: only one that lasted starts afresh.
    const lasted = this.#linkedAtMs !== null && clock.monotonicMs() - this.#linkedAtMs >= timing.redial.maxMs;
    if (lasted) this.#failures = 0;
    this.#linkedAtMs = null;
    this.#redial();
  }

  /**
   * The peer listens, it says. Heeded once in the longest wait: knocks prove nothing, and a peer whose links end at once, again and again,
   * must not be dialed faster by knocking. One that comes while a dial is under way makes the wait after it short.
   */
  knocked(): void {
    const { clock, timing } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#closed || nowMs - this.#knockedAtMs < timing.redial.maxMs) return;
    this.#knockedAtMs = nowMs;
    this.#failures = 0;
    if (this.#timer === null) return;
    clock.clearTimer(this.#timer);
    this.#timer = null;
    this.dial();
  }

  /** Stops dialing; a connection that is open already belongs to others. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) this.#options.clock.clearTimer(this.#timer);
    if (this.#socket?.readyState === WebSocket.CONNECTING) this.#socket.terminate();
  }

  #redial(): void {
    if (this.#closed) return;
    const { clock, random, timing } = this.#options;
    this.#failures += 1;
    if (this.#timer !== null) clock.clearTimer(this.#timer);
    this.#timer = clock.setTimer(backoffMs(timing.redial, this.#failures, random), () => {
      this.#timer = null;
      this.dial();
    });
  }
}

/** IPv6 addresses stand in brackets in a URL. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
