/**
 * Writes what an archive holds into a folder of its own, where nobody else writes; `merge-folder.ts` then puts it in its place.
 *
 * The archive is a guest's, which may lie. Invariant: nothing is written or linked outside of the folder. A path is walked only through folders that were made
 * here, so no link is ever followed; a path with ".." or from the root is refused by name, as is a link that leads out: one that is absolute, goes further up
 * than the folder, or goes up after it has gone down, where another link decides what that means. Modes come without set-user-id and set-group-id: what a guest
 * says is root's must not become so here.
 */
import { link, mkdir, open, symlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { TarEntry } from "./tar-header.ts";
import { TarRefusal, type TarSink } from "./tar-reader.ts";

/** Names are kept in memory while they come: some 100 MB at this. */
const ENTRIES_MAX = 1_000_000;
const PATH_CHARS_MAX = 4_000;
const PERMISSIONS = 0o777;

export class FolderUnpacker implements TarSink {
  readonly #root: string;
  /** Mode by path; "" is the folder itself. */
  readonly #folders = new Map<string, number>([["", 0o755]]);
  readonly #files = new Set<string>();
  #links = 0;
  #sizeBytes = 0;
  #open: { readonly file: FileHandle; readonly path: string; readonly entry: TarEntry } | null = null;

  /** `root`: a new folder, its caller's alone. */
  constructor(root: string) {
    this.#root = root;
  }

  get files(): number {
    return this.#files.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** By path, the mode that each folder is to have at the end: until then they can be written. */
  get folderModes(): ReadonlyMap<string, number> {
    return this.#folders;
  }

  async begin(entry: TarEntry): Promise<void> {
    if (this.#folders.size + this.#files.size + this.#links >= ENTRIES_MAX) {
      throw new TarRefusal(`it holds more than ${ENTRIES_MAX} entries`);
    }
    const parts = partsOf(entry.path);
    const path = parts.join("/");
    if (entry.kind === "folder") {
      await this.#makeFolders(parts);
      this.#folders.set(path, entry.mode & PERMISSIONS);
      return;
    }
    if (parts.length === 0) throw new TarRefusal("it is no folder");
    await this.#makeFolders(parts.slice(0, -1));
    const at = join(this.#root, path);
    if (entry.kind === "symlink") {
      refuseLeaving(parts.length - 1, entry);
      await once(path, symlink(entry.target, at));
      this.#links += 1;
    } else if (entry.kind === "hardlink") {
      const first = partsOf(entry.target).join("/");
      if (!this.#files.has(first)) throw new TarRefusal(`"${path}" in it is a link to what is not there, "${first}"`);
      await once(path, link(join(this.#root, first), at));
      this.#files.add(path);
    } else {
      this.#open = { file: await once(path, open(at, "wx", 0o600)), path, entry };
    }
  }

  async take(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += (await this.#open?.file.write(bytes, done))?.bytesWritten ?? bytes.length;
    }
    this.#sizeBytes += bytes.length;
  }

  async finish(): Promise<void> {
    if (this.#open === null) return;
    const { file, path, entry } = this.#open;
    await file.chmod(entry.mode & PERMISSIONS);
    await file.utimes(entry.mtimeS, entry.mtimeS);
    this.#files.add(path);
    await this.close();
  }

  /** Of a file that has not come whole, too. */
  async close(): Promise<void> {
    const file = this.#open?.file;
    this.#open = null;
    await file?.close();
  }

  async #makeFolders(parts: readonly string[]): Promise<void> {
    for (let count = 1; count <= parts.length; count++) {
      const path = parts.slice(0, count).join("/");
      if (this.#folders.has(path)) continue;
      await once(path, mkdir(join(this.#root, path), 0o700));
      this.#folders.set(path, 0o755);
    }
  }
}

/** @throws {TarRefusal} */
function partsOf(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/") || parts.includes("..")) {
    throw new TarRefusal(`"${path}" in it would leave the folder`);
  }
  if (path.length > PATH_CHARS_MAX) throw new TarRefusal(`"${path.slice(0, 100)}…" in it is too long a path`);
  return parts;
}

/** @throws {TarRefusal} `depth`: folders that the link is below. */
function refuseLeaving(depth: number, { path, target }: TarEntry): void {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const up = parts.findIndex((part) => part !== "..");
  const ups = up < 0 ? parts.length : up;
  if (target.startsWith("/") || ups > depth || parts.slice(ups).includes("..")) {
    throw new TarRefusal(`the link "${path}" in it leads out of the folder, to "${target}"`);
  }
}

async function once<Made>(path: string, making: Promise<Made>): Promise<Made> {
  try {
    return await making;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new TarRefusal(`"${path}" in it comes twice`);
    throw error;
  }
}
