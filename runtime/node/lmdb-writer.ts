/**
 * The writer thread of the LMDB log store: one durable transaction a request.
 *
 * A thread of its own, since a commit takes as long as the disk does, and heartbeats must not wait for it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { asBuffer, commitFailure, openEnvironment, type Environment } from "./lmdb-environment.ts";
import { unpackOperations, type WriterOptions, type WriterReply, type WriterRequest } from "./lmdb-writer-protocol.ts";
import { formatRecord } from "./log-records.ts";

const { path } = workerData as WriterOptions;
const port = parentPort;
if (!port) throw new Error("lmdb-writer.ts runs as a worker thread");

function reply(message: WriterReply): void {
  port?.postMessage(message);
}

function write(database: Environment, bytes: Uint8Array): void {
  database.transactionSync(() => {
    for (const { key, value } of unpackOperations(bytes)) {
      if (value) database.putSync(asBuffer(key), asBuffer(value));
      else database.removeSync(asBuffer(key));
    }
  });
}

function fail(error: unknown, sizeBytes: number): void {
  reply({ type: "failed", ...commitFailure(path, error, sizeBytes) });
}

async function openOrFail(): Promise<Environment | null> {
  try {
    return await openEnvironment(path, formatRecord());
  } catch (error) {
    fail(error, 0);
    return null;
  }
}

const database = await openOrFail();
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
