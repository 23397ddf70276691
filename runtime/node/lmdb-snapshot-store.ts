/**
 * The snapshot store on LMDB: one file `snapshots.mdb` in a folder that one process has.
 *
 * `load` reads the file without LMDB and checks heads and tree (`lmdb-file.ts`, as for the log). A thread opens it with LMDB when it is
 * first asked something, and carries that out in order, each write as one durable transaction: a node that starts has no use for a snapshot
 * yet, and a thread takes a fifth of the CPU time of its start. A chunk is verified when it is read.
 *
 * A disk without room refuses a snapshot as `store-full` and goes on: what was there stays, and the next one may fit.
 */
import { join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import type {
  FinishedSnapshot,
  LoadedSnapshots,
  SnapshotChunk,
  SnapshotEnd,
  SnapshotHead,
  SnapshotStore,
} from "../ports/snapshot-store.ts";
import { StoreError, type StoreErrorCode } from "../ports/store-error.ts";
import { lockFolder, PRIVATE_MODE, type FolderLock } from "./folder-lock.ts";
import { asBuffer } from "./lmdb-environment.ts";
import { LmdbThread } from "./lmdb-thread.ts";
import {
  packOperations,
  type Operation,
  type WriterOptions,
  type WriterReply,
  type WriterRequest,
} from "./lmdb-writer-protocol.ts";
import { RecordError, unsealed } from "./sealed-record.ts";
import { readSnapshotFile, type SnapshotFile } from "./snapshot-file.ts";
import {
  chunkKey,
  chunkRecord,
  finishedKey,
  finishedRecord,
  snapshotFormatRecord,
  unfinishedKey,
  unfinishedRecord,
} from "./snapshot-records.ts";

export interface LmdbSnapshotStoreOptions {
  /** Made if it is missing. Nothing else may be kept in it. */
  readonly folder: string;
}

/**
 * Locks the folder. Nothing is read before `load`.
 * @throws {StoreError} `store-locked` when a process uses the folder; `store-io` when it cannot be used.
 */
export function openLmdbSnapshotStore(options: LmdbSnapshotStoreOptions): SnapshotStore {
  return new LmdbSnapshotStore(resolve(options.folder));
}

/** The newest, and the one before it, from which a transfer may be under way. */
const KEPT = 2;
/** Chunks that one transaction drops, so that it holds up nobody. */
const DROPPED_AT_ONCE = 64;

type Reply = (result: Uint8Array | null | StoreError) => void;

interface Unfinished {
  readonly number: number;
  readonly head: SnapshotHead;
  chunks: number;
  sizeBytes: number;
  checksum: number;
  /** A part of it found no room: it can only be dropped. */
  isSpoiled: boolean;
}

class LmdbSnapshotStore implements SnapshotStore {
  readonly #path: string;
  readonly #lock: FolderLock;
  #isLoaded = false;
  #thread: LmdbThread<WriterRequest, WriterReply> | null = null;
  /** What the thread has been asked and has not answered, in order. */
  #asked: Reply[] = [];
  /** The newest first. */
  #finished: readonly { readonly number: number; readonly snapshot: FinishedSnapshot }[] = [];
  #unfinished: Unfinished | null = null;
  #lastNumber = 0;
  #failure: StoreError | null = null;
  #onClosed: (() => void) | null = null;

  constructor(folder: string) {
    this.#path = join(folder, "snapshots.mdb");
    this.#lock = lockFolder(folder, PRIVATE_MODE);
  }

  load(): LoadedSnapshots {
    if (this.#isLoaded) throw new Error("SnapshotStore.load: called twice");
    const found = this.#read();
    this.#finished = found.finished;
    this.#unfinished = found.unfinished && { ...found.unfinished, isSpoiled: false };
    this.#lastNumber = found.lastNumber;
    this.#isLoaded = true;
    this.#drop(found.orphans);
    const { unfinished } = found;
    return {
      newest: this.#finished[0]?.snapshot ?? null,
      unfinished: unfinished && { head: unfinished.head, chunks: unfinished.chunks },
      repairs: found.repairs,
    };
  }

  begin(head: SnapshotHead, done: (error?: StoreError) => void): void {
    const before = this.#unfinished;
    if (before?.head.id === head.id && !before.isSpoiled) return this.#write([], done);
    this.#lastNumber += 1;
    const begun = { number: this.#lastNumber, head, chunks: 0, sizeBytes: 0, checksum: 0, isSpoiled: false };
    this.#unfinished = begun;
    const operations: Operation[] = [unfinishedRecord(begun.number, head)];
    if (before) operations.push({ key: unfinishedKey(before.number), value: null });
    this.#write(operations, done);
    if (before) this.#drop(chunkKeys(before.number, before.chunks));
  }

  write({ id, number, bytes }: SnapshotChunk, done: (error?: StoreError) => void): void {
    const unfinished = this.#unfinished;
    // Its caller may not have heard yet that an earlier chunk found no room.
    if (unfinished?.head.id === id && unfinished.isSpoiled) return this.#write([], () => done(this.#fullError()));
    if (unfinished?.head.id !== id || unfinished.chunks !== number) {
      throw new RangeError(`SnapshotStore.write: chunk ${number} of "${id}" is not the next`);
    }
    unfinished.chunks += 1;
    unfinished.sizeBytes += bytes.length;
    unfinished.checksum = crc32(bytes, unfinished.checksum);
    this.#write([chunkRecord(unfinished.number, number, bytes)], done);
  }

  finish(id: string, end: SnapshotEnd, done: (error?: StoreError) => void): void {
    const unfinished = this.#unfinished?.head.id === id ? this.#unfinished : null;
    if (unfinished?.isSpoiled === true) return this.#write([], () => done(this.#fullError()));
    const fault = unfinished === null ? "was not begun" : faultOf(unfinished, end);
    if (unfinished === null || fault !== null) {
      const error = this.#error("store-corrupt", `snapshot "${id}" ${fault}`, "begin another snapshot");
      if (unfinished === null) return this.#write([], () => done(error));
      this.#unfinished = null;
      this.#write([{ key: unfinishedKey(unfinished.number), value: null }], () => done(error));
      return this.#drop(chunkKeys(unfinished.number, unfinished.chunks));
    }
    this.#unfinished = null;
    const { number, head } = unfinished;
    const snapshot = { ...head, ...end };
    const older = this.#finished.slice(KEPT - 1);
    const operations: Operation[] = [finishedRecord(number, snapshot), { key: unfinishedKey(number), value: null }];
    for (const one of older) operations.push({ key: finishedKey(one.number), value: null });
    this.#write(operations, (error) => {
      if (error === undefined) {
        this.#finished = [{ number, snapshot }, ...this.#finished].slice(0, KEPT);
        for (const one of older) this.#drop(chunkKeys(one.number, one.snapshot.chunks));
        // Whatever is begun next drops it.
      } else this.#unfinished ??= { ...unfinished, isSpoiled: true };
      done(error);
    });
  }

  read(id: string, number: number, done: (chunk: Uint8Array | StoreError) => void): void {
    const found = this.#finished.find(({ snapshot }) => snapshot.id === id);
    const key = chunkKey(found?.number ?? 0, number);
    const hint = "another snapshot is made in time; a member that needs this one is given that";
    this.#ask({ type: "read", key }, (value) => {
      if (value instanceof StoreError) return done(value);
      const name = `chunk ${number} of snapshot "${id}"`;
      if (value === null) return done(this.#error("store-corrupt", `${name} is not kept`, hint));
      try {
        done(new Uint8Array(unsealed({ key, value: asBuffer(value) }, name)));
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        done(this.#error("store-corrupt", error.message, hint));
      }
    });
  }

  close(done: () => void): void {
    this.#onClosed = done;
    if (this.#thread && !this.#thread.hasEnded) this.#thread.send({ type: "close" });
    else setImmediate(() => this.#closed());
  }

  #read(): SnapshotFile {
    try {
      return readSnapshotFile(this.#path);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const isForeign = cause instanceof RecordError && cause.foreignFormat !== undefined;
      const hint = isForeign
        ? "start the version of blixard that wrote it"
        : "remove the data folder and add the node as a new member (docs/operations.md)";
      throw this.#error(isForeign ? "store-version" : "store-corrupt", reason, hint, cause);
    }
  }

  /** Chunks that nothing names any more, a part at a time. Those that a crash or a close leaves are found at the next start. */
  #drop(keys: readonly Buffer[]): void {
    if (this.#onClosed) return;
    for (let at = 0; at < keys.length; at += DROPPED_AT_ONCE) {
      this.#write(
        keys.slice(at, at + DROPPED_AT_ONCE).map((key) => ({ key, value: null })),
        () => {},
      );
    }
  }

  #write(operations: readonly Operation[], done: (error?: StoreError) => void): void {
    this.#ask({ type: "write", bytes: packOperations(operations) }, (result) =>
      result instanceof StoreError ? done(result) : done(),
    );
  }

  #ask(request: WriterRequest, reply: Reply): void {
    if (!this.#isLoaded || this.#onClosed) throw new Error("SnapshotStore: the store is not open");
    const failure = this.#failure;
    if (failure) {
      setImmediate(() => reply(failure));
      return;
    }
    this.#asked.push(reply);
    this.#thread ??= this.#startThread();
    this.#thread.send(request, request.type === "write" ? [request.bytes.buffer as ArrayBuffer] : []);
  }

  #startThread(): LmdbThread<WriterRequest, WriterReply> {
    const workerData: WriterOptions = { path: this.#path, format: snapshotFormatRecord() };
    return new LmdbThread<WriterRequest, WriterReply>({
      file: new URL("./lmdb-writer.ts", import.meta.url),
      workerData,
      onReply: (reply) => this.#onReply(reply),
      onCrash: (reason) => this.#fail(reason),
      onEnd: () => (this.#onClosed ? this.#closed() : this.#fail("its thread has ended")),
    });
  }

  #onReply(reply: WriterReply): void {
    if (reply.type === "failed" && !reply.full) return this.#fail(reply.message);
    const asked = this.#asked.shift();
    if (this.#asked.length === 0) this.#thread?.rest();
    if (reply.type !== "failed") return asked?.(reply.type === "read" ? reply.value : null);
    if (this.#unfinished !== null) this.#unfinished.isSpoiled = true;
    asked?.(this.#fullError());
  }

  #fullError(): StoreError {
    return this.#error("store-full", "no space left on its disk", "free space on its disk");
  }

  #fail(reason: string): void {
    if (this.#failure) return;
    const failure = this.#error("store-io", reason, "check the disk (dmesg, smartctl), then start the node again");
    this.#failure = failure;
    const asked = this.#asked;
    this.#asked = [];
    for (const reply of asked) reply(failure);
  }

  #error(code: StoreErrorCode, reason: string, hint: string, cause?: unknown): StoreError {
    const message = `Cannot use the snapshots "${this.#path}": ${reason}`;
    return new StoreError(code, { message, path: this.#path, hint, ...(cause !== undefined && { cause }) });
  }

  #closed(): void {
    this.#lock.release();
    const done = this.#onClosed;
    this.#onClosed = () => {};
    done?.();
  }
}

function chunkKeys(number: number, chunks: number): readonly Buffer[] {
  return Array.from({ length: chunks }, (_, chunk) => chunkKey(number, chunk));
}

function faultOf(has: SnapshotEnd, wanted: SnapshotEnd): string | null {
  const isSame = has.chunks === wanted.chunks && has.sizeBytes === wanted.sizeBytes && has.checksum === wanted.checksum;
  const tell = ({ chunks, sizeBytes, checksum }: SnapshotEnd): string =>
    `${chunks} chunks, ${sizeBytes} bytes, checksum ${checksum}`;
  return isSame ? null : `has ${tell(has)}, wanted ${tell(wanted)}`;
}
