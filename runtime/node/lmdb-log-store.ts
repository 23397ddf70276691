/**
 * The log store on LMDB: one file `raft-log.mdb` in a folder that one process has.
 *
 * `load` reads the file without LMDB and checks all of it (`lmdb-file.ts`, `log-records.ts`); then a thread opens it with
 * LMDB and writes (`lmdb-writer.ts`). One transaction is under way; what is appended meanwhile goes together into the next,
 * so a busy store takes as many appends a commit as come in the time of one.
 *
 * A torn tail cannot be seen here: a transaction is there as a whole or not at all, and a commit that a crash cut off was
 * acknowledged to nobody. So whatever is damaged may have been acknowledged, nothing is ever cut off, and `repairs` is
 * always empty. docs/decisions/0004-lmdb-log.md.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { EMPTY_LOG, type LoadedLog, type LogPosition, type LogStore, type LogWrite } from "../ports/log-store.ts";
import { StoreError } from "../ports/store-error.ts";
import { lockFolder, type FolderLock } from "./folder-lock.ts";
import { LmdbFileError, readLmdbFile } from "./lmdb-file.ts";
import { LmdbThread } from "./lmdb-thread.ts";
import {
  packOperations,
  type Operation,
  type WriterOptions,
  type WriterReply,
  type WriterRequest,
} from "./lmdb-writer-protocol.ts";
import {
  baseRecord,
  entryKey,
  entryRecord,
  formatRecord,
  hardStateRecord,
  identityRecord,
  parseLog,
  tailRecord,
} from "./log-records.ts";
import { RecordError } from "./sealed-record.ts";

export interface LmdbLogStoreOptions {
  /** Made if it is missing. Nothing else may be kept in it. */
  readonly folder: string;
}

/**
 * Locks the folder. Nothing is read before `load`.
 * @throws {StoreError} `store-locked` when a process uses the folder; `store-io` when it cannot be used.
 */
export function openLmdbLogStore(options: LmdbLogStoreOptions): LogStore {
  return new LmdbLogStore(resolve(options.folder));
}

type Done = (error?: StoreError) => void;

