/** `blixard vm cp`: one file to a VM's guest or from it. */
import { open as openFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { ApiClient, StreamOpening } from "../../api/index.ts";
import {
  STREAM_CHUNK,
  STREAM_WINDOW,
  type GuestStream,
  type StreamEnd,
  type StreamListener,
} from "../../runtime/ports/guest-streams.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatBytes } from "../output/size.ts";
import { connect } from "./get-command.ts";
import { toVmName } from "./vm-argument.ts";

const HELP = `
One of the two is VM:PATH, with an absolute path. Mode and content are kept, size and checksum compared, and the file appears under its
name when all of it is there. Of any size; folders go as "tar c FOLDER | blixard vm exec -i VM -- tar x -C PATH".

Examples:
  blixard vm cp ./site.conf web:/etc/site.conf
  blixard vm cp web:/var/log/messages .`;

interface GuestPath {
  readonly vm: string;
  readonly path: string;
}

export function addVmCpCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command("cp")
    .description("copy a file to a VM's guest, or from it")
    .argument("<from>", "a file, or VM:PATH")
    .argument("<to>", "a file, or VM:PATH")
    .addHelpText("after", HELP);
  command.action(async (from: string, to: string) => {
    const [source, target] = [guestPath(from), guestPath(to)];
    const client = connect(context, command.optsWithGlobals<{ readonly server?: string }>());
    if (source === undefined && target !== undefined)
      return copyIn(context, client, resolve(context.cwd, from), target);
    if (source !== undefined && target === undefined) return copyOut(context, client, source, resolve(context.cwd, to));
    throw usageError(
      `Cannot copy "${from}" to "${to}": exactly one of them is a VM's.`,
      'Write VM:PATH for a file in a guest, "./NAME" for a local one with a colon.',
    );
  });
}

/** `web:/etc/motd`; undefined for what is a local path. */
function guestPath(text: string): GuestPath | undefined {
  const at = text.indexOf(":");
  if (at <= 0 || text.slice(0, at).includes(".") || text.startsWith("/")) return undefined;
  const [vm, path] = [toVmName(text.slice(0, at)), text.slice(at + 1)];
  if (!path.startsWith("/")) throw usageError(`Cannot copy "${text}": expected an absolute path behind the colon.`);
  return { vm, path };
}

async function copyIn(
  { terminal }: CliContext,
  client: ApiClient,
  from: string,
  { vm, path }: GuestPath,
): Promise<void> {
  const file = await openFile(from, "r").catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot copy "${from}": it cannot be read (${error.code ?? error.message}).`);
  });
  try {
    const { size, mode } = await regular(file, from);
    const to = path.endsWith("/") ? `${path}${basename(from)}` : path;
    const opening = { type: "put", path: to, mode: octal(mode), sizeBytes: size } as const;
    await new Upload(file, from, size).run(client, vm, opening);
    terminal.out.write(`vm/${vm}:${to} written, ${formatBytes(size)}\n`);
  } finally {
    await file.close();
  }
}

async function regular(file: FileHandle, path: string): Promise<{ readonly size: number; readonly mode: number }> {
  const found = await file.stat();
  if (found.isFile()) return found;
  const hint = 'A folder goes as "tar c FOLDER | blixard vm exec -i VM -- tar x -C PATH".';
  throw usageError(`Cannot copy "${path}": it is no plain file.`, hint);
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

  async run(client: ApiClient, vm: string, opening: StreamOpening): Promise<void> {
    const stream = await client.vms.openStream(vm, opening, this);
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

async function copyOut(
  { terminal }: CliContext,
  client: ApiClient,
  { vm, path }: GuestPath,
  to: string,
): Promise<void> {
  const isFolder = await stat(to).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const target = isFolder ? join(to, basename(path)) : to;
  const beside = join(dirname(target), `.${basename(target)}.${process.pid}.part`);
  const file = await openFile(beside, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot copy to "${target}": it cannot be written (${error.code ?? error.message}).`);
  });
  try {
    const download = new Download(file);
    const size = await download.run(client, vm, path);
    await file.chmod(Number.parseInt(download.mode, 8));
    await file.close();
    await rename(beside, target);
    terminal.out.write(`${target} written, ${formatBytes(size)}\n`);
  } catch (error) {
    await file.close();
    await rm(beside, { force: true });
    throw error;
  }
}

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

  /** Returns how many bytes came. */
  async run(client: ApiClient, vm: string, path: string): Promise<number> {
    this.#stream = await client.vms.openStream(vm, { type: "get", path }, this);
    assertDone(await this.#ended);
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
