/**
 * One process a data folder. The lock is an abstract unix socket named after the folder's device and inode: the kernel
 * gives it to one process and takes it back when that process ends, however it ends, so it can be neither stale nor stolen.
 *
 * Rejected: a file with the holder's pid (left behind by `kill -9`, and two processes that find it stale can both take it);
 * `flock`, which Node.js does not offer. Limit: processes in different network namespaces do not see each other's lock.
 *
 * A file `lock.pid` beside names the holder for the error message; nothing depends on it.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join, resolve } from "node:path";
import { StoreError } from "../ports/store-error.ts";

/** Of a folder of a store: environments and files of VMs are among what is kept there, and LMDB lets everybody read its files. */
export const PRIVATE_MODE = 0o700;

export interface FolderLock {
  release(): void;
}

/**
 * Makes the folder if need be, and locks it until `release` or the end of the process. `mode`: of one that it makes.
 * @throws {StoreError} `store-locked` when a process has it, this one included; `store-io` when it cannot be made.
 */
export function lockFolder(folder: string, mode = 0o777): FolderLock {
  const path = resolve(folder);
  const pidFile = join(path, "lock.pid");
  const server = createServer((socket) => socket.destroy());
  try {
    mkdirSync(dirname(path), { recursive: true });
    if (statSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode });
    const { dev, ino } = statSync(path);
    if (!listensAtOnce(server, `\0blixard-folder-${dev}-${ino}`)) throw lockedError(path, pidFile);
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (cause) {
    server.close();
    if (cause instanceof StoreError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = "check that it is a folder, that this user may write to it, and that its disk has space";
    throw new StoreError("store-io", { message: `Cannot use data folder "${path}": ${reason}`, path, hint, cause });
  }
  server.unref();
  return {
    release: () => {
      rmSync(pidFile, { force: true });
      server.close();
    },
  };
}

/** A unix socket is bound during `listen`, so whether the name was free is known at once; the error event comes later. */
function listensAtOnce(server: Server, name: string): boolean {
  server.on("error", () => {});
  server.listen({ path: name });
  return server.listening;
}

function lockedError(path: string, pidFile: string): StoreError {
  const holder = readHolder(pidFile);
  return new StoreError("store-locked", {
    message: `Cannot use data folder "${path}": ${holder} has it`,
    path,
    hint: "stop that process, or give this node a data folder of its own",
  });
}

function readHolder(pidFile: string): string {
  try {
    return `process ${Number.parseInt(readFileSync(pidFile, "utf8"), 10)}`;
  } catch {
    return "another process";
  }
}
