/**
 * The journal on LMDB: one file `journal.mdb` for all streams of a node, in a folder that one process has.
 *
 *     calls of all actors ──▶ waiting ──one batch at a time──▶ thread: one transaction ──▶ answers, in order
 *
 * While one batch is under way, what is called goes together into the next: a busy journal takes as many appends a commit as come in the
 * time of one. docs/decisions/0014-journal.md, and 0004-lmdb-log.md for why LMDB is not let near a file that nobody has read.
 */
import { join, resolve } from "node:path";
import { CheckedJournal, type JournalBackend, type SubmitDone } from "../persistence/checked-journal.ts";
import type { Journal } from "../ports/journal.ts";
import { StoreError } from "../ports/store-error.ts";
import { lockFolder, PRIVATE_MODE, type FolderLock } from "./folder-lock.ts";
import { decodeBody, encodeBody } from "./journal-records.ts";
import {
  packCalls,
  unpackAnswers,
  type Call,
  type JournalBatch,
  type JournalThreadOptions,
  type JournalThreadReply,
} from "./journal-wire.ts";
import { LmdbThread } from "./lmdb-thread.ts";

export interface LmdbJournalOptions {
  /** Made if it is missing. Nothing else may be kept in it. */
  readonly folder: string;
}

/** Of one transaction. Larger ones make the calls in them wait for each other. */
const BATCH_CALLS_MAX = 2000;
const BATCH_BYTES_MAX = 33_554_432;
/** Pages and snapshots of one batch: each is 1 MiB and more in the answer. */
const BATCH_READS_MAX = 32;
/** Of what waits for the disk. Beyond it calls are refused with `store-busy`, so that a slow disk does not become a full memory. */
const WAITING_BYTES_MAX = 268_435_456;

/**
 * Locks the folder, reads the whole file (in a thread; 2 s for a million events of 200 bytes) and opens it.
 *
 * Every event and snapshot has a checksum. One that is damaged makes every call to its stream fail with `store-corrupt`, until it is
 * deleted; damage of the file itself refuses the file. Nothing is ever cut off: what a crash interrupted was a transaction that nobody had
 * been told of, and LMDB never shows it.
 * @throws {StoreError} `store-locked`, `store-corrupt`, `store-version`, `store-full` or `store-io`.
 */
export async function openLmdbJournal(options: LmdbJournalOptions): Promise<Journal> {
  const backend = new LmdbJournalBackend(resolve(options.folder));
  await backend.opened;
  return new CheckedJournal(backend);
}

interface Waiting {
  readonly call: Call;
  readonly bytes: number;
  readonly done: SubmitDone<Uint8Array, Uint8Array>;
}

class LmdbJournalBackend implements JournalBackend<Uint8Array, Uint8Array> {
  readonly path: string;
  readonly opened: Promise<void>;
  readonly encodeEvent: typeof encodeBody = encodeBody;
  readonly decodeEvent: typeof decodeBody = decodeBody;
  readonly decodeSnapshot: typeof decodeBody = decodeBody;
  readonly #lock: FolderLock;
  readonly #thread: LmdbThread<JournalBatch, JournalThreadReply>;
  #onOpened: (error: StoreError | null) => void = () => {};
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: readonly Waiting[] | null = null;
  #failure: StoreError | null = null;
  #onClosed: (() => void)[] = [];
  #isClosed = false;

