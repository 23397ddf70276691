/**
 * A mailbox: two first-in first-out lanes, bounded for users, unbounded for control.
 *
 * Signals go through the control lane, ahead of every user message; they are few and must not be lost. Nor must what the
 * actor itself has asked for (`Deferred`), which keeps its place among the user messages but is not counted.
 * Ring buffers of parallel slots: no object is made for a message in the queue.
 */
import type { Signal } from "./behavior.ts";
import { Deferred } from "./deferred.ts";
import type { AnyRef } from "./ref.ts";

export interface MailboxOptions {
  /**
   * Most messages of others that wait; what the actor itself asked for is not counted. Default 100,000: about 10 MB of
   * small messages, beyond which a queue is only delay.
   */
  readonly capacity?: number;
  /** Which message becomes a dead letter when the mailbox is full. Default: `drop-newest`. */
  readonly overflow?: Overflow;
}

export type Overflow = "drop-newest" | "drop-oldest";

export const MAILBOX_CAPACITY_DEFAULT = 100_000;

const INITIAL_SLOTS = 16;

export class Mailbox<Message> {
  readonly #capacity: number;
  readonly #overflow: Overflow;
  readonly #dropped: (message: unknown, sender: AnyRef | null) => void;
  readonly #users = new Lane();
  readonly #signals = new Lane();
  /** Messages of others that wait. */
  #counted = 0;

  /** @param dropped is told of every message that a full mailbox loses. */
  constructor(options: MailboxOptions, dropped: (message: unknown, sender: AnyRef | null) => void) {
    this.#capacity = options.capacity ?? MAILBOX_CAPACITY_DEFAULT;
    this.#overflow = options.overflow ?? "drop-newest";
    this.#dropped = dropped;
  }

  get hasSignal(): boolean {
    return this.#signals.length > 0;
  }

  get hasMessage(): boolean {
    return this.#users.length > 0;
  }

  /** The sender of the message that `shift` returned last. */
  get sender(): AnyRef | null {
    return this.#users.sender;
  }

  push(message: Message | Deferred, sender: AnyRef | null): void {
    if (message instanceof Deferred || this.#makeRoom(message, sender)) this.#users.push(message, sender);
  }

  pushSignal(signal: Signal): void {
    this.#signals.push(signal, null);
  }

  /** Only when `hasMessage`. */
  shift(): Message | Deferred {
    const message = this.#users.shift() as Message | Deferred;
    if (!(message instanceof Deferred)) this.#counted -= 1;
    return message;
  }

  /** Only when `hasSignal`. */
  shiftSignal(): Signal {
    return this.#signals.shift() as Signal;
  }

  /** Whether `message` may come in, if need be instead of an older one. */
  #makeRoom(message: Message, sender: AnyRef | null): boolean {
    if (this.#counted < this.#capacity) {
      this.#counted += 1;
      return true;
    }
    if (this.#overflow === "drop-newest") {
      this.#dropped(message, sender);
      return false;
    }
    const oldest = this.#users.removeFirst((waiting) => !(waiting instanceof Deferred));
    this.#dropped(oldest, this.#users.sender);
    return true;
  }
}

/** A ring buffer of messages with their senders; grows by doubling. */
class Lane {
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

  /** Takes the oldest message out that `matches`, with its sender in `sender`; undefined when there is none. */
  removeFirst(matches: (message: unknown) => boolean): unknown {
    const mask = this.#messages.length - 1;
    for (let i = 0; i < this.length; i++) {
      const found = this.#messages[(this.#head + i) & mask];
      if (!matches(found)) continue;
      const sender = this.#senders[(this.#head + i) & mask] ?? null;
      // What is ahead of it moves up by one slot; the first one then stands twice and is shifted away.
      for (let at = i; at > 0; at--) {
        this.#messages[(this.#head + at) & mask] = this.#messages[(this.#head + at - 1) & mask];
        this.#senders[(this.#head + at) & mask] = this.#senders[(this.#head + at - 1) & mask] ?? null;
      }
      this.shift();
      this.sender = sender;
      return found;
    }
    return undefined;
  }

  #grow(): void {
    const size = this.#messages.length;
    this.#messages = this.#messages.slice(this.#head).concat(this.#messages.slice(0, this.#head));
    this.#senders = this.#senders.slice(this.#head).concat(this.#senders.slice(0, this.#head));
    this.#messages.length = size * 2;
    this.#senders.length = size * 2;
    this.#head = 0;
  }
}
