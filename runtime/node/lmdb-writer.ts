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

interface Opened {
  readonly database: Environment;
  readonly room: LmdbRoom;
}

let opened: Opened | null = null;

/** Again at each request until it succeeds: a disk that has no room now may have it then. */
async function open(): Promise<Opened> {
  if (opened !== null) return opened;
  const database = await openEnvironment(path, { key: asBuffer(format.key), value: asBuffer(format.value) });
  opened = { database, room: new LmdbRoom(database, path) };
  return opened;
}

function write({ database, room }: Opened, bytes: Uint8Array): void {
  room.reserve(bytes.length);
  database.transactionSync(() => {
    for (const { key, value } of unpackOperations(bytes)) {
      if (value) database.putSync(asBuffer(key), asBuffer(value));
      else database.removeSync(asBuffer(key));
    }
  });
}

async function answer(request: WriterRequest): Promise<void> {
  if (request.type === "close") {
    await opened?.database.close();
    port?.close();
    return;
  }
  try {
    const file = await open();
    if (request.type === "read") reply({ type: "read", value: file.database.get(asBuffer(request.key)) ?? null });
    else {
      write(file, request.bytes);
      reply({ type: "written" });
    }
  } catch (error) {
    const sizeBytes = request.type === "write" ? request.bytes.length : 0;
    reply({ type: "failed", ...commitFailure(path, error, sizeBytes) });
  }
}

// Ahead of the first request, which says what is wrong if this fails.
let last: Promise<unknown> = open().catch(() => {});
port.on("message", (request: WriterRequest) => {
  last = last.then(async () => answer(request));
});
