/**
 * Kernels of images as every user of the host may read them: STATE/kernels/IMAGE, a copy of one that only the node may read. QEMU opens a kernel by a path,
 * that of a descriptor will do, and so by its own right. It is public data: a kernel holds nothing of any VM.
 */
import { constants, copyFileSync, chmodSync, mkdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

const ALL_READ = 0o004;

export class KernelCopies {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, "kernels");
  }

  /** The kernel itself where everybody may read it, else its copy, made when there is none or it is of another one. @throws the file system's error. */
  of(image: string, kernel: string): string {
    const { mode, size, atime, mtime } = statSync(kernel);
    if ((mode & ALL_READ) !== 0) return kernel;
    const copy = join(this.#folder, image);
    const made = statSync(copy, { throwIfNoEntry: false });
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
