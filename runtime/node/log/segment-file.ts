/**
 * Segments: the files of the log, `log-NUMBER.seg`, in the order of their numbers. Each has its full size from the start and is on disk
 * as a whole, so that a write to it changes data and nothing that describes the file, and needs no room.
 *
 *     sector 0     checksum (4), magic (4), format (4), salt (4), number (6), 0 (2), size (4)
 *     sector 1 …   batches (batch.ts), one behind the other, each from the start of a sector
 *
 * A segment that the log needs no longer is used again under a later number; what it held before tells itself by its stamps. It is made
 * or made over under the name `spare.seg`, so a file that has a number is whole.
 */
import {
  close,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  open,
  openSync,
  readdirSync,
  readSync,
  rename,
  rmSync,
  write,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { getUint48, setUint48 } from "./batch.ts";
import { LOG_FORMAT } from "./log-state.ts";
import { PAGE_BYTES, SECTOR_BYTES } from "./sector.ts";

/** Every later one has twice the size of the one before it, up to the largest: a log that is hardly used is small. */
export interface SegmentSizes {
  readonly firstBytes: number;
  readonly largestBytes: number;
}

/** Where batches begin. */
export const SEGMENT_START: number = SECTOR_BYTES;

const MAGIC = 0x3153_5842;
const HEADER_BYTES = 28;
const FILE_NAME = /^log-(\d{8,})\.seg$/;
const SPARE = "spare.seg";
/** What stands where nothing could be read. */
export const NOISE_BYTE = 0xee;
/** Of zeros, at once: small enough not to hold up the log's own writes for long. */
const FILL_BYTES = 262_144;
const DSYNC = constants.O_RDWR | constants.O_DSYNC;

export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the first batch in it; null while there is none. */
  firstSequence: number | null;
  /** Highest index that any entry in it ever had. */
  highestIndex: number;
}

export function segmentPath(folder: string, number: number): string {
  return join(folder, `log-${String(number).padStart(8, "0")}.seg`);
}

