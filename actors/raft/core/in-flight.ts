/**
 * The appends that are under way to one follower, oldest first: the window of pipelining, bounded in number and in bytes.
 *
 * They follow each other without gaps, so an acknowledgement of an index frees all that end at or before it. A ring of numbers:
 * nothing is allocated per append.
 *
 * Source: Ongaro's dissertation §10.2.1 (pipelining); etcd-io/raft `tracker/inflights.go`.
 */
import { agoMs, type Essence } from "./essence.ts";

const CAPACITY_MIN = 8;
/** Numbers kept of each append. */
const FIELDS = 5;

/** How much may be under way to one follower. */
export interface WindowLimits {
  readonly appendsInFlightMax: number;
  readonly bytesInFlightMax: number;
}

/** An append that is not answered yet. */
export interface SentAppend {
  /** Rises from one append to the next. */
  readonly sequence: number;
  /** The index before its first entry. */
  readonly previousIndex: number;
  readonly lastIndex: number;
  readonly sizeBytes: number;
  readonly sentAtMs: number;
}

/** The appends under way to one follower, oldest first, bounded by count and bytes. */
export class InFlight {
  #fields = new Float64Array(CAPACITY_MIN * FIELDS);
  #capacity = CAPACITY_MIN;
  #head = 0;
  #size = 0;
  #bytes = 0;

  get size(): number {
    return this.#size;
  }
  /** Of all payloads that are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** One append larger than the window may go when nothing else is under way. */
  isFull({ appendsInFlightMax, bytesInFlightMax }: WindowLimits): boolean {
    return this.#size >= appendsInFlightMax || this.#bytes >= bytesInFlightMax;
  }

  add({ sequence, previousIndex, lastIndex, sizeBytes, sentAtMs }: SentAppend): void {
    if (this.#size === this.#capacity) this.#grow();
    const at = this.#place(this.#size);
    this.#fields[at] = sequence;
    this.#fields[at + 1] = previousIndex;
    this.#fields[at + 2] = lastIndex;
    this.#fields[at + 3] = sizeBytes;
    this.#fields[at + 4] = sentAtMs;
    this.#size += 1;
    this.#bytes += sizeBytes;
  }

  /** Forgets the appends that end at or before `index`. */
  freeTo(index: number): void {
    while (this.#size > 0 && this.#field(0, 2) <= index) {
      this.#bytes -= this.#field(0, 3);
      this.#head = (this.#head + 1) % this.#capacity;
      this.#size -= 1;
    }
  }

  clear(): void {
    this.#size = 0;
    this.#bytes = 0;
  }

  get oldest(): SentAppend | undefined {
    if (this.#size === 0) return undefined;
    return {
      sequence: this.#field(0, 0),
      previousIndex: this.#field(0, 1),
      lastIndex: this.#field(0, 2),
      sizeBytes: this.#field(0, 3),
      sentAtMs: this.#field(0, 4),
    };
  }

  /** Whether the append of this number is under way. */
  has(sequence: number): boolean {
    for (let at = 0; at < this.#size; at++) if (this.#field(at, 0) === sequence) return true;
    return false;
  }

  /** `essence.ts`. None is older than from `sinceMs`, and what is older than `agesMs` is old. */
  essence(nowMs: number, sinceMs: number, agesMs: number): Essence {
    const appends = Array.from({ length: this.#size }, (_, nth) => [
      ...[0, 1, 2, 3].map((field) => this.#field(nth, field)),
      agoMs(Math.max(this.#field(nth, 4), sinceMs), nowMs, agesMs),
    ]);
    return [this.#bytes, appends];
  }

  #place(nth: number): number {
    return ((this.#head + nth) % this.#capacity) * FIELDS;
  }

  #field(nth: number, field: number): number {
    return this.#fields[this.#place(nth) + field] ?? 0;
  }

  #grow(): void {
    const fields = new Float64Array(this.#capacity * 2 * FIELDS);
    for (let nth = 0; nth < this.#size; nth++) {
      const at = this.#place(nth);
      fields.set(this.#fields.subarray(at, at + FIELDS), nth * FIELDS);
    }
    this.#fields = fields;
    this.#capacity *= 2;
    this.#head = 0;
  }
}
