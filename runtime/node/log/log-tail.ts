/**
 * The end of the log, where batches are written: the segment that they go to, those that stand ready behind it, those that are full.
 *
 *     full ─ … ─ full ─ current ─ ready
 *       └──given up──▶ used again ──┘
 */
import { closeSync, rm, rmSync } from "node:fs";
import type { Batch } from "./batch.ts";
import type { LogScan } from "./log-scan.ts";
import { PromptWriter } from "./prompt-writer.ts";
import { SECTOR_BYTES } from "./sector.ts";
import {
  listSegments,
  openSegment,
  prepareSegment,
  SEGMENT_START,
  segmentPath,
  syncFolderNow,
  wipe,
  writeAll,
  type Segment,
  type SegmentSizes,
} from "./segment-file.ts";

/** Files that wait to be used again; a log that is compacted in time needs no more. */
const RECYCLED_MAX = 2;

export type Written = (error: NodeJS.ErrnoException | null) => void;

export interface TailOptions {
  readonly salt: number;
  readonly scan: LogScan;
  /** Number of the last segment. */
  readonly lastNumber: number;
  readonly sizes: SegmentSizes;
}

export class LogTail {
  readonly #folder: string;
  readonly #salt: number;
  readonly #sizes: SegmentSizes;
  readonly #prompt = new PromptWriter();
  /** Full ones and the current one, in order; some may hold nothing, where a batch was too large for them. */
  #segments: Segment[];
  #current: Segment | null;
  #ready: Segment[];
  #recycled: { readonly path: string; readonly sizeBytes: number }[] = [];
  #file: number | null = null;
  #position: number;
  #lastNumber: number;
  #isPreparing = false;

  constructor(folder: string, options: TailOptions) {
    const { salt, scan, lastNumber, sizes } = options;
    this.#folder = folder;
    this.#sizes = sizes;
    this.#salt = salt;
    this.#segments = scan.segments.filter(({ number }) => number <= scan.end.segment);
    this.#ready = scan.segments.filter(({ number }) => number > scan.end.segment);
    this.#current = this.#segments.at(-1) ?? null;
    this.#position = scan.end.byte;
    this.#lastNumber = lastNumber;
  }

  /** The next segment should be made before it is needed. */
  get wantsNext(): boolean {
    const current = this.#current;
    const isHalfFull = current !== null && this.#position > current.sizeBytes / 2;
    return isHalfFull && this.#ready.length === 0 && !this.#isPreparing;
  }

  get isPreparing(): boolean {
    return this.#isPreparing;
  }

  /** Makes a place for that many sectors, if a segment with enough room is there. */
  makePlace(sectors: number): boolean {
    const bytes = sectors * SECTOR_BYTES;
    if (this.#current !== null && this.#position + bytes <= this.#current.sizeBytes) return true;
    while (this.#ready.length > 0) {
      const next = this.#ready.shift() as Segment;
      this.#closeFile();
      this.#segments.push(next);
      this.#current = next;
      this.#position = SEGMENT_START;
      if (SEGMENT_START + bytes <= next.sizeBytes) return true;
    }
    return false;
  }

  /** Makes the next segment, with room for that many sectors; its number is in use when the state says so. */
  prepare(sectors: number, done: (result: number | NodeJS.ErrnoException) => void): void {
    const least = SEGMENT_START + sectors * SECTOR_BYTES;
    let sizeBytes: number = this.#current === null ? this.#sizes.firstBytes : 2 * this.#current.sizeBytes;
    sizeBytes = Math.min(sizeBytes, this.#sizes.largestBytes);
    while (sizeBytes < least) sizeBytes *= 2;
    const at = this.#recycled.findIndex((one) => one.sizeBytes === sizeBytes);
    const [recycled] = at === -1 ? [] : this.#recycled.splice(at, 1);
    const number = this.#lastNumber + 1;
    const order = { folder: this.#folder, salt: this.#salt, number, sizeBytes, recycled: recycled?.path ?? null };
    this.#isPreparing = true;
    prepareSegment(order, (result) => {
      this.#isPreparing = false;
      if (result instanceof Error) return done(result);
      this.#lastNumber = number;
      this.#ready.push(result);
      done(number);
    });
  }

  /** The batch's bytes for the place that was made for it. */
  seal(batch: Batch): Uint8Array {
    return batch.seal(this.#position, (this.#current as Segment).sizeBytes);
  }

  /** Writes what `seal` gave; on disk when it is done. `isPrompt`: it may be done before this returns. */
  write(bytes: Uint8Array, isPrompt: boolean, done: Written): void {
    try {
      this.#file ??= openSegment((this.#current as Segment).path);
    } catch (error) {
      setImmediate(() => done(error as NodeJS.ErrnoException));
      return;
    }
    const order = { file: this.#file, bytes, position: this.#position };
    if (isPrompt && this.#prompt.isAllowed) done(this.#prompt.write(order));
    else writeAll(order, done);
  }

  /** The batch is on disk: the next one goes behind it. */
  advance(batch: Batch): void {
    const current = this.#current as Segment;
    current.firstSequence ??= batch.stamp?.sequence ?? null;
    current.highestIndex = Math.max(current.highestIndex, batch.highestIndex);
    this.#position += batch.sectors * SECTOR_BYTES;
  }

  /** From which segment on the log is needed when it begins behind `baseIndex`; `nextSequence`: of the next batch. */
  firstNeeded(
    baseIndex: number,
    nextSequence: number,
  ): { readonly firstSegment: number; readonly firstSequence: number } | null {
    let first = 0;
    while (first < this.#segments.length - 1 && (this.#segments[first] as Segment).highestIndex <= baseIndex)
      first += 1;
    const needed = this.#segments.slice(first);
    const [segment] = needed;
    if (segment === undefined || first === 0) return null;
    const firstSequence = needed.find((one) => one.firstSequence !== null)?.firstSequence ?? nextSequence;
    return { firstSegment: segment.number, firstSequence };
  }

  /** The state says durably that segments before that one are not needed. */
  giveUpBefore(firstSegment: number): void {
    const gone = this.#segments.filter(({ number }) => number < firstSegment);
    this.#segments = this.#segments.filter(({ number }) => number >= firstSegment);
    for (const { path, sizeBytes } of gone) {
      if (sizeBytes === this.#sizes.largestBytes && this.#recycled.length < RECYCLED_MAX) {
        this.#recycled.push({ path, sizeBytes });
      } else rm(path, { force: true }, () => {});
    }
  }

  /** Wipes whatever stands behind the end of the log. Returns the number of the last segment that is left, or null. */
  cutOff(): number | null {
    this.#closeFile();
    const { number, path, sizeBytes } = this.#current ?? { number: 0, path: "", sizeBytes: 0 };
    for (const other of listSegments(this.#folder)) {
      if (other > number) rmSync(segmentPath(this.#folder, other));
    }
    syncFolderNow(this.#folder);
    if (this.#current !== null && this.#position < sizeBytes) wipe(path, this.#position, sizeBytes);
    this.#ready = [];
    return this.#current === null ? null : number;
  }

  /** The number that was given out last, after what was behind it was cut off. */
  resumeAfter(number: number): void {
    this.#lastNumber = number;
  }

  close(): void {
    this.#closeFile();
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeSync(file);
  }
}
