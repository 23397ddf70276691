/**
 * Keeps small what a virtual machine monitor says of itself (vmm.log): a guest can make it say something for each packet of a kind that its network does
 * not know, and would fill the host's disk so. Its writer has it open for appending, so it can be cut while it writes.
 */
import { closeSync, openSync, readSync, statSync, truncateSync, appendFileSync } from "node:fs";
import { join } from "node:path";
import { VMM_LOG } from "./instance-store.ts";

/** Looked at once a second, so a guest may pass it by what it can do in one. */
export const VMM_LOG_BYTES_MAX: number = 1024 * 1024;
/** Of which the end is kept: why it ended, if it does. */
const KEPT_BYTES = 64 * 1024;

/** Called once in a while. @throws the file system's error, but for a file that is not there. */
export function cutVmmLog(folder: string): void {
  const path = join(folder, VMM_LOG);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= VMM_LOG_BYTES_MAX) return;
  const end = Buffer.alloc(KEPT_BYTES);
  const file = openSync(path, "r");
  try {
    readSync(file, end, 0, KEPT_BYTES, size - KEPT_BYTES);
  } finally {
    closeSync(file);
  }
  truncateSync(path, 0);
  appendFileSync(path, end);
}