class LmdbLogStore implements LogStore {
  readonly #folder: string;
  readonly #path: string;
  readonly #lock: FolderLock;
  #writer: LmdbThread<WriterRequest, WriterReply> | null = null;
  #baseIndex = 0;
  #lastIndex = 0;
  #waiting: Operation[] = [];
  #waitingDone: Done[] = [];
  #writingDone: Done[] | null = null;
  #failure: StoreError | null = null;
  #onClosed: (() => void) | null = null;
  #isClosed = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "raft-log.mdb");
    this.#lock = lockFolder(folder);
  }

  load(): LoadedLog {
    if (this.#writer) throw new Error("LogStore.load: called twice");
    const loaded = this.#read();
    this.#baseIndex = loaded.base.index;
    this.#lastIndex = loaded.base.index + loaded.entries.length;
    this.#writer = this.#startWriter();
    return loaded;
  }

  append({ identity, hardState, reset, entries }: LogWrite, done: Done): void {
    if (!this.#writer || this.#onClosed) throw new Error("LogStore.append: the store is not open");
    if (this.#failure) return this.#finish([done], this.#failure);
    if (hardState) this.#waiting.push(hardStateRecord(hardState));
    if (identity) this.#waiting.push(identityRecord(identity));
    if (reset) {
      this.#forget(this.#baseIndex, this.#lastIndex);
      this.#waiting.push(baseRecord(reset), tailRecord(reset.index));
      this.#baseIndex = this.#lastIndex = reset.index;
    }
    const [first] = entries;
    if (first) {
      const lastIndex = first.index + entries.length - 1;
      if (first.index <= this.#baseIndex || first.index > this.#lastIndex + 1) {
        throw new RangeError(`LogStore.append: index ${first.index} does not follow ${this.#lastIndex}`);
      }
      for (const entry of entries) this.#waiting.push(entryRecord(entry));
      this.#forget(lastIndex, this.#lastIndex);
      this.#waiting.push(tailRecord(lastIndex));
      this.#lastIndex = lastIndex;
    }
    this.#waitingDone.push(done);
    this.#write();
  }

  compact(through: LogPosition): void {
    if (through.index <= this.#baseIndex || !this.#writer || this.#failure) return;
    this.#forget(this.#baseIndex, through.index);
    this.#waiting.push(baseRecord(through));
    this.#baseIndex = through.index;
  }

  onRoom(): void {}

  close(done: () => void): void {
    this.#onClosed = done;
    if (!this.#writer || this.#writer.hasEnded || this.#isClosed) setImmediate(() => this.#closed());
    else if (!this.#writingDone) this.#closeWriter();
  }

  #forget(after: number, through: number): void {
    for (let index = after + 1; index <= through; index++) this.#waiting.push({ key: entryKey(index), value: null });
  }

  #read(): LoadedLog {
    try {
      if (existsSync(this.#path)) return parseLog(readLmdbFile(this.#path));
      if (existsSync(`${this.#path}-lock`)) throw new LmdbFileError("it is missing, though it was here before");
      return EMPTY_LOG;
    } catch (cause) {
      throw this.#readError(cause);
    }
  }

  #readError(cause: unknown): StoreError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const details = { message: `Cannot read the Raft log "${this.#path}": ${reason}`, path: this.#path, cause };
    if (cause instanceof RecordError && cause.foreignFormat !== undefined) {
      return new StoreError("store-version", { ...details, hint: "start the version of blixard that wrote it" });
    }
    if (cause instanceof LmdbFileError || cause instanceof RecordError) {
      // No word of a backup: an older log has forgotten votes and entries just as an empty one has.
      const hint =
        `only while all other nodes run and agree on a leader, move "${this.#folder}" away and start this node again, empty; ` +
        `keep them all running until "blixard cluster status" shows that it has caught up (docs/operations.md says why)`;
      return new StoreError("store-corrupt", { ...details, hint });
    }
    return new StoreError("store-io", { ...details, hint: "check the disk and the permissions of the file" });
  }

  #startWriter(): LmdbThread<WriterRequest, WriterReply> {
    const workerData: WriterOptions = { path: this.#path, format: formatRecord() };
    return new LmdbThread<WriterRequest, WriterReply>({
      file: new URL("./lmdb-writer.ts", import.meta.url),
      workerData,
      onReply: (reply) => this.#onReply(reply),
      onCrash: (reason) => this.#fail(false, reason),
      onEnd: () => {
        if (!this.#onClosed) this.#fail(false, "its writer thread has ended");
        else this.#closed();
      },
    });
  }

  #write(): void {
    if (this.#writingDone || this.#waitingDone.length === 0) return;
    const bytes = packOperations(this.#waiting);
    this.#writingDone = this.#waitingDone;
    this.#waiting = [];
    this.#waitingDone = [];
    this.#writer?.send({ type: "write", bytes }, [bytes.buffer]);
  }

  #onReply(reply: WriterReply): void {
    if (reply.type === "failed") return this.#fail(reply.full, reply.message);
    const written = this.#writingDone ?? [];
    this.#writingDone = null;
    this.#writer?.rest();
    this.#write();
    for (const done of written) done();
    if (this.#onClosed && !this.#writingDone) this.#closeWriter();
  }

  #fail(full: boolean, reason: string): void {
    if (this.#failure) return;
    const hint = full
      ? `free space on the disk of "${this.#folder}", then start the node again`
      : "check the disk (dmesg, smartctl), then start the node again; the log is verified at the start";
    const why = full ? "no space left on its disk" : reason;
    const message = `Cannot write the Raft log "${this.#path}": ${why}`;
    this.#failure = new StoreError(full ? "store-full" : "store-io", { message, path: this.#path, hint });
    const unfinished = [...(this.#writingDone ?? []), ...this.#waitingDone];
    this.#writingDone = null;
    this.#waiting = [];
    this.#waitingDone = [];
    this.#finish(unfinished, this.#failure);
    if (this.#onClosed) this.#closeWriter();
  }

  #finish(all: readonly Done[], error: StoreError): void {
    setImmediate(() => {
      for (const done of all) done(error);
    });
  }

  #closeWriter(): void {
    this.#writer?.send({ type: "close" });
  }

  #closed(): void {
    if (!this.#isClosed) this.#lock.release();
    this.#isClosed = true;
    this.#onClosed?.();
  }
}
