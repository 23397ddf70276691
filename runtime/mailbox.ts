/**
 * A mailbox: two first-in first-out lanes, bounded for users, unbounded for control.
 *
 * Signals and supervision go through the control lane, ahead of every user message; they are few and must not be lost.
 * Ring buffers of parallel slots: no object is made for a message in the queue.
 */
import type { AnyRef } from "./ref.ts";

export interface MailboxOptions {
  /** Most messages that wait. Default 100,000: about 10 MB of small messages, beyond which a queue is only delay. */
  readonly capacity?: number;
  /** Which message becomes a dead letter when the mailbox is full. Default: `drop-newest`. */
  readonly overflow?: Overflow;
}

export type Overflow = "drop-newest" | "drop-oldest";

export const MAILBOX_CAPACITY_DEFAULT = 100_000;

const INITIAL_SLOTS = 16;

/** A ring buffer of messages with their senders; grows by doubling. */
export class Lane {
  length = 0;
  #messages: unknown[] = Array.from({ length: INITIAL_SLOTS });
  #senders: (AnyRef | null)[] = Array.from({ length: INITIAL_SLOTS }, () => null);
  #head = 0;
  /** The sender of the message that `shift` returned last. */
  sender: AnyRef | null = null;

  push(message: unknown, sender: AnyRef | null): void {
    if (this.length === this.#messages.length) this.#grow();
    const at = (this.#head + this.length) & (this.#messages.length - 1);
    this.#messages[at] = message;
    this.#senders[at] = sender;
    this.length += 1;
  }

  /** Only when `length` > 0. */
  shift(): unknown {
    const at = this.#head;
    const message = this.#messages[at];
    this.sender = this.#senders[at] ?? null;
    this.#messages[at] = undefined;
    this.#senders[at] = null;
    this.#head = (at + 1) & (this.#messages.length - 1);
    this.length -= 1;
    return message;
  }

  #grow(): void {
    const size = this.#messages.length;
    const order = Array.from({ length: size }, (_, i) => (this.#head + i) & (size - 1));
    this.#messages = [...order.map((at) => this.#messages[at]), ...Array.from({ length: size })];
    this.#senders = [...order.map((at) => this.#senders[at] ?? null), ...Array.from({ length: size }, () => null)];
    this.#head = 0;
  }
}