/** Their numbers, in order. */
export function listSegments(folder: string): readonly number[] {
  const numbers = readdirSync(folder).flatMap((name) => {
    const [, number] = FILE_NAME.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
  return numbers.toSorted((a, b) => a - b);
}

export function removeSpare(folder: string): void {
  rmSync(join(folder, SPARE), { force: true });
}

/** The header's sector. */
function segmentHeader(salt: number, number: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, MAGIC, true);
  view.setUint32(8, LOG_FORMAT, true);
  view.setUint32(12, salt, true);
  setUint48(view, 16, number);
  view.setUint32(24, sizeBytes, true);
  view.setUint32(0, crc32(bytes.subarray(4, HEADER_BYTES)), true);
  return bytes;
}

/** What is wrong with the header of a segment's bytes, as the end of a sentence about it, or null. */
export function headerFault(bytes: Uint8Array, salt: number, number: number): string | null {
  if (bytes.length < SECTOR_BYTES) return `has only ${bytes.length} bytes`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWhole =
    view.getUint32(4, true) === MAGIC && view.getUint32(0, true) === crc32(bytes.subarray(4, HEADER_BYTES));
  if (!isWhole) return "has a damaged header";
  if (view.getUint32(8, true) !== LOG_FORMAT) return `has format ${view.getUint32(8, true)}, wanted ${LOG_FORMAT}`;
  if (view.getUint32(12, true) !== salt) return "belongs to another log";
  if (getUint48(view, 16) !== number) return `says that it is segment ${getUint48(view, 16)}`;
  return null;
}

/** How long its header says that a segment is. */
export function sizeInHeader(bytes: Buffer): number {
  return bytes.readUInt32LE(24);
}

export interface SegmentOrder {
  readonly folder: string;
  readonly salt: number;
  readonly number: number;
  readonly sizeBytes: number;
  /** A file of that size that may be used again; null: one is made. */
  readonly recycled: string | null;
}

/** Makes a segment without stopping the process; when it is done it is on disk under its name. */
export function prepareSegment(order: SegmentOrder, done: (result: Segment | NodeJS.ErrnoException) => void): void {
  const { folder, salt, number, sizeBytes, recycled } = order;
  const spare = join(folder, SPARE);
  const path = segmentPath(folder, number);
  const fail = (error: NodeJS.ErrnoException): void => {
    rmSync(spare, { force: true });
    done(error);
  };
  const header = segmentHeader(salt, number, sizeBytes);
  const named = (): void =>
    rename(spare, path, (error) => {
      if (error) return fail(error);
      syncFolder(folder, (folderError) =>
        folderError ? done(folderError) : done({ number, path, sizeBytes, firstSequence: null, highestIndex: 0 }),
      );
    });
  const fill = (file: number): void =>
    fillZeros(file, recycled === null ? sizeBytes : 0, (fillError) => {
      if (fillError) return close(file, () => fail(fillError));
      writeAll({ file, bytes: header, position: 0 }, (writeError) =>
        close(file, (closeError) => ((writeError ?? closeError) ? fail((writeError ?? closeError) as Error) : named())),
      );
    });
  const create = (): void =>
    open(spare, DSYNC | constants.O_CREAT, 0o600, (error, file) => (error ? fail(error) : fill(file)));
  if (recycled === null) create();
  else rename(recycled, spare, (error) => (error ? fail(error) : create()));
}

export function openSegment(path: string): number {
  return openSync(path, DSYNC);
}

export interface FileWrite {
  readonly file: number;
  readonly bytes: Uint8Array;
  /** Where in the file. */
  readonly position: number;
}

/** Writes all of it by Node.js's own threads, in as many calls as the system makes of it. */
export function writeAll(
  { file, bytes, position }: FileWrite,
  done: (error: NodeJS.ErrnoException | null) => void,
): void {
  write(file, bytes, 0, bytes.length, position, (error, written) => {
    if (error) done(error);
    else if (written === bytes.length) done(null);
    else writeAll({ file, bytes: bytes.subarray(written), position: position + written }, done);
  });
}

export function syncFolderNow(folder: string): void {
  const file = openSync(folder, "r");
  fsyncSync(file);
  closeSync(file);
}

function syncFolder(folder: string, done: (error: NodeJS.ErrnoException | null) => void): void {
  open(folder, "r", (error, file) => {
    if (error) return done(error);
    fsync(file, (syncError) => close(file, (closeError) => done(syncError ?? closeError)));
  });
}

function fillZeros(file: number, sizeBytes: number, done: (error: NodeJS.ErrnoException | null) => void): void {
  const zeros = new Uint8Array(FILL_BYTES);
  const next = (position: number): void => {
    if (position >= sizeBytes) return done(null);
    const bytes = zeros.subarray(0, Math.min(FILL_BYTES, sizeBytes - position));
    writeAll({ file, bytes, position }, (error) => (error ? done(error) : next(position + bytes.length)));
  };
  next(0);
}

/** All bytes of a segment's file, noise where the disk cannot read; null when there is no such file. */
export function readSegment(path: string): Buffer | null {
  if (!existsSync(path)) return null;
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.allocUnsafe(fstatSync(file).size);
    if (!readInto(file, bytes, 0, bytes.length)) {
      for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
        const end = Math.min(bytes.length, at + PAGE_BYTES);
        if (!readInto(file, bytes, at, end)) bytes.fill(NOISE_BYTE, at, end);
      }
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function readInto(file: number, bytes: Buffer, from: number, end: number): boolean {
  try {
    for (let at = from; at < end;) {
      const got = readSync(file, bytes, at, end - at, at);
      if (got === 0) return false;
      at += got;
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EIO") return false;
    throw error;
  }
}

/** Zeros, on disk when this returns. */
export function wipe(path: string, fromByte: number, toByte: number): void {
  const file = openSync(path, DSYNC);
  try {
    const zeros = new Uint8Array(toByte - fromByte);
    for (let at = 0; at < zeros.length;) at += writeSync(file, zeros, at, zeros.length - at, fromByte + at);
  } finally {
    closeSync(file);
  }
}
