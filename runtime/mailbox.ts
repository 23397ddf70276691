/**
 * A mailbox: two first-in first-out lanes, bounded for users, unbounded for control.
 *
 * Signals go through the control lane, ahead of every user message; they are few and must not be lost. Nor must what the
 * actor itself has asked for (`Deferred`), which keeps its place among the user messages but is not counted. An actor that
 * never got a message has no lanes.
 */
import type { Signal } from "./behavior.ts";
import { Deferred } from "./deferred.ts";
import { Lane } from "./lane.ts";
import { Pressure } from "./pressure.ts";
import type { AnyRef } from "./ref.ts";

/** How much waits for an actor, and what happens to more. */
export interface MailboxOptions {
  /**
   * Most messages of others that wait; what the actor itself asked for is not counted. Default 100,000: about 10 MB of
   * small messages, beyond which a queue is only delay.
   */
  readonly capacity?: number;
  /** What happens to a message past the capacity. Default: `drop-newest`. */
  readonly overflow?: Overflow;
}

/** What happens to a message for a full mailbox. */
export type Overflow =
  /** It becomes a dead letter, `mailbox-full`. Whoever asked is not told, and hears of it by its timeout. */
  | "drop-newest"
  /** It comes in; the oldest message of others becomes a dead letter, `mailbox-full`. */
  | "drop-oldest"
  /** As `drop-newest`, and if it is an ask it fails at once with `mailbox-full`. */
  | "fail-ask"
  /**
   * It comes in, and the actor that sent it gets no turn until half of the capacity is free. Senders that nothing can hold
   * back (callers outside of actors that do not wait for `system.ready`, actors spawned with `onPressure: "ignore"`) lose
   * what is past twice the capacity, as under `fail-ask`.
   */
  | "back-pressure";

/** Messages of others that wait in a mailbox unless its options say otherwise. */
export const MAILBOX_CAPACITY_DEFAULT = 100_000;

/** With back-pressure, senders that cannot be held back may fill so many capacities. */
const OVERSHOOT_MAX = 2;

/** Less than any number of messages: nobody waits for the mailbox to drain. */
const NEVER = -1;

/** What a mailbox needs of its actor. */
export interface MailboxOwner {
  /** A full mailbox loses `message`. */
  dropped(message: unknown, sender: AnyRef | null): void;
  /** Makes `sender` wait for `pressure`. False when nothing bounds what it sends. */
  holdBack(sender: AnyRef | null, pressure: Pressure): boolean;
}

export class Mailbox<Message> {
  dropped = 0;
  highWater = 0;
  /** Of the signal that `shiftSignal` returned last: what it follows from, when inspected. */
  signalSender: AnyRef | null = null;
  readonly #owner: MailboxOwner;
  readonly #capacity: number;
  readonly #overflow: Overflow;
  #users: Lane | null = null;
  /** Null when there is no signal. */
  #signals: Lane | null = null;
  /** How many of those that wait are the actor's own, and so not counted: few, and most actors have none. */
  #own = 0;
  /** Draining to so many relieves who waits. */
  #reliefAt = NEVER;
  #pressure: Pressure | null = null;

  constructor(options: MailboxOptions | undefined, owner: MailboxOwner) {
    this.#owner = owner;
    this.#capacity = options?.capacity ?? MAILBOX_CAPACITY_DEFAULT;
    this.#overflow = options?.overflow ?? "drop-newest";
  }

  get hasSignal(): boolean {
    return this.#signals !== null;
  }

  get hasMessage(): boolean {
    return this.#users !== null && this.#users.length > 0;
  }

  get depth(): number {
    return this.#users?.length ?? 0;
  }

  /** Holds its senders back rather than lose what they send. */
  get pressesBack(): boolean {
    return this.#overflow === "back-pressure";
  }

  /** Tells whoever asked that their message was refused. */
  get failsAsks(): boolean {
    return this.#overflow === "fail-ask" || this.#overflow === "back-pressure";
  }

  /**
   * What senders wait for: set from when the mailbox is at its capacity until it has drained to half of it, and null
   * otherwise, as for every mailbox whose policy is not `back-pressure`.
   */
  get pressure(): Pressure | null {
    return this.#reliefAt === NEVER ? null : this.#pressure;
  }

  /** The sender of the message that `shift` returned last. */
  get sender(): AnyRef | null {
    return this.#users?.sender ?? null;
  }

  /** What is handled now was not taken by `shift`. */
  set sender(sender: AnyRef | null) {
    if (this.#users !== null) this.#users.sender = sender;
  }

  push(message: Message | Deferred, sender: AnyRef | null): void {
    const users = (this.#users ??= new Lane());
    if (message instanceof Deferred) this.#own += 1;
    else if (users.length - this.#own >= this.#capacity && !this.#makeRoom(message, sender)) return;
    users.push(message, sender);
    if (users.length > this.highWater) this.highWater = users.length;
  }

  /** A signal, or an answer that goes ahead of every message. */
  pushSignal(signal: Signal | Deferred, sender: AnyRef | null): void {
    this.#signals ??= new Lane();
    this.#signals.push(signal, sender);
  }

  /** Only when `hasMessage`. */
  shift(): Message | Deferred {
    const users = this.#users as Lane;
    const message = users.shift() as Message | Deferred;
    if (this.#own > 0 && message instanceof Deferred) this.#own -= 1;
    else if (this.#reliefAt !== NEVER && users.length - this.#own <= this.#reliefAt) this.release();
    return message;
  }

  /** Only when `hasSignal`. */
  shiftSignal(): Signal | Deferred {
    const signals = this.#signals as Lane;
    const signal = signals.shift() as Signal | Deferred;
    this.signalSender = signals.sender;
    if (signals.length === 0) this.#signals = null;
    return signal;
  }

  /** Lets everybody send again who waits for room here: it has room, or its actor has ended. */
  release(): void {
    this.#reliefAt = NEVER;
    this.#pressure?.release();
  }

  /** Messages of others that wait. */
  get #counted(): number {
    return this.depth - this.#own;
  }

  /** Whether `message` may come in, if need be instead of an older one. */
  #makeRoom(message: Message, sender: AnyRef | null): boolean {
    switch (this.#overflow) {
      case "drop-newest":
      case "fail-ask":
        return this.#refuse(message, sender);
      case "drop-oldest":
        return this.#dropOldest();
      case "back-pressure": {
        this.#reliefAt = Math.floor(this.#capacity / 2);
        this.#pressure ??= new Pressure();
        const bounded = this.#owner.holdBack(sender, this.#pressure);
        if (bounded || this.#counted < this.#capacity * OVERSHOOT_MAX) return true;
        return this.#refuse(message, sender);
      }
      default:
        return this.#overflow satisfies never;
    }
  }

  #refuse(message: unknown, sender: AnyRef | null): false {
    this.dropped += 1;
    this.#owner.dropped(message, sender);
    return false;
  }

  #dropOldest(): true {
    const users = this.#users as Lane;
    const oldest = users.removeFirst((waiting) => !(waiting instanceof Deferred));
    this.#refuse(oldest, users.sender);
    return true;
  }
}
