/**
 * Reads all segments of a log and checks everything in them.
 *
 * Batches are counted, and a batch is written only when the one before it is durable. So the log ends where the next batch is not, if no
 * sector anywhere is of that batch or a later one. Otherwise:
 *
 * - Sectors of a later batch exist: the one that cannot be read was durable, and may have been acknowledged. Damage.
 * - It is the last, and one of its sectors was never written (zeros, or what stood there before): power was lost during that write,
 *   which was acknowledged to nobody. Torn: it is cut off, and told.
 * - It is the last, and all its sectors were written: it has rotted. Damage.
 *
 * Damage is never cut off here: what comes before it is given back, and nothing is changed (fault 23).
 */
import { basename } from "node:path";
import type { LogDamage, LogEntry, LogPosition } from "../../ports/log-store.ts";
import { readBatch, type BatchReading } from "./batch-reader.ts";
import { LogReplay } from "./log-replay.ts";
import type { LogState } from "./log-state.ts";
import { NOISE, SECTOR_BYTES, stampOf, type Stamp } from "./sector.ts";
import {
  headerFault,
  NOISE_BYTE,
  readSegment,
  SEGMENT_START,
  segmentPath,
  sizeInHeader,
  type Segment,
} from "./segment-file.ts";

export interface LogScan {
  readonly base: LogPosition;
  readonly entries: readonly LogEntry[];
  /** Of the last batch that was read. */
  readonly commit: number;
  readonly lastSequence: number;
  /** All that were there, in order. */
  readonly segments: readonly Segment[];
  /** Where the log ends: the number of a segment and a byte in it. */
  readonly end: LogPlace;
  /** Sectors of a torn write, from one byte to another: they must go before anything is written. */
  readonly torn: (LogPlace & { readonly toByte: number; readonly message: string }) | null;
  readonly damage: LogDamage | null;
}

export interface LogPlace {
  readonly segment: number;
  readonly byte: number;
}

/**
 * `read` gives all bytes of the file at a path, or null when it is missing; noise where the disk cannot read.
 * @throws what `read` throws.
 */
export function scanLog(folder: string, state: LogState, read: ReadFile = readSegment): LogScan {
  return new Scanner(folder, state, read).scan();
}

type ReadFile = (path: string) => Buffer | null;

class Scanner {
  readonly #folder: string;
  readonly #state: LogState;
  readonly #readFile: ReadFile;
  readonly #replay: LogReplay;
  readonly #segments: Segment[] = [];
  #commit = 0;
  #sequence: number;
  #end: LogPlace;

  constructor(folder: string, state: LogState, read: ReadFile) {
    this.#folder = folder;
    this.#readFile = read;
    this.#state = state;
    this.#replay = new LogReplay(state.base);
    this.#sequence = state.firstSequence - 1;
    this.#end = { segment: state.firstSegment, byte: SEGMENT_START };
  }

