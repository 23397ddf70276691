/**
 * Kernels of images as every user of the host may read them: STATE/kernels/IMAGE, a copy of what is in the image's folder, which may be nobody's
 * but the node's. QEMU opens a kernel by its path and takes no open file for it. It is public data: a kernel holds nothing of any VM.
 */
import { constants, copyFileSync, chmodSync, mkdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

export class KernelCopies {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, "kernels");
  }

  /** The path of the copy, made when there is none or the image's kernel is another by now. @throws the file system's error. */
  of(image: string, kernel: string): string {
    const copy = join(this.#folder, image);
    const made = statSync(copy, { throwIfNoEntry: false });
    const { size, atime, mtime } = statSync(kernel);
    // Seconds: a file system may keep no more of it.
    if (made?.size === size && Math.abs(made.mtimeMs - mtime.getTime()) < 1000) return copy;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const unfinished = `${copy}.new`;
    copyFileSync(kernel, unfinished, constants.COPYFILE_FICLONE);
    chmodSync(unfinished, 0o444);
    utimesSync(unfinished, atime, mtime);
    renameSync(unfinished, copy);
    return copy;
  }
}
