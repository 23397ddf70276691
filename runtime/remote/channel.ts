/**
 * The way to one actor of another node, the target of every ref to it. `Peer` keeps them, `Remote` sends what they let pass.
 *
 *     unknown ── 128 sent: report ──▶ free      the receiver does not press back: no limit
 *        │                             │
 *        └─────────────────────────────┴──▶ limited    to message number N; past it messages wait here, their senders muted
 *
 * Receiver-driven credit by cumulative message number, as MAX_STREAM_DATA of QUIC (RFC 9000 §4.1): a grant that comes late
 * does no harm, for the next one says everything. Numbers count from the link's start. Invariants:
 *
 * 1. `sent` ≤ `limit`: nothing is sent without credit, and credit is never negative.
 * 2. A message goes out only when all before it have: what waits is drained first, and while any waits `sent` = `limit`.
 * 3. Sent and not handled ≤ WINDOW + GRANT_STEP, for an actor that presses back. The receiver grants up to
 *    (number of the last message that arrived) − (waiting there) + WINDOW. It counts what arrives, so messages that were
 *    lost on the way make its number too low, never too high; each report, which comes behind all it counts, sets it right.
 * 4. A channel is dropped only when it is quiet: nothing waits here and at most GRANT_STEP there. Its successor starts with a
 *    new window, hence the GRANT_STEP of 3; and it starts WINDOW above the number where this one ended, which no grant for
 *    this one can exceed, so that none is ever taken for the successor's.
 */
import type { DeadLetterReason } from "../inspection.ts";
import { Lane } from "../lane.ts";
import type { Address } from "../ports/address.ts";
import { Pressure } from "../pressure.ts";
import { Ref, type AnyRef, type Recipient } from "../ref.ts";
import type { KernelMessage } from "./kernel-message.ts";
import { CHANNEL_QUEUE_MAX, GRANT_STEP, WINDOW } from "./window.ts";

/** What a channel needs of the node it sends from. */
export interface ChannelOwner {
  /** Hands one message to the link. */
  transmit(to: AnyRef, message: unknown, sender: AnyRef | null): void;
  /** Says something as the kernel: to another one, or about an actor to its path. */
  say(to: Address, message: KernelMessage): void;
  /** A message came to a channel that is in no table: puts it back there, or finds the one that took its place. */
  revive(channel: Channel, message: unknown, sender: AnyRef | null): void;
  undeliverable(to: AnyRef, message: unknown, sender: AnyRef | null, reason: DeadLetterReason): void;
}

/** More than any number of messages. */
const FREE = Number.MAX_SAFE_INTEGER;

export class Channel implements Recipient<unknown> {
  readonly ref: Ref<unknown>;
  readonly owner: ChannelOwner;
  /** Whether anything was sent since `Peer` last looked. */
  used = true;
  /** In a table; one that is not takes no message itself. */
  #open = false;
  /** The number of the last message sent, what it was at the start, and at the last report. */
  #sent = 0;
  #first = 0;
  #reported = 0;
  #limit = 0;
  /** The limit that the receiver has told, which says how much waits there; the first window says nothing. */
  #told = 0;
  /** Up to where the fast path goes: `#limit`, or half of the first window. */
  #stop = 0;
  #waiting: Lane | null = null;
  #pressure: Pressure | null = null;

  constructor(owner: ChannelOwner, address: Address) {
    this.owner = owner;
    this.ref = new Ref<unknown>(address, this);
  }

  /** Nothing is lost when it is dropped; see the fourth invariant. */
  get isQuiet(): boolean {
    if (this.#sent === this.#first) return true;
    return this.depth === 0 && this.#told - this.#sent >= WINDOW - GRANT_STEP;
  }

  /** Where a successor may start: above every grant that may still come for this one. */
  get successorStart(): number {
    return this.#sent === this.#first ? this.#first : this.#sent + WINDOW;
  }

  /** Messages that wait for credit. */
  get depth(): number {
    return this.#waiting?.length ?? 0;
  }

  /** What senders wait for; null while there is credit. */
  get pressure(): Pressure | null {
    if (!this.#open || this.#sent < this.#limit) return null;
    this.#pressure ??= new Pressure();
    return this.#pressure;
  }

  receive(message: unknown, sender: AnyRef | null): void {
    this.used = true;
    if (this.#sent < this.#stop) this.#transmit(message, sender);
    else this.#receiveAtStop(message, sender);
  }

  /** It is in a table from now on, and counts from `start`. */
  open(start: number): void {
    this.#open = true;
    this.#sent = start;
    this.#first = start;
    this.#reported = start;
    this.#told = 0;
    this.#limit = start + WINDOW;
    this.#stop = start + WINDOW / 2;
  }

  /** It is in no table any more; what waits becomes dead letters. */
  close(reason: DeadLetterReason): void {
    this.#open = false;
    this.#sent = 0;
    this.#first = 0;
    this.#limit = 0;
    this.#stop = 0;
    const waiting = this.#waiting;
    this.#waiting = null;
    while (waiting !== null && waiting.length > 0) {
      const message = waiting.shift();
      this.owner.undeliverable(this.ref, message, waiting.sender, reason);
    }
    this.#pressure?.release();
  }

  /** What the receiver says; see `KernelMessage`. */
  credit(limit: number | null): void {
    if (limit === 0) {
      if (this.#limit === FREE) {
        this.#told = 0;
        this.#limit = this.#sent;
      }
      this.#stop = this.#limit;
      this.report();
      return;
    }
    this.#told = limit === null ? FREE : Math.max(this.#told, limit);
    this.#limit = Math.max(this.#limit, this.#told);
    this.#stop = this.#limit;
    this.#drain();
  }

  /** Asks the receiver how far this channel may go. */
  report(): void {
    this.#reported = this.#sent;
    this.owner.say(this.ref, { type: "report", sent: this.#sent });
  }

  #receiveAtStop(message: unknown, sender: AnyRef | null): void {
    if (!this.#open) this.owner.revive(this, message, sender);
    else if (this.#sent < this.#limit) {
      // Half of the first window is gone. The answer comes before the other half is, unless the receiver is far or slow.
      this.#stop = this.#limit;
      this.#transmit(message, sender);
      this.report();
    } else this.#wait(message, sender);
  }

  #transmit(message: unknown, sender: AnyRef | null): void {
    this.#sent += 1;
    this.owner.transmit(this.ref, message, sender);
  }

  #wait(message: unknown, sender: AnyRef | null): void {
    const waiting = (this.#waiting ??= new Lane());
    if (waiting.length >= CHANNEL_QUEUE_MAX) {
      this.owner.undeliverable(this.ref, message, sender, "no-credit");
      return;
    }
    waiting.push(message, sender);
    const source = sender?.target.source;
    if (source !== undefined && source !== null) this.pressure?.hold(source);
    // Once for each number is enough; again when twice as many wait, in case a driver broke its promise and dropped the answer.
    if (this.#sent > this.#reported || isPowerOfTwo(waiting.length)) this.report();
  }

  #drain(): void {
    const waiting = this.#waiting;
    // What `transmit` leads to may come back here with more credit; it then goes on where this loop is.
    while (waiting !== null && waiting.length > 0 && this.#sent < this.#limit) {
      const message = waiting.shift();
      this.#transmit(message, waiting.sender);
    }
    if (this.depth === 0 && this.#sent < this.#limit) this.#pressure?.release();
  }
}

function isPowerOfTwo(count: number): boolean {
  return (count & (count - 1)) === 0;
}
