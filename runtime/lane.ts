/**
 * A first-in first-out queue of messages with their senders: a ring buffer of pairs in one array, so that no object is made
 * for a message that waits and a pair lies in one cache line.
 *
 * Has no slots before its first message, doubles by copying, and lets them go when a burst is over: an actor that once had
 * a million messages waiting does not hold their room for the rest of its life.
 */

import type { AnyRef } from "./ref.ts";

/** Pairs in the first slots. Most actors never have more waiting. */
const PAIRS_MIN = 4;

/** An empty lane of more pairs than this gives its slots back; fewer are kept, so that small bursts allocate nothing. */
const PAIRS_KEPT = 1024;

const NO_SLOTS: unknown[] = [];

export class Lane {
  length = 0;
  /** The sender of the message that `shift` returned last. */
  sender: AnyRef | null = null;
  #slots: unknown[] = NO_SLOTS;
  /** Where the first pair begins: even. */
  #head = 0;

  push(message: unknown, sender: AnyRef | null): void {
    if (this.length * 2 === this.#slots.length) this.#grow();
    const slots = this.#slots;
    const at = (this.#head + this.length * 2) & (slots.length - 1);
    slots[at] = message;
    slots[at + 1] = sender;
    this.length += 1;
  }

  /** Only when `length` > 0. */
  shift(): unknown {
    const slots = this.#slots;
    const at = this.#head;
    const message = slots[at];
    this.sender = slots[at + 1] as AnyRef | null;
    slots[at] = undefined;
    slots[at + 1] = null;
    this.#head = (at + 2) & (slots.length - 1);
    this.length -= 1;
    if (this.length === 0 && slots.length > PAIRS_KEPT * 2) {
      this.#slots = NO_SLOTS;
      this.#head = 0;
    }
    return message;
  }

  /** Takes the oldest message out that `matches`, with its sender in `sender`; undefined when there is none. */
  removeFirst(matches: (message: unknown) => boolean): unknown {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let i = 0; i < this.length; i++) {
      const found = slots[(this.#head + 2 * i) & mask];
      if (!matches(found)) continue;
      const sender = slots[((this.#head + 2 * i) & mask) + 1] as AnyRef | null;
      // What is ahead of it moves up by one pair; the first one then stands twice and is shifted away.
      for (let pair = i; pair > 0; pair--) {
        const to = (this.#head + 2 * pair) & mask;
        const from = (this.#head + 2 * (pair - 1)) & mask;
        slots[to] = slots[from];
        slots[to + 1] = slots[from + 1];
      }
      this.shift();
      this.sender = sender;
      return found;
    }
    return undefined;
  }

  #grow(): void {
    const size = this.#slots.length;
    if (size === 0) {
      this.#slots = Array.from({ length: PAIRS_MIN * 2 });
      return;
    }
    // slice and concat copy memory; an element at a time is four times slower.
    this.#slots = this.#slots.slice(this.#head).concat(this.#slots.slice(0, this.#head));
    this.#slots.length = size * 2;
    this.#head = 0;
  }
}
