/**
 * Starts a guest from a checkpoint: what is compared and verified before, and loading its state into a QEMU that waits for it.
 *
 * **What is verified when.** The state of the devices, 64 kB, is hashed before each load. Anything larger, which is the memory and the disks, is hashed when this
 * process restores from it for the first time, and again when its file's size, time or inode has changed; otherwise a restore would cost a
 * second a gigabyte, and its clones would read all of it where they share what they use. A disk that rots under a running node is found by the next process.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CheckpointManifest, CheckpointPart } from "../../ports/guest-verbs.ts";
import type { CheckpointStore } from "../instances/checkpoint-store.ts";
import { hashFile } from "../instances/file-copy.ts";
import { StartRefusal, VerbError } from "../instances/machine-driver.ts";
import { differenceOf, type GuestNeeds } from "./guest-needs.ts";
import { diskPart, DISKS_PART, type KeptDisk, readKeptDisks } from "./kept-disks.ts";
import { readDiskImage } from "./qcow2.ts";
import { INCOMING_SOCKET } from "./qemu-arguments.ts";
import type { QmpCommand } from "./qmp-client.ts";
import type { QmpControl } from "./qmp-control.ts";
import { announceCommand, transferCommand, untilLoaded } from "./qmp-transfer.ts";

/** What is hashed each time: half a millisecond. */
const SMALL_BYTES_MAX = 1024 * 1024;

export class CheckpointReader {
  readonly #store: CheckpointStore;
  /** Files that were hashed, as they were then. */
  readonly #verified = new Map<string, string>();
  /** Files that are being hashed: when a hundred clones start at once, all wait for one. */
  readonly #hashing = new Map<string, Promise<string>>();

  constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /** @throws {StartRefusal} `failed` when there is none, `incompatible`, `damaged`. */
  async open(id: string, here: GuestNeeds): Promise<CheckpointManifest> {
    const manifest = this.#read(id);
    const difference =
      manifest.driver === "qemu"
        ? differenceOf(manifest, here)
        : `driver: it was made by ${manifest.driver}, here it is qemu`;
    if (difference !== undefined)
      throw new StartRefusal("incompatible", `checkpoint "${id}" does not fit: ${difference}`);
    for (const part of manifest.parts) await this.#verify(id, part);
    return manifest;
  }

  /** Its disks, whose content is as it was written; undefined when it keeps none. @throws {StartRefusal} as `open` does. */
  async disks(id: string): Promise<readonly KeptDisk[] | undefined> {
    const { parts } = this.#read(id);
    const description = parts.find(({ name }) => name === DISKS_PART);
    if (description === undefined) return undefined;
    await this.#verify(id, description);
    const kept = readKeptDisks(readFileSync(this.path(id, DISKS_PART), "utf8"));
    if (kept === undefined) return damaged(id, DISKS_PART, "is none that this version knows");
    for (const { name, sizeBytes } of kept.disks.filter(({ isCopied }) => isCopied)) {
      const part = parts.find((each) => each.name === diskPart(name));
      if (part === undefined) return damaged(id, diskPart(name), "is missing");
      await this.#verify(id, part);
      const info = readDiskImage(this.path(id, part.name));
      // What QEMU wrote may be what its guest made it write, who must not say which files of the host are opened.
      if (info.format !== "qcow2" || info.needs !== undefined || info.sizeBytes !== sizeBytes) {
        damaged(id, part.name, `is no qcow2 of ${sizeBytes} bytes that stands by itself`);
      }
    }
    return kept.disks;
  }

