/**
 * A stash: messages that an actor has put away until it can handle them, and those that are on their way back.
 *
 * What comes back is handled ahead of the mailbox, in the order in which it was put away. It never re-enters the mailbox, so
 * a full one loses none of it. The stash belongs to the actor, not to one life of it: a restart brings everything back
 * (as Akka's does), but for answers and timers, which belong to the life that asked for them.
 */
import type { AnyRef } from "./ref.ts";

/** Most messages of a stash where the spawner gave no limit: as many as one actor plausibly defers in one state. */
export const STASH_LIMIT_DEFAULT = 1_000;

export interface Held {
  readonly message: unknown;
  readonly sender: AnyRef | null;
  /** The actor's own: an answer it asked for, or a timer's message. */
  readonly isOwn: boolean;
}

export class Stash {
  #held: Held[] = [];
  #returning: Held[] = [];
  /** How many of `#returning` have been handled. */
  #returned = 0;

  /** Messages that wait for `bringBack`. */
  get size(): number {
    return this.#held.length;
  }

  /** Those, the oldest first. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /** Whether `next` has one. */
  get hasNext(): boolean {
    return this.#returned < this.#returning.length;
  }

  put(held: Held): void {
    this.#held.push(held);
  }

  /** Everything that was put away goes ahead of what is on its way back already. */
  bringBack(): void {
    this.#returning = this.#held.concat(this.#rest());
    this.#returned = 0;
    this.#held = [];
  }

  /** Only when `hasNext`. */
  next(): Held {
    const held = this.#returning[this.#returned++] as Held;
    if (!this.hasNext) {
      this.#returning = [];
      this.#returned = 0;
    }
    return held;
  }

  /** For a new life: brings everything back that is not the earlier life's own. */
  restart(): void {
    this.bringBack();
    this.#returning = this.#returning.filter(({ isOwn }) => !isOwn);
  }

  /** For the end: everything, in the order in which it would have been handled, those put away last. */
  drain(): readonly Held[] {
    const all = this.#rest().concat(this.#held);
    this.#held = [];
    this.#returning = [];
    this.#returned = 0;
    return all;
  }

  #rest(): Held[] {
    return this.#returning.slice(this.#returned);
  }
}
