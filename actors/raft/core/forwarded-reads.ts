/**
 * Reads that a follower has asked its leader about. A question or its answer may be lost, so each has a deadline; nothing
 * is sent twice.
 *
 * A token holds a number drawn when the member started: an answer to a question of before a restart would carry an old
 * index, and must not be taken for an answer to a question of after it.
 */
import type { Random } from "../../../runtime/ports/random.ts";
import { leftMs, type Essence } from "./essence.ts";

interface ForwardedRead {
  readonly id: string;
  readonly deadlineMs: number;
}

export class ForwardedReads {
  readonly #incarnation: string;
  #counter = 0;
  /** In order of their deadlines, since all wait equally long. */
  readonly #reads = new Map<string, ForwardedRead>();

  constructor(random: Random) {
    this.#incarnation = `${random.integer(2 ** 32)}-${random.integer(2 ** 32)}`;
  }

  get size(): number {
    return this.#reads.size;
  }

  add(id: string, deadlineMs: number): string {
    this.#counter += 1;
    const token = `${this.#incarnation}-${this.#counter}`;
    this.#reads.set(token, { id, deadlineMs });
    return token;
  }

  /** The id of the read that was asked for under `token`, once. */
  take(token: string): string | undefined {
    const read = this.#reads.get(token);
    this.#reads.delete(token);
    return read?.id;
  }

  takeExpired(nowMs: number): readonly string[] {
    const expired = [...this.#reads].filter(([, read]) => read.deadlineMs <= nowMs);
    for (const [token] of expired) this.#reads.delete(token);
    return expired.map(([, read]) => read.id);
  }

  takeAll(): readonly string[] {
    const ids = [...this.#reads.values()].map((read) => read.id);
    this.#reads.clear();
    return ids;
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    const reads = [...this.#reads].map(([token, { id, deadlineMs }]) => [token, id, leftMs(deadlineMs, nowMs)]);
    return [this.#incarnation, this.#counter, reads];
  }

  nextDeadlineMs(): number {
    const [first] = this.#reads.values();
    return first?.deadlineMs ?? Infinity;
  }
}