  /** Reads what has not been read yet of it. @throws {VerbError} `damaged`, `not-found` */
  async check(id: string): Promise<void> {
    if (this.#store.read(id) === undefined) throw new VerbError("not-found", "there is none of that id on this host");
    try {
      for (const part of this.#read(id).parts) await this.#verify(id, part);
      await this.disks(id);
    } catch (error) {
      if (!(error instanceof StartRefusal)) throw error;
      // Who asks names the checkpoint.
      const why = error.message.replace(`checkpoint "${id}": `, "");
      throw new VerbError(error.code === "damaged" ? "damaged" : "failed", why, error);
    }
  }

  /** The parts are as they were made: they need no hash again until they change. */
  trust({ id, parts }: CheckpointManifest): void {
    for (const { name } of parts) this.#verified.set(this.path(id, name), this.#look(id, name)?.key ?? "");
  }

  forget(id: string): void {
    const folder = `${this.#store.folder(id)}/`;
    for (const path of this.#verified.keys()) if (path.startsWith(folder)) this.#verified.delete(path);
  }

  path(id: string, part: string): string {
    return join(this.#store.folder(id), part);
  }

  hasPart(id: string, part: string): boolean {
    return this.#look(id, part) !== undefined;
  }

  #read(id: string): CheckpointManifest {
    try {
      const manifest = this.#store.read(id);
      if (manifest !== undefined) return manifest;
    } catch (error) {
      if (!(error instanceof VerbError)) throw error;
      throw new StartRefusal("damaged", `checkpoint "${id}": ${error.message}`, error);
    }
    throw new StartRefusal("failed", `there is no checkpoint "${id}" on this host`);
  }

  async #verify(id: string, part: CheckpointPart): Promise<void> {
    const found = this.#look(id, part.name);
    if (found === undefined) return damaged(id, part.name, "is missing");
    if (found.sizeBytes !== part.sizeBytes) {
      damaged(id, part.name, `has ${found.sizeBytes} bytes, not ${part.sizeBytes}`);
    }
    const path = this.path(id, part.name);
    const isSmall = found.sizeBytes <= SMALL_BYTES_MAX;
    if (!isSmall && this.#verified.get(path) === found.key) return;
    const sha256 = isSmall
      ? createHash("sha256").update(readFileSync(path)).digest("hex")
      : await this.#hash(path, found.key);
    if (sha256 !== part.sha256) damaged(id, part.name, "is not what was written: its checksum differs");
    this.#verified.set(path, found.key);
  }

  async #hash(path: string, key: string): Promise<string> {
    const file = `${path} ${key}`;
    const hash = this.#hashing.get(file) ?? hashFile(path).then(({ sha256 }) => sha256);
    this.#hashing.set(file, hash);
    try {
      return await hash;
    } finally {
      this.#hashing.delete(file);
    }
  }

  #look(id: string, name: string): { readonly sizeBytes: number; readonly key: string } | undefined {
    const found = statSync(this.path(id, name), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    return { sizeBytes: found.size, key: `${found.size} ${found.mtimeMs} ${found.ino}` };
  }
}

function damaged(id: string, part: string, why: string): never {
  throw new StartRefusal("damaged", `checkpoint "${id}": its part "${part}" ${why}`);
}

/** What a QEMU is told first that is to load a state. */
export function loadCommands(options: {
  /** Its memory is there already, in a file. */
  readonly hasMemory: boolean;
  readonly announces: boolean;
}): readonly QmpCommand[] {
  return [
    announceCommand(options.announces),
    transferCommand({ ignoreShared: options.hasMemory, waitsAtSwitchover: false, autoConverge: false }),
    { command: "migrate-incoming", args: { uri: `unix:${INCOMING_SOCKET}` } },
  ];
}

/** Loads the state into a QEMU that was told `loadCommands`; the guest stands still after it. @throws {VerbError} when QEMU cannot read it. */
export async function loadState(options: {
  readonly control: QmpControl;
  readonly connect: (socket: string) => Socket;
  readonly path: string;
}): Promise<void> {
  const { control, connect, path } = options;
  await control.first();
  const loaded = untilLoaded(control);
  // QEMU may close before all is flushed, once it has what it wants, and it ends when it cannot read it: its own word is what counts.
  void pipeline(contentOf(path), connect(INCOMING_SOCKET)).catch(() => undefined);
  await loaded;
}

function contentOf(path: string): Readable {
  return statSync(path).size <= SMALL_BYTES_MAX ? Readable.from([readFileSync(path)]) : createReadStream(path);
}