  constructor(folder: string) {
    this.path = join(folder, "journal.mdb");
    this.#lock = lockFolder(folder, PRIVATE_MODE);
    this.opened = new Promise((done, refuse) => {
      this.#onOpened = (error) => (error === null ? done() : refuse(error));
    });
    const workerData: JournalThreadOptions = { path: this.path };
    this.#thread = new LmdbThread<JournalBatch, JournalThreadReply>({
      file: new URL("./lmdb-journal-writer.ts", import.meta.url),
      workerData,
      onReply: (reply) => this.#onReply(reply),
      onCrash: (reason) => this.#fail(false, reason),
      onEnd: () => this.#ended(),
    });
    this.#thread.hold();
  }

  encodeSnapshot(snapshot: Parameters<JournalBackend<Uint8Array, Uint8Array>["encodeSnapshot"]>[0]): Uint8Array {
    return encodeBody({ ...snapshot, tags: [] });
  }

  submit(call: Call, done: SubmitDone<Uint8Array, Uint8Array>): void {
    if (this.#failure !== null) {
      this.#refuse([{ call, bytes: 0, done }], this.#failure);
      return;
    }
    const bytes = sizeOf(call);
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      const reason = `${this.#waitingBytes} bytes wait for the disk already, at most ${WAITING_BYTES_MAX} may`;
      this.later(() => done({ type: "refused", code: "store-busy", reason }));
      return;
    }
    this.#waiting.push({ call, bytes, done });
    this.#waitingBytes += bytes;
    // The next one of this turn goes into the same batch.
    if (this.#writing === null && this.#waiting.length === 1) setImmediate(() => this.#write());
  }

  later(run: () => void): void {
    setImmediate(run);
  }

  close(done: () => void): void {
    this.#onClosed.push(done);
    if (this.#isClosed) setImmediate(() => this.#closed());
    else if (this.#onClosed.length === 1 && this.#writing === null && this.#waiting.length === 0) this.#closeThread();
  }

  #write(): void {
    if (this.#writing !== null || this.#waiting.length === 0 || this.#failure !== null) return;
    const batch = takeBatch(this.#waiting);
    this.#waiting = this.#waiting.slice(batch.length);
    for (const { bytes } of batch) this.#waitingBytes -= bytes;
    this.#writing = batch;
    const { items, bytes } = packCalls(batch.map(({ call }) => call));
    this.#thread.send({ type: "batch", calls: items, bytes }, [bytes.buffer]);
  }

  #onReply(reply: JournalThreadReply): void {
    if (reply.type === "opened") {
      this.#thread.rest();
      this.#onOpened(null);
    } else if (reply.type === "unopened") {
      const { code, message, hint } = reply;
      this.#failure = new StoreError(code, { message, path: this.path, hint });
      this.#closeThread();
    } else if (reply.type === "failed") this.#fail(reply.full, reply.message);
    else this.#done(reply);
  }

  #done({ answers, bytes }: Extract<JournalThreadReply, { readonly type: "done" }>): void {
    const written = this.#writing ?? [];
    this.#writing = null;
    this.#thread.rest();
    // The thread is busy again while the answers are handed out.
    this.#write();
    for (const [at, answer] of unpackAnswers(answers, bytes).entries()) written[at]?.done(answer);
    if (this.#writing === null) this.#write();
    if (this.#onClosed.length > 0 && this.#writing === null) this.#closeThread();
  }

  #fail(full: boolean, reason: string): void {
    if (this.#failure !== null) return;
    const hint = full
      ? `free space on the disk of "${this.path}", then open it again`
      : "check the disk (dmesg, smartctl), then open it again; it is read through when it is opened";
    const message = `Cannot write the journal "${this.path}": ${full ? "no space left on its disk" : reason}`;
    this.#failure = new StoreError(full ? "store-full" : "store-io", { message, path: this.path, hint });
    const unfinished = [...(this.#writing ?? []), ...this.#waiting];
    this.#writing = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#thread.rest();
    this.#refuse(unfinished, this.#failure);
    if (this.#onClosed.length > 0) this.#closeThread();
  }

  #refuse(all: readonly Waiting[], error: StoreError): void {
    setImmediate(() => {
      for (const { done } of all) done(error);
    });
  }

  #closeThread(): void {
    if (!this.#thread.hasEnded) this.#thread.send({ type: "close" });
    else if (!this.#isClosed) setImmediate(() => this.#ended());
  }

  #ended(): void {
    if (this.#failure === null && this.#onClosed.length === 0) this.#fail(false, "its thread has ended");
    if (!this.#isClosed) this.#lock.release();
    this.#isClosed = true;
    if (this.#failure !== null) this.#onOpened(this.#failure);
    this.#closed();
  }

  #closed(): void {
    for (const done of this.#onClosed.splice(0)) done();
  }
}

function takeBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  let sum = 0;
  let reads = 0;
  const end = waiting.findIndex(({ call, bytes }, at) => {
    sum += bytes;
    if (call.type === "read" || call.type === "load-snapshot") reads += 1;
    return at > 0 && (at >= BATCH_CALLS_MAX || sum > BATCH_BYTES_MAX || reads > BATCH_READS_MAX);
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}

function sizeOf(call: Call): number {
  if (call.type === "append") return call.bodies.reduce((sum, { length }) => sum + length, 0);
  return call.type === "save-snapshot" ? call.body.length : 0;
}