  scan(): LogScan {
    const { firstSegment, lastSegment } = this.#state;
    for (let number = firstSegment; number <= lastSegment; number++) {
      const bytes = this.#read(number);
      if (typeof bytes === "string") return this.#damaged(number, SEGMENT_START, bytes);
      const path = segmentPath(this.#folder, number);
      const segment: Segment = { number, path, sizeBytes: bytes.length, firstSequence: null, highestIndex: 0 };
      this.#segments.push(segment);
      const failed = this.#readSegment(segment, bytes);
      if (failed !== null) return this.#judge(failed, bytes);
    }
    return this.#result(null, null);
  }

  /** All batches of a segment. Returns the one that is there and cannot be read. */
  #readSegment(segment: Segment, bytes: Buffer): Failed | null {
    const view = viewOf(bytes);
    let byte = SEGMENT_START;
    for (;;) {
      const wanted = { salt: this.#state.salt, sequence: this.#sequence + 1 };
      const sector = byte / SECTOR_BYTES;
      const reading = readBatch(bytes, sector, wanted);
      const fault = reading.ok ? this.#replay.applyAll(reading.records, wanted.sequence) : reading.reason;
      if (!reading.ok || fault !== null) {
        const isThere = newest(view, sector, wanted) >= wanted.sequence || isNoise(view, sector, wanted);
        return isThere ? { segment: segment.number, byte, reading, fault: fault ?? "", wanted } : null;
      }
      this.#sequence = wanted.sequence;
      segment.firstSequence ??= wanted.sequence;
      this.#commit = reading.commit;
      for (const record of reading.records) {
        if (record.type === "entry") segment.highestIndex = Math.max(segment.highestIndex, record.entry.index);
      }
      byte += reading.sectors * SECTOR_BYTES;
      this.#end = { segment: segment.number, byte };
    }
  }

  #judge({ segment, byte, reading, fault, wanted }: Failed, bytes: Buffer): LogScan {
    const view = viewOf(bytes);
    const sector = byte / SECTOR_BYTES;
    const header = reading.ok ? null : reading.header;
    const lacks = lackingSectors(view, sector, header?.sectors ?? 1, wanted);
    const isLast = newest(view, sector, wanted) === wanted.sequence && !this.#goesOnBehind(segment, wanted);
    if (!reading.ok && isLast && lacks > 0) {
      const toByte = (lastStamped(view, sector, wanted) + 1) * SECTOR_BYTES;
      const name = basename(segmentPath(this.#folder, segment));
      const message =
        `cut off the last write, batch ${wanted.sequence} at byte ${byte} of ${name}: ` +
        `the power was lost before all of it was on disk, and it was acknowledged to nobody`;
      return this.#result({ segment, byte, toByte, message }, null);
    }
    return this.#damaged(segment, byte, `batch ${wanted.sequence} ${fault}`, header?.lowestIndex);
  }

  /** Whether a segment behind has the batch or a later one. */
  #goesOnBehind(segment: number, wanted: Stamp): boolean {
    for (let number = segment + 1; number <= this.#state.lastSegment; number++) {
      const bytes = this.#read(number);
      if (typeof bytes === "string") return true;
      if (newest(viewOf(bytes), SEGMENT_START / SECTOR_BYTES, wanted) >= wanted.sequence) return true;
    }
    return false;
  }

  #damaged(segment: number, byte: number, reason: string, lowestIndex = Infinity): LogScan {
    const name = basename(segmentPath(this.#folder, segment));
    // What the batch would have replaced is in doubt too.
    const fromIndex = Math.max(this.#replay.base.index + 1, Math.min(this.#replay.lastIndex + 1, lowestIndex));
    this.#replay.entries.length = fromIndex - 1 - this.#replay.base.index;
    const message = `${name} at byte ${byte}: ${reason}; entries from index ${fromIndex} on cannot be trusted`;
    return this.#result(null, { fromIndex, message });
  }

  #result(torn: LogScan["torn"], damage: LogDamage | null): LogScan {
    const { base, entries } = this.#replay;
    return {
      base,
      entries,
      commit: this.#commit,
      lastSequence: this.#sequence,
      segments: this.#segments,
      end: this.#end,
      torn,
      damage,
    };
  }

  /** All of a segment's bytes, or what is wrong with it. */
  #read(number: number): Buffer | string {
    const bytes = this.#readFile(segmentPath(this.#folder, number));
    if (bytes === null) return "is missing";
    return headerFault(bytes, this.#state.salt, number) ?? inFull(bytes);
  }
}

interface Failed extends LogPlace {
  readonly reading: BatchReading;
  readonly fault: string;
  readonly wanted: Stamp;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The newest batch of which a sector stands at or behind that one. */
function newest(view: DataView, sector: number, near: Stamp): number {
  let found = 0;
  for (let at = sector; at < view.byteLength / SECTOR_BYTES; at++) found = Math.max(found, stampOf(view, at, near));
  return found;
}

function lastStamped(view: DataView, sector: number, wanted: Stamp): number {
  let last = sector;
  for (let at = sector; at < view.byteLength / SECTOR_BYTES; at++) {
    if (stampOf(view, at, wanted) === wanted.sequence) last = at;
  }
  return last;
}

function isNoise(view: DataView, sector: number, near: Stamp): boolean {
  return sector < view.byteLength / SECTOR_BYTES && stampOf(view, sector, near) === NOISE;
}

/** How many of a batch's sectors were not written by it. */
function lackingSectors(view: DataView, sector: number, sectors: number, wanted: Stamp): number {
  let lacks = 0;
  for (let at = sector; at < sector + sectors; at++) {
    const stamp = stampOf(view, at, wanted);
    if (stamp !== NOISE && stamp < wanted.sequence) lacks += 1;
  }
  return lacks;
}

/** With noise where the file was cut short. */
function inFull(bytes: Buffer): Buffer | string {
  const sizeBytes = sizeInHeader(bytes);
  if (bytes.length > sizeBytes) return `has ${bytes.length} bytes, not ${sizeBytes}`;
  if (bytes.length === sizeBytes) return bytes;
  return Buffer.concat([bytes, Buffer.alloc(sizeBytes - bytes.length, NOISE_BYTE)]);
}
