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

function write(database: Environment, bytes: Uint8Array): void {
  room?.reserve(bytes.length);
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
    return await openEnvironment(path, { key: asBuffer(format.key), value: asBuffer(format.value) });
  } catch (error) {
    fail(error, 0);
    return null;
  }
}

const database = await openOrFail();
const room = database && new LmdbRoom(database, path);
port.on("message", (request: WriterRequest) => {
  if (request.type === "close") void Promise.resolve(database?.close()).then(() => port.close());
  else if (database) {
    try {
      if (request.type === "read") reply({ type: "read", value: database.get(asBuffer(request.key)) ?? null });
      else {
        write(database, request.bytes);
        reply({ type: "written" });
      }
    } catch (error) {
      fail(error, request.type === "write" ? request.bytes.length : 0);
    }
  }
});
