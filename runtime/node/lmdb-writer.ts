/**
 * The writer thread of the LMDB log store: one durable transaction a request.
 *
 * A thread of its own, since a commit takes as long as the disk does, and heartbeats must not wait for it. Its commits are
 * synchronous: lmdb-js reports the failure of an asynchronous one through promises that nobody can catch, which ends the
 * process on a full disk (lmdb 3.5.6).
 *
 * A new file is made under another name and renamed when it is on disk, so a file that is there is a whole one, and an
 * empty one is a damaged one (LMDB would take it for new).
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { open, type RootDatabase } from "lmdb";
import { unpackOperations, type WriterOptions, type WriterReply, type WriterRequest } from "./lmdb-writer-protocol.ts";
import { formatRecord } from "./log-records.ts";

/** What a commit may need on top of its records: copies of the pages on the way to the root. */
const COMMIT_OVERHEAD_BYTES = 262_144;
const READERS_MAX = 4;

const { path } = workerData as WriterOptions;
const port = parentPort;
if (!port) throw new Error("lmdb-writer.ts runs as a worker thread");

function reply(message: WriterReply): void {
  port?.postMessage(message);
}

/** `overlappingSync: false`: a commit returns when it is on disk, pages first, then the meta page. */
function openDatabase(file: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>(file, {
    noSubdir: true,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
    maxReaders: READERS_MAX,
  });
}

async function createFile(): Promise<void> {
  const unfinished = `${path}.new`;
  for (const file of [unfinished, `${unfinished}-lock`]) rmSync(file, { force: true });
  const database = openDatabase(unfinished);
  const { key, value } = formatRecord();
  database.putSync(key, value);
  await database.close();
  renameSync(unfinished, path);
  rmSync(`${unfinished}-lock`, { force: true });
  syncFolder(dirname(path));
}

function syncFolder(folder: string): void {
  const file = openSync(folder, "r");
  fsyncSync(file);
  closeSync(file);
}

function write(database: RootDatabase<Buffer, Buffer>, bytes: Uint8Array): void {
  database.transactionSync(() => {
    for (const { key, value } of unpackOperations(bytes)) {
      if (value) database.putSync(asBuffer(key), asBuffer(value));
      else database.removeSync(asBuffer(key));
    }
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fail(error: unknown, sizeBytes: number): void {
  const message = error instanceof Error ? error.message : String(error);
  reply({ type: "failed", full: isDiskFull(error, sizeBytes), message });
}

/** LMDB makes EIO of a write that was cut short for lack of space; whether space lacks shows a file of that size. */
function isDiskFull(error: unknown, sizeBytes: number): boolean {
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

async function openOrCreate(): Promise<RootDatabase<Buffer, Buffer> | null> {
  try {
    if (!existsSync(path)) await createFile();
    return openDatabase(path);
  } catch (error) {
    fail(error, 0);
    return null;
  }
}

const database = await openOrCreate();
port.on("message", (request: WriterRequest) => {
  if (request.type === "close") void Promise.resolve(database?.close()).then(() => port.close());
  else if (database) {
    try {
      write(database, request.bytes);
      reply({ type: "written" });
    } catch (error) {
      fail(error, request.bytes.length);
    }
  }
});
