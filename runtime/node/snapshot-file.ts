/**
 * What a snapshot store finds in its file, read without LMDB (lmdb-file.ts): finished snapshots, the unfinished one with as many chunks
 * as follow each other whole, and what nothing names any more.
 */
import { existsSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { FinishedSnapshot, SnapshotHead } from "../ports/snapshot-store.ts";
import { LmdbFileError, walkLmdbFile, type LmdbRecord } from "./lmdb-file.ts";
import { checkFormat, RecordError, unsealed } from "./sealed-record.ts";
import {
  chunkKey,
  parseFinished,
  parseUnfinished,
  placeOf,
  SNAPSHOT_FORMAT,
  SNAPSHOT_KEY,
} from "./snapshot-records.ts";

export interface SnapshotFile {
  /** The newest first. */
  readonly finished: readonly { readonly number: number; readonly snapshot: FinishedSnapshot }[];
  readonly unfinished: {
    readonly number: number;
    readonly head: SnapshotHead;
    chunks: number;
    sizeBytes: number;
    checksum: number;
  } | null;
  readonly lastNumber: number;
  /** Keys of chunks that belong to nothing. */
  readonly orphans: readonly Buffer[];
  readonly repairs: readonly string[];
}

/** @throws {LmdbFileError} or {RecordError} when the file is damaged, or a head is. */
export function readSnapshotFile(path: string): SnapshotFile {
  if (!existsSync(path)) {
    if (existsSync(`${path}-lock`)) throw new LmdbFileError("it is missing, though it was here before");
    return { finished: [], unfinished: null, lastNumber: 0, orphans: [], repairs: [] };
  }
  const reading = new Reading();
  walkLmdbFile(path, (record) => reading.take(record));
  return reading.end();
}

class Reading {
  readonly #finished = new Map<number, FinishedSnapshot>();
  readonly #orphans: Buffer[] = [];
  readonly #repairs: string[] = [];
  #unfinished: { number: number; head: SnapshotHead; chunks: number; sizeBytes: number; checksum: number } | null =
    null;
  #hasFormat = false;
  #lastNumber = 0;

  /** In order of the keys, so heads come before chunks. */
  take(record: LmdbRecord): void {
    if (!this.#hasFormat) {
      checkFormat(record, SNAPSHOT_KEY.format, SNAPSHOT_FORMAT);
      this.#hasFormat = true;
      return;
    }
    const { number, chunk } = placeOf(record.key);
    this.#lastNumber = Math.max(this.#lastNumber, number);
    if (record.key[0] === SNAPSHOT_KEY.finished) this.#finished.set(number, parseFinished(record));
    else if (record.key[0] === SNAPSHOT_KEY.unfinished) this.#begin(number, parseUnfinished(record));
    else this.#takeChunk(number, chunk, record);
  }

  end(): SnapshotFile {
    if (!this.#hasFormat) throw new RecordError("it has no format record");
    const finished = [...this.#finished].map(([number, snapshot]) => ({ number, snapshot }));
    return {
      finished: finished.toSorted((a, b) => b.number - a.number),
      unfinished: this.#unfinished,
      lastNumber: this.#lastNumber,
      orphans: this.#orphans,
      repairs: this.#repairs,
    };
  }

  #begin(number: number, head: SnapshotHead): void {
    this.#unfinished = { number, head, chunks: 0, sizeBytes: 0, checksum: 0 };
  }

  #takeChunk(number: number, chunk: number, record: LmdbRecord): void {
    if (this.#finished.has(number)) return;
    const unfinished = this.#unfinished;
    if (unfinished?.number !== number || unfinished.chunks !== chunk) {
      this.#orphans.push(chunkKey(number, chunk));
      return;
    }
    const body = wholeOrNull(record);
    if (body === null) {
      this.#repairs.push(
        `chunk ${chunk} of unfinished snapshot "${unfinished.head.id}" was damaged: it goes on from there`,
      );
      this.#orphans.push(chunkKey(number, chunk));
      return;
    }
    unfinished.chunks += 1;
    unfinished.sizeBytes += body.length;
    unfinished.checksum = crc32(body, unfinished.checksum);
  }
}

function wholeOrNull(record: LmdbRecord): Buffer | null {
  try {
    return unsealed(record, "a chunk");
  } catch (error) {
    if (error instanceof RecordError) return null;
    throw error;
  }
}
