/**
 * The thread of an LMDB store of log or snapshots: one durable transaction a request to write.
 *
 * A thread of its own, since a commit takes as long as the disk does, and heartbeats must not wait for it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { asBuffer, commitFailure, LmdbRoom, openEnvironment, type Environment } from "./lmdb-environment.ts";
import { unpackOperations, type WriterOptions, type WriterReply, type WriterRequest } from "./lmdb-writer-protocol.ts";

const { path, format } = workerData as WriterOptions;
const port = parentPort;
if (!port) throw new Error("lmdb-writer.ts runs as a worker thread");

function reply(message: WriterReply): void {
  port?.postMessage(message);
}

class WriterThread {
  #database: Environment | null = null;
  #room: LmdbRoom | null = null;
  #last: Promise<unknown>;

  constructor() {
    // Ahead of the first request, which says what is wrong if this fails.
    this.#last = this.#open().catch(() => {});
  }

  /** In order. */
  take(request: WriterRequest): void {
    this.#last = this.#last.then(async () => this.#carryOut(request));
  }

  async #carryOut(request: WriterRequest): Promise<void> {
    if (request.type === "close") {
      await this.#database?.close();
      port?.close();
      return;
    }
    try {
      const database = await this.#open();
      if (request.type === "read") reply({ type: "read", value: database.get(asBuffer(request.key)) ?? null });
      else {
        this.#write(database, request.bytes);
        reply({ type: "written" });
      }
    } catch (error) {
      const sizeBytes = request.type === "write" ? request.bytes.length : 0;
      reply({ type: "failed", ...commitFailure(path, error, sizeBytes) });
    }
  }

  /** Again at each request until it succeeds: a disk that has no room now may have it then. */
  async #open(): Promise<Environment> {
    this.#database ??= await openEnvironment(path, { key: asBuffer(format.key), value: asBuffer(format.value) });
    this.#room ??= new LmdbRoom(this.#database, path);
    return this.#database;
  }

  #write(database: Environment, bytes: Uint8Array): void {
    const operations = [...unpackOperations(bytes)];
    this.#room?.reserve(bytes.length, operations.filter(({ value }) => value === null).length);
    database.transactionSync(() => {
      for (const { key, value } of operations) {
        if (value) database.putSync(asBuffer(key), asBuffer(value));
        else database.removeSync(asBuffer(key));
      }
    });
  }
}

const thread = new WriterThread();
port.on("message", (request: WriterRequest) => thread.take(request));
