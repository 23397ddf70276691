/**
 * The thread of the LMDB journal: looks the file through, then carries out batches of calls, each batch as one durable transaction.
 *
 * Reads go through the same transaction: they see what was called before them, and what they show is durable when it is answered.
 */
import { parentPort, workerData } from "node:worker_threads";
import { JournalMachine } from "../persistence/journal-machine.ts";
import { StoreError } from "../ports/store-error.ts";
import { formatRecord } from "./journal-records.ts";
import { verifyJournal } from "./journal-verifier.ts";
import {
  packAnswers,
  unpackCalls,
  type Answer,
  type Call,
  type JournalBatch,
  type JournalThreadOptions,
  type JournalThreadReply,
} from "./journal-wire.ts";
import { commitFailure, LmdbRoom, openEnvironment, type Environment } from "./lmdb-environment.ts";
import { LmdbTable } from "./lmdb-table.ts";
import type { CloseRequest } from "./lmdb-thread.ts";
import { RecordError } from "./sealed-record.ts";

const { path } = workerData as JournalThreadOptions;
const port = parentPort;
if (!port) throw new Error("lmdb-journal-writer.ts runs as a worker thread");

function reply(message: JournalThreadReply, bytes?: Uint8Array<ArrayBuffer>): void {
  port?.postMessage(message, bytes === undefined ? [] : [bytes.buffer]);
}

class JournalThread {
  readonly #database: Environment;
  readonly #room: LmdbRoom;
  readonly #table: LmdbTable;
  readonly #machine: JournalMachine<Uint8Array, Uint8Array>;
  readonly #damaged: ReadonlyMap<number, string>;
  #isSweeping = false;
  #hasFailed = false;

  static async open(): Promise<JournalThread> {
    const { damaged, garbage } = verifyJournal(path);
    const database = await openEnvironment(path, formatRecord());
    const thread = new JournalThread(database, new LmdbTable(database, garbage), damaged);
    thread.#sweepLater();
    return thread;
  }

  private constructor(database: Environment, table: LmdbTable, damaged: ReadonlyMap<number, string>) {
    this.#database = database;
    this.#room = new LmdbRoom(database, path);
    this.#table = table;
    this.#machine = new JournalMachine(table);
    this.#damaged = damaged;
  }

  run({ calls, bytes }: JournalBatch): void {
    if (this.#hasFailed) return;
    try {
      this.#room.reserve(bytes.length);
      const answers = this.#database.transactionSync(() => unpackCalls(calls, bytes).map((call) => this.#answer(call)));
      const packed = packAnswers(answers);
      reply({ type: "done", answers: packed.items, bytes: packed.bytes }, packed.bytes);
    } catch (error) {
      this.#fail(error, bytes.length);
      return;
    }
    this.#sweepLater();
  }

  async close(): Promise<void> {
    this.#hasFailed = true;
    await this.#database.close();
  }

  /** What a record says that is damaged was read before anything was changed: the others of the batch are carried out. */
  #answer(call: Call): Answer {
    try {
      const damage = this.#damageOf(call);
      if (damage === undefined) return this.#machine.run(call);
      return { type: "refused", code: "store-corrupt", reason: damage };
    } catch (error) {
      if (error instanceof RecordError) return { type: "refused", code: "store-corrupt", reason: error.message };
      throw error;
    }
  }

  #damageOf(call: Call): string | undefined {
    if (this.#damaged.size === 0 || call.type === "list-streams" || call.type === "delete-stream") return undefined;
    return this.#damaged.get(this.#table.stream(call.stream)?.number ?? 0);
  }

  #sweepLater(): void {
    if (this.#isSweeping || !this.#table.hasGarbage) return;
    this.#isSweeping = true;
    setImmediate(() => {
      this.#isSweeping = false;
      if (this.#hasFailed) return;
      try {
        this.#room.reserve(0);
        this.#database.transactionSync(() => this.#table.sweep());
        this.#sweepLater();
      } catch (error) {
        this.#fail(error, 0);
      }
    });
  }

  #fail(error: unknown, sizeBytes: number): void {
    this.#hasFailed = true;
    reply({ type: "failed", ...commitFailure(path, error, sizeBytes) });
  }
}

async function openOrRefuse(): Promise<JournalThread | null> {
  try {
    const thread = await JournalThread.open();
    reply({ type: "opened" });
    return thread;
  } catch (error) {
    if (error instanceof StoreError) {
      const { code, message, hint } = error;
      reply({ type: "unopened", code, message, hint });
    } else {
      const { full, message } = commitFailure(path, error, 0);
      const code = full ? "store-full" : "store-io";
      const hint = full ? "free space on its disk" : "check the disk and the permissions of its folder";
      reply({ type: "unopened", code, message: `Cannot open the journal "${path}": ${message}`, hint });
    }
    return null;
  }
}

const thread = await openOrRefuse();
port.on("message", (request: JournalBatch | CloseRequest) => {
  if (request.type === "batch") thread?.run(request);
  else void Promise.resolve(thread?.close()).then(() => port.close());
});
