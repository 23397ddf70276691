/**
 * A thread that copies one file, leaving holes where it holds nothing but zeros, and hashes it on the way; or only hashes it.
 *
 * A guest's memory has hundreds of megabytes, and SHA-256 takes a second for one or two thousand: the node's own thread cannot wait for that. It waits
 * for `go`, so that it can be started before a guest is stopped.
 */
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { CopyReply, CopyTask } from "./file-copy.ts";

const CHUNK_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;

function copy({ from, to }: CopyTask): CopyReply {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const source = openSync(from, "r");
  const target = to === undefined ? undefined : openSync(to, "wx", 0o600);
  try {
    let sizeBytes = 0;
    for (let read = 1; read > 0; sizeBytes += read) {
      read = readSync(source, chunk, 0, CHUNK_BYTES, sizeBytes);
      hash.update(chunk.subarray(0, read));
      if (target !== undefined) writePages(target, chunk.subarray(0, read), sizeBytes);
    }
    if (target !== undefined) ftruncateSync(target, sizeBytes);
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    closeSync(source);
    if (target !== undefined) closeSync(target);
  }
}

const ZEROS = Buffer.alloc(PAGE_BYTES);

/** Each run of pages that hold something, in one write. */
function writePages(target: number, data: Buffer, position: number): void {
  const isEmpty = (at: number): boolean => {
    const end = Math.min(at + PAGE_BYTES, data.length);
    return data.compare(ZEROS, 0, end - at, at, end) === 0;
  };
  for (let at = 0; at < data.length; at += PAGE_BYTES) {
    if (isEmpty(at)) continue;
    let end = at + PAGE_BYTES;
    while (end < data.length && !isEmpty(end)) end += PAGE_BYTES;
    const last = Math.min(end, data.length);
    for (let from = at; from < last;) from += writeSync(target, data, from, last - from, position + from);
    at = end;
  }
}

parentPort?.once("message", () => {
  let reply: CopyReply;
  try {
    reply = copy(workerData as CopyTask);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    reply = { code, message };
  }
  parentPort?.postMessage(reply);
});
