/**
 * Records as a stream of chunks and back: what a snapshot is cut into, whatever it is made of.
 *
 * A record is a length in 4 bytes, highest first, and its bytes; chunks are cut at a fixed size, without regard to records, so a record
 * may be larger than a chunk. Records are asked for only when a chunk needs them, so a snapshot of any size costs one chunk and one record
 * of memory. That chunks are whole, right and all there is what the snapshot store and Raft see to.
 */

/** 256 KiB: a part of a transfer, and about 5 ms of encoding at a time. */
const CHUNK_BYTES: number = 256 * 1024;

const LENGTH_BYTES = 4;

export interface Chunk {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

export class RecordChunks {
  readonly #next: () => Uint8Array | null;
  readonly #chunkBytes: number;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Of the first that waits, with its length: how much an earlier chunk has. */
  #begun = 0;
  #done = false;

  /** @param next gives the records in order, null after the last. */
  constructor(next: () => Uint8Array | null, chunkBytes: number = CHUNK_BYTES) {
    this.#next = next;
    this.#chunkBytes = chunkBytes;
  }

  /** The next chunk; not to be called after the last. A stream without records is one empty chunk. */
  next(): Chunk {
    // One byte more than fits must be there to know that this is not the last one.
    while (!this.#done && this.#waitingBytes <= this.#chunkBytes) this.#pull();
    const bytes = new Uint8Array(Math.min(this.#chunkBytes, this.#waitingBytes));
    let at = 0;
    let taken = 0;
    while (at < bytes.length) {
      const record = this.#waiting[taken] as Uint8Array;
      const before = this.#begun;
      this.#begun = fill(bytes, at, { record, from: before });
      at += this.#begun - before;
      if (this.#begun < LENGTH_BYTES + record.length) break;
      this.#begun = 0;
      taken += 1;
    }
    this.#waiting.splice(0, taken);
    this.#waitingBytes -= bytes.length;
    return { bytes, last: this.#done && this.#waitingBytes === 0 };
  }

  #pull(): void {
    const record = this.#next();
    if (record === null) {
      this.#done = true;
      return;
    }
    this.#waiting.push(record);
    this.#waitingBytes += LENGTH_BYTES + record.length;
  }
}

/** Fills in as much of a record and its length as fits into `bytes` at `at`, from the byte `from` of both; answers how much of them is put by now. */
function fill(
  bytes: Uint8Array,
  at: number,
  { record, from }: { readonly record: Uint8Array; readonly from: number },
): number {
  let put = from;
  let to = at;
  for (; put < LENGTH_BYTES && to < bytes.length; put++) bytes[to++] = record.length >>> (8 * (LENGTH_BYTES - 1 - put));
  const begin = put - LENGTH_BYTES;
  const fits = Math.min(record.length - begin, bytes.length - to);
  if (put < LENGTH_BYTES || fits === 0) return put;
  bytes.set(fits < record.length ? record.subarray(begin, begin + fits) : record, to);
  return put + fits;
}

/**
 * Records of a chunk are views of it; only one that lies in several chunks is put together, once.
 */
export class RecordReader {
  /** Of the record that has begun and is not whole, with its length. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** How many bytes those must be for the next step: for its length, then for all of it. */
  #wanted = LENGTH_BYTES;

  /** Takes the next chunk, of any size. @returns the records that are whole by now, in order. */
  add(chunk: Uint8Array): readonly Uint8Array[] {
    const records: Uint8Array[] = [];
    let at = 0;
    while (this.#partsBytes > 0 && at < chunk.length) {
      const taken = chunk.subarray(at, at + this.#wanted - this.#partsBytes);
      this.#begin(taken);
      at += taken.length;
      const record = this.#completed();
      if (record !== null) records.push(record);
    }
    for (let end = endOf(chunk, at); end <= chunk.length; end = endOf(chunk, at)) {
      records.push(chunk.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    if (at < chunk.length) {
      const end = endOf(chunk, at);
      this.#begin(chunk.subarray(at));
      this.#wanted = end === Infinity ? LENGTH_BYTES : end - at;
    }
    return records;
  }

  /** Whether all that was added were whole records; at the end of a stream it must be so. */
  get isAtEnd(): boolean {
    return this.#partsBytes === 0;
  }

  #begin(part: Uint8Array): void {
    this.#parts.push(part);
    this.#partsBytes += part.length;
  }

  /** The record that has begun, once it is whole. */
  #completed(): Uint8Array | null {
    if (this.#partsBytes < this.#wanted) return null;
    const joined = joinBytes(this.#parts, this.#partsBytes);
    const end = endOf(joined, 0);
    if (end > joined.length) {
      this.#parts = [joined];
      this.#wanted = end;
      return null;
    }
    this.#parts = [];
    this.#partsBytes = 0;
    this.#wanted = LENGTH_BYTES;
    return joined.subarray(LENGTH_BYTES);
  }
}

/** Where the record ends that begins at `at`; Infinity where not even its length is there. */
function endOf(bytes: Uint8Array, at: number): number {
  if (at + LENGTH_BYTES > bytes.length) return Infinity;
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES; i++) length = length * 256 + (bytes[at + i] as number);
  return at + LENGTH_BYTES + length;
}

function joinBytes(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const joined = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
