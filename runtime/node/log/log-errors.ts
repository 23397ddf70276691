/** How reading and writing the log fails, and what helps. */
import { StoreError } from "../../ports/store-error.ts";
import { LmdbFileError } from "../lmdb-file.ts";
import { RecordError } from "../sealed-record.ts";

/** What is wrong with files of the log other than the one that LMDB keeps, as the end of a sentence about the folder. */
export class LogFilesError extends Error {
  override readonly name = "LogFilesError";
}

/** As is thrown by `load`. */
export function readError(folder: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const details = { message: `Cannot read the Raft log in "${folder}": ${reason}`, path: folder, cause };
  if (cause instanceof RecordError && cause.foreignFormat !== undefined) {
    return new StoreError("store-version", { ...details, hint: "start the version of blixard that wrote it" });
  }
  if (cause instanceof LmdbFileError || cause instanceof RecordError || cause instanceof LogFilesError) {
    // No word of a backup: an older log has forgotten votes and entries just as an empty one has.
    const hint =
      `this member cannot know any more what it has promised: remove it from the cluster, move "${folder}" away ` +
      `and add the node again, as a new member (docs/operations.md says why)`;
    return new StoreError("store-corrupt", { ...details, hint });
  }
  return new StoreError("store-io", { ...details, hint: "check the disk and the permissions of the files" });
}

export function foreignLogError(folder: string, file: string): StoreError {
  return new StoreError("store-version", {
    message: `Cannot read the Raft log in "${folder}": ${file} was written by a version before the first release`,
    path: folder,
    hint: `move "${folder}" away and add the node again, as a new member`,
  });
}

export function writeError(folder: string, failure: { readonly full: boolean; readonly message: string }): StoreError {
  const why = failure.full ? "no space left on its disk" : failure.message;
  const hint = failure.full
    ? `free space on the disk of "${folder}", then start the node again`
    : "check the disk (dmesg, smartctl), then start the node again; the log is verified at the start";
  return new StoreError(failure.full ? "store-full" : "store-io", {
    message: `Cannot write the Raft log in "${folder}": ${why}`,
    path: folder,
    hint,
  });
}

export function isNoSpace(error: NodeJS.ErrnoException): boolean {
  return error.code === "ENOSPC" || error.code === "EDQUOT";
}
