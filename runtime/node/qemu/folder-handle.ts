/**
 * A folder held open, so that unix sockets in it can be reached however long its path is.
 *
 * A socket's path has 107 bytes at most; /proc/self/fd/N/NAME is always short, and goes on to mean the same folder when
 * that is renamed.
 *
 * What the node makes in such a folder is its own; a socket that an instance made there, which may be another user's and hostile, is reached by `reach`.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";

/** Means the file itself, whatever it is, without opening it; Node.js has no name for it. Linux: asm-generic/fcntl.h. */
const O_PATH = 0o10000000;

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

  /**
   * Calls `connect` with a path that means the socket `name` of the folder and nothing else: whoever owns the folder could have put a link to somebody else's
   * socket there. The path is good for what `connect` does before it returns. @throws the file system's error, or when it is no socket.
   */
  reach<Connected>(name: string, connect: (path: string) => Connected): Connected {
    const descriptor = openSync(this.path(name), O_PATH | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(descriptor).isSocket()) throw new Error(`${name} is no socket`);
      return connect(`/proc/self/fd/${descriptor}`);
    } finally {
      closeSync(descriptor);
    }
  }

  close(): void {
    if (this.#open) closeSync(this.#descriptor);
    this.#open = false;
  }
}
