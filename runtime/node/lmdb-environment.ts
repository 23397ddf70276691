/**
 * An LMDB file as a writer thread has it: made whole or not at all, committed durably, a full disk told from a broken one.
 *
 * Its commits are synchronous: lmdb-js reports the failure of an asynchronous one through promises that nobody can catch, which
 * ends the process on a full disk (lmdb 3.5.6).
 *
 * A commit gets its room before it begins (`LmdbRoom`): one that finds none halfway through a large value ends the process too
 * ("free(): invalid pointer", the same version).
 *
 * The file of locks gets its block before LMDB maps it (`reserveLock`): LMDB makes it as a hole, and the first write to a mapped hole for which
 * the disk has no room ends the process by SIGBUS.
 *
 * A new file is made under another name and renamed when it is on disk, so a file that is there is a whole one, and an
 * empty one is a damaged one (LMDB would take it for new).
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { open, type RootDatabase } from "lmdb";
import type { LmdbRecord } from "./lmdb-file.ts";

export type Environment = RootDatabase<Buffer, Buffer>;

/** How a commit failed. */
export interface CommitFailure {
  readonly full: boolean;
  readonly message: string;
}

/** What a commit may need on top of its records: copies of the pages on the way to the root. */
const COMMIT_OVERHEAD_BYTES = 262_144;
const READERS_MAX = 4;

/** More than LMDB's head and `READERS_MAX` readers take (464 bytes), and no more than the smallest block of a file system. */
const LOCK_BYTES = 512;

/** Pages that a commit copies and the list of free ones, with much to spare: less room is left for it than this is asked for. */
const ROOM_OVERHEAD_BYTES = 65_536;
/** In that list, for a value of 1 MiB that goes: twice 256 numbers of pages. */
const REMOVAL_BYTES = 4096;
/** By how much a file grows ahead: an eighth of it, within these. */
const GROWTH_BYTES = { least: 262_144, most: 8_388_608 } as const;
const ZEROS = new Uint8Array(GROWTH_BYTES.least);

/** Sees to it that the file has blocks on the disk for what a commit will write, behind what LMDB uses of it so far. */
export class LmdbRoom {
  readonly #database: Environment;
  readonly #path: string;
  #headroomBytes = 0;

  constructor(database: Environment, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /**
   * Before a transaction that puts values of `sizeBytes` in all and removes `removals`. @throws as the file system does, with nothing
   * changed that counts.
   */
  reserve(sizeBytes: number, removals = 0): void {
    // A value takes whole pages.
    const wantedBytes = 2 * sizeBytes + REMOVAL_BYTES * removals + ROOM_OVERHEAD_BYTES;
    if (this.#headroomBytes < wantedBytes) this.#headroomBytes = this.#grow(wantedBytes);
    this.#headroomBytes -= wantedBytes;
  }

  /** Returns what the file has room for. */
  #grow(wantedBytes: number): number {
    const { pageSize, lastPageNumber } = this.#database.getStats() as {
      readonly pageSize: number;
      readonly lastPageNumber: number;
    };
    const usedBytes = (lastPageNumber + 1) * pageSize;
    const file = openSync(this.#path, "r+");
    try {
      let sizeBytes = fstatSync(file).size;
      const growth = Math.min(GROWTH_BYTES.most, Math.max(GROWTH_BYTES.least, usedBytes / 8));
      const end = usedBytes + wantedBytes > sizeBytes ? usedBytes + wantedBytes + growth : sizeBytes;
      while (sizeBytes < end)
        sizeBytes += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, end - sizeBytes), sizeBytes);
      return sizeBytes - usedBytes;
    } finally {
      closeSync(file);
    }
  }
}

/** Opens the file, made with `first` in it if there is none. Whoever calls this has seen that a file which is there is whole. */
export async function openEnvironment(path: string, first: LmdbRecord): Promise<Environment> {
  if (!existsSync(path)) await createFile(path, first);
  return openFile(path);
}

/** What a commit of `sizeBytes` that threw `error` failed of. */
export function commitFailure(path: string, error: unknown, sizeBytes: number): CommitFailure {
  const message = error instanceof Error ? error.message : String(error);
  return { full: isDiskFull(path, error, sizeBytes), message };
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `overlappingSync: false`: a commit returns when it is on disk, pages first, then the meta page. */
function openFile(path: string): Environment {
  reserveLock(`${path}-lock`);
  return open<Buffer, Buffer>(path, {
    noSubdir: true,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
    maxReaders: READERS_MAX,
  });
}

/** @throws as the file system does. One that somebody has begun to use has its block, and is left alone. */
function reserveLock(path: string): void {
  const { size = 0, blocks = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  // A file system may keep a small file without a block: what LMDB has written there is not to be lost.
  if (blocks > 0 || (size > 0 && readFileSync(path).some((byte) => byte !== 0))) return;
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    writeSync(file, ZEROS, 0, LOCK_BYTES, 0);
  } finally {
    closeSync(file);
  }
}

async function createFile(path: string, { key, value }: LmdbRecord): Promise<void> {
  const unfinished = `${path}.new`;
  for (const file of [unfinished, `${unfinished}-lock`]) rmSync(file, { force: true });
  const database = openFile(unfinished);
  try {
    new LmdbRoom(database, unfinished).reserve(value.length);
    database.putSync(key, value);
  } finally {
    await database.close();
  }
  renameSync(unfinished, path);
  rmSync(`${unfinished}-lock`, { force: true });
  syncFolder(dirname(path));
}

function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  fsyncSync(file);
  closeSync(file);
}

/** LMDB makes EIO of a write that was cut short for lack of space; whether space lacks shows a file of that size. */
function isDiskFull(path: string, error: unknown, sizeBytes: number): boolean {
  if (isNoSpace(error)) return true;
  const probe = `${path}.probe`;
  try {
    const file = openSync(probe, "w");
    try {
      writeSync(file, Buffer.alloc(sizeBytes + COMMIT_OVERHEAD_BYTES));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return false;
  } catch (probeError) {
    return isNoSpace(probeError);
  } finally {
    rmSync(probe, { force: true });
  }
}

function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
