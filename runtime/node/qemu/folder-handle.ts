/**
 * A folder held open, so that unix sockets in it can be reached however long its path is.
 *
 * A socket's path has 107 bytes at most; /proc/self/fd/N/NAME is always short, and goes on to mean the same folder when
 * that is renamed.
 */
import { closeSync, constants, openSync } from "node:fs";

export class FolderHandle {
  readonly #descriptor: number;
  #open = true;

  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /** A short path to `name` in the folder. @throws when the handle is closed: the number may be another file's by then. */
  path(name: string): string {
    if (!this.#open) throw new Error("the folder handle is closed");
    return `/proc/self/fd/${this.#descriptor}/${name}`;
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
  }
}
