/** One file to a VM's guest or from it, by the requests `put` and `get` of its agent: checked by size and checksum, and under its name when all of it is there. */
import { open as openFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { StreamOpening } from "../../api/index.ts";
import {
  STREAM_CHUNK,
  STREAM_WINDOW,
  type GuestStream,
  type StreamEnd,
  type StreamListener,
} from "../../runtime/ports/guest-streams.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes } from "../output/size.ts";
import type { OpenInGuest } from "./run-in-guest.ts";

/** A place in a VM's guest; the path is absolute. */
export interface GuestPath {
  readonly vm: string;
  readonly path: string;
}

export const FOLDER_HINT = "Folders go with -r.";

/** Returns what there is to say of it. @throws {CliError} */
export async function copyFileIn(open: OpenInGuest, from: string, { vm, path }: GuestPath): Promise<string> {
  const file = await openFile(from, "r").catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot copy "${from}": it cannot be read (${error.code ?? error.message}).`);
  });
  try {
    const { size, mode } = await regular(file, from);
    const to = path.endsWith("/") ? `${path}${basename(from)}` : path;
    const opening = { type: "put", path: to, mode: octal(mode), sizeBytes: size } as const;
    await new Upload(file, from, size).run(open, opening);
    return `vm/${vm}:${to} written, ${formatBytes(size)}`;
  } finally {
    await file.close();
  }
}

async function regular(file: FileHandle, path: string): Promise<{ readonly size: number; readonly mode: number }> {
  const found = await file.stat();
  if (found.isFile()) return found;
  throw usageError(`Cannot copy "${path}": it is no plain file.`, found.isDirectory() ? FOLDER_HINT : undefined);
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** Reads the file as the guest takes it. */
class Upload implements StreamListener {
  readonly #file: FileHandle;
  readonly #from: string;
  readonly #size: number;
  #room = STREAM_WINDOW;
  #end: StreamEnd | undefined;
  #wake: () => void = () => undefined;

  constructor(file: FileHandle, from: string, size: number) {
    this.#file = file;
    this.#from = from;
    this.#size = size;
  }

  async run(open: OpenInGuest, opening: StreamOpening): Promise<void> {
    const stream = await open(opening, this);
    let sent = 0;
    while (sent < this.#size && this.#end === undefined) {
      if (this.#room === 0) await this.#change();
      const length = Math.min(STREAM_CHUNK, this.#room, this.#size - sent);
      if (length === 0) continue;
      const { bytesRead, buffer } = await this.#file.read(Buffer.alloc(length), 0, length, sent);
      if (bytesRead === 0) {
        stream.cancel();
        throw new CliError(EXIT.failed, `Cannot copy "${this.#from}": it became shorter while it was read.`);
      }
      this.#room -= bytesRead;
      sent += bytesRead;
      stream.send(buffer.subarray(0, bytesRead));
    }
    if (this.#end === undefined) stream.finish();
    while (this.#end === undefined) await this.#change();
    assertDone(this.#end);
  }

  async #change(): Promise<void> {
    if (this.#end === undefined) await new Promise<void>((wake) => (this.#wake = wake));
  }

  onFile(): void {}
  onOutput(): void {}

  onGrant(bytes: number): void {
    this.#room += bytes;
    this.#wake();
  }

  onEnd(end: StreamEnd): void {
    this.#end = end;
    this.#wake();
  }
}

function assertDone(end: StreamEnd): void {
  if (!end.ok) throw new CliError(end.code === "not-found" ? EXIT.notFound : EXIT.failed, `${end.message}.`);
}

/**
 * Returns what there is to say of it; null where the path is a folder's, of which nothing is kept. `to`: a file, or a folder that the file goes into.
 *
 * @throws {CliError}
 */
export async function copyFileOut(open: OpenInGuest, path: string, to: string): Promise<string | null> {
  const target = await placeIn(to, path);
  const beside = partOf(target);
  const file = await openFile(beside, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot copy to "${target}": it cannot be written (${error.code ?? error.message}).`);
  });
  try {
    const download = new Download(file);
    const size = await download.run(open, path);
    if (size === null) return null;
    // What a guest says is root's must not become so here.
    await file.chmod(Number.parseInt(download.mode, 8) & 0o777);
    await file.close();
    await rename(beside, target);
    return `${target} written, ${formatBytes(size)}`;
  } finally {
    await file.close();
    await rm(beside, { force: true });
  }
}

/** Where something of a guest goes: into a folder that is there, under its own name. */
export async function placeIn(to: string, path: string): Promise<string> {
  const isFolder = await stat(to).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(to, basename(path)) : to;
}

/** Beside its place, so that it is put there by a rename; hidden, so that nobody takes it for the whole. */
export function partOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.${process.pid}.part`);
}

/** As the guest's agent says it (`guest/agent/files.h`). */
const IS_A_FOLDER = "cannot read it: it is a folder";

/** Writes what comes, in order, and lets the guest send on when it is written. */
class Download implements StreamListener {
  mode = "0644";
  readonly #file: FileHandle;
  #stream: GuestStream | undefined;
  #announced = 0;
  #written = 0;
  #writes: Promise<void> = Promise.resolve();
  readonly #ended: Promise<StreamEnd>;
  #end!: (end: StreamEnd) => void;

  constructor(file: FileHandle) {
    this.#file = file;
    this.#ended = new Promise((settle) => (this.#end = settle));
  }

  /** Returns how many bytes came; null: it is a folder. */
  async run(open: OpenInGuest, path: string): Promise<number | null> {
    this.#stream = await open({ type: "get", path }, this);
    const end = await this.#ended;
    if (!end.ok && end.message.includes(IS_A_FOLDER)) return null;
    assertDone(end);
    await this.#writes;
    if (this.#announced > 0 && this.#written !== this.#announced) {
      throw new CliError(EXIT.failed, `Cannot copy "${path}": ${this.#written} of ${this.#announced} bytes came.`);
    }
    return this.#written;
  }

  onFile(sizeBytes: number, mode: string): void {
    this.#announced = sizeBytes;
    this.mode = mode;
  }

  onOutput(_: "out" | "err", bytes: Uint8Array): void {
    const at = this.#written;
    this.#written += bytes.length;
    this.#writes = this.#writes.then(async () => {
      await this.#file.write(bytes, 0, bytes.length, at);
      this.#stream?.grant(bytes.length);
    });
    // Of the disk's refusal the guest need not go on.
    this.#writes.catch((error: NodeJS.ErrnoException) => {
      this.#stream?.cancel();
      this.#end({ ok: false, code: "no-space", message: `Cannot write the file here: ${error.message}` });
    });
  }

  onGrant(): void {}

  onEnd(end: StreamEnd): void {
    this.#end(end);
  }
}
