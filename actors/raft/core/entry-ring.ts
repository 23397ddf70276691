/**
 * The entries of a log in memory, contiguous, in a ring: behind `raft-log.ts`, which knows what they mean.
 *
 * Both ends move all the time: appends at the one, compaction at the other. A plain array would shift a million references
 * at each compaction; here an entry lies at its index modulo the capacity, so appending, dropping and looking up cost the same
 * whatever the length, and a slice costs what it holds. The capacity doubles when it is full and halves when a quarter would do.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";

/** A power of two; an idle member keeps no more. */
const CAPACITY_MIN = 1024;

export class EntryRing {
  #slots: (LogEntry | undefined)[] = makeSlots(CAPACITY_MIN);
  #mask = CAPACITY_MIN - 1;
  #firstIndex: number;
  #lastIndex: number;
  #bytes = 0;

  /** Holds nothing; the first entry will be `firstIndex`. */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
    this.#lastIndex = firstIndex - 1;
  }

  get firstIndex(): number {
    return this.#firstIndex;
  }
  /** One less than `firstIndex` when there is none. */
  get lastIndex(): number {
    return this.#lastIndex;
  }
  /** Of all payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  at(index: number): LogEntry | undefined {
    return index >= this.#firstIndex && index <= this.#lastIndex ? this.#slots[index & this.#mask] : undefined;
  }

  /** The entry's index must be the one after the last. */
  push(entry: LogEntry): void {
    if (this.#lastIndex - this.#firstIndex + 1 > this.#mask) this.#resize((this.#mask + 1) * 2);
    this.#lastIndex += 1;
    this.#slots[this.#lastIndex & this.#mask] = entry;
    this.#bytes += entry.payload.length;
  }

  /** Entries from `from` to `to`, both included, as far as they are here. */
  slice(from: number, to: number): readonly LogEntry[] {
    const first = Math.max(from, this.#firstIndex);
    const last = Math.min(to, this.#lastIndex);
    if (first > last) return [];
    const start = first & this.#mask;
    const end = (last & this.#mask) + 1;
    const slices =
      start < end ? this.#slots.slice(start, end) : [...this.#slots.slice(start), ...this.#slots.slice(0, end)];
    return slices as LogEntry[];
  }

  /** Drops `index` and what follows it. */
  truncateFrom(index: number): void {
    this.#clear(Math.max(index, this.#firstIndex), this.#lastIndex);
    this.#lastIndex = Math.max(this.#firstIndex, index) - 1;
  }

  /** Drops what comes before `index`, which may be the one after the last. */
  dropBefore(index: number): void {
    this.#clear(this.#firstIndex, index - 1);
    this.#firstIndex = index;
    this.#shrink();
  }

  /** Holds nothing any more; the next entry will be `firstIndex`. */
  reset(firstIndex: number): void {
    this.#clear(this.#firstIndex, this.#lastIndex);
    this.#firstIndex = firstIndex;
    this.#lastIndex = firstIndex - 1;
    this.#shrink();
  }

  #clear(from: number, to: number): void {
    for (let index = from; index <= to; index++) {
      this.#bytes -= this.#slots[index & this.#mask]?.payload.length ?? 0;
      this.#slots[index & this.#mask] = undefined;
    }
  }

  #shrink(): void {
    const length = this.#lastIndex - this.#firstIndex + 1;
    let capacity = this.#mask + 1;
    while (capacity > CAPACITY_MIN && length <= capacity / 4) capacity /= 2;
    if (capacity <= this.#mask) this.#resize(capacity);
  }

  #resize(capacity: number): void {
    const slots = makeSlots(capacity);
    for (let index = this.#firstIndex; index <= this.#lastIndex; index++) {
      slots[index & (capacity - 1)] = this.#slots[index & this.#mask];
    }
    this.#slots = slots;
    this.#mask = capacity - 1;
  }
}

function makeSlots(capacity: number): (LogEntry | undefined)[] {
  return Array.from({ length: capacity });
}
