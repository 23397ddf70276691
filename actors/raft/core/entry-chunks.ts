/**
 * The entries of a log in memory, contiguous: behind `raft-log.ts`, which knows what they mean.
 *
 * Both ends move all the time: appends at the one, compaction at the other. One array would shift a million references at each
 * compaction, and a ring copy them all when it grows: tens of milliseconds in which the member is silent. Here entries lie in
 * chunks by their index: a look-up is two array accesses, a slice costs what it holds, compaction drops whole chunks, and nothing
 * that is done costs more at a million entries than at a thousand.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";

/** Entries in a chunk, a power of two; a message mostly takes from one or two. */
const CHUNK = 1024;

interface Chunk {
  /** By index modulo `CHUNK`; the first may begin, and the last end, anywhere in it. */
  readonly entries: (LogEntry | undefined)[];
  bytes: number;
}

export class EntryChunks {
  #chunks: Chunk[] = [];
  /** Number of the first chunk: its entries' index divided by `CHUNK`. */
  #firstChunk: number;
  #firstIndex: number;
  #lastIndex: number;
  #bytes = 0;

  /** Holds nothing; the first entry will be `firstIndex`. */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
    this.#lastIndex = firstIndex - 1;
    this.#firstChunk = chunkOf(firstIndex);
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
    if (index < this.#firstIndex || index > this.#lastIndex) return undefined;
    return this.#chunks[chunkOf(index) - this.#firstChunk]?.entries[index % CHUNK];
  }

  /** The entry's index must be the one after the last. */
  push(entry: LogEntry): void {
    this.#lastIndex += 1;
    const chunk = this.#chunks[chunkOf(this.#lastIndex) - this.#firstChunk] ?? this.#addChunk();
    chunk.entries[this.#lastIndex % CHUNK] = entry;
    chunk.bytes += entry.payload.length;
    this.#bytes += entry.payload.length;
  }

  /** Entries from `from` to `to`, both included, as far as they are here. */
  slice(from: number, to: number): readonly LogEntry[] {
    const first = Math.max(from, this.#firstIndex);
    const last = Math.min(to, this.#lastIndex);
    if (first > last) return [];
    const lastChunk = chunkOf(last);
    const end = (chunk: number): number => (chunk === lastChunk ? (last % CHUNK) + 1 : CHUNK);
    const head = this.#part(chunkOf(first), first % CHUNK, end(chunkOf(first)));
    if (chunkOf(first) === lastChunk) return head;
    const rest: LogEntry[][] = [];
    for (let chunk = chunkOf(first) + 1; chunk <= lastChunk; chunk++) rest.push(this.#part(chunk, 0, end(chunk)));
    return head.concat(...rest);
  }

  /** Drops `index` and what follows it. */
  truncateFrom(index: number): void {
    const first = Math.max(index, this.#firstIndex);
    while (this.#chunks.length > 0 && (this.#firstChunk + this.#chunks.length - 1) * CHUNK >= first) {
      this.#bytes -= this.#chunks.pop()?.bytes ?? 0;
    }
    // What is left of the last chunk, if `first` lies in it.
    const last = this.#chunks[chunkOf(first) - this.#firstChunk];
    if (last) this.#clear(last, first % CHUNK, last.entries.length);
    this.#lastIndex = first - 1;
  }

  /** Drops what comes before `index`, which may be the one after the last. */
  dropBefore(index: number): void {
    if (index > this.#lastIndex) return this.reset(index);
    const dropped = this.#chunks.splice(0, chunkOf(index) - this.#firstChunk);
    for (const { bytes } of dropped) this.#bytes -= bytes;
    this.#firstChunk += dropped.length;
    const first = this.#chunks[0];
    if (first) this.#clear(first, 0, index % CHUNK);
    this.#firstIndex = index;
  }

  /** Holds nothing any more; the next entry will be `firstIndex`. */
  reset(firstIndex: number): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#firstIndex = firstIndex;
    this.#lastIndex = firstIndex - 1;
    this.#firstChunk = chunkOf(firstIndex);
  }

  #addChunk(): Chunk {
    const chunk: Chunk = { entries: [], bytes: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #part(chunk: number, from: number, to: number): LogEntry[] {
    return (this.#chunks[chunk - this.#firstChunk]?.entries.slice(from, to) ?? []) as LogEntry[];
  }

  #clear(chunk: Chunk, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const length = chunk.entries[at]?.payload.length ?? 0;
      chunk.bytes -= length;
      this.#bytes -= length;
      chunk.entries[at] = undefined;
    }
  }
}

function chunkOf(index: number): number {
  return Math.floor(index / CHUNK);
}
