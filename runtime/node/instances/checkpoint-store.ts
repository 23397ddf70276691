/**
 * Where checkpoints live on disk:
 *
 *   DIR/ID/               manifest.json and the parts that it names (runtime/ports/guest-verbs.ts)
 *   DIR/.making-ID/       one that is being made, or whose making a process did not survive
 *   DIR/.dropping-ID/     one that is being removed
 *
 * A checkpoint appears by a rename after all of it is on the disk, its manifest last, so there is never half of one. What has another
 * name is collected when a process opens the folder, which belongs to one at a time.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { CheckpointManifest, CheckpointPart } from "../../ports/guest-verbs.ts";
import { isInstanceId } from "./instance-store.ts";
import { VerbError } from "./machine-driver.ts";

const MANIFEST = "manifest.json";
const MAKING = ".making-";
const DROPPING = ".dropping-";
/** A checkpoint takes no more of the disk than leaves this: the node's own log is on it, maybe. */
const RESERVE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;

export class CheckpointStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) {
      if (name.startsWith(MAKING) || name.startsWith(DROPPING))
        rmSync(join(dir, name), { recursive: true, force: true });
    }
  }

  /** @throws {VerbError} for an id that cannot be or is taken, and when `sizeBytes` more do not fit. */
  begin(id: string, sizeBytes: number): string {
    if (!isInstanceId(id)) {
      throw new VerbError("failed", "its id is not made of letters, digits, '-', '_' and '.'");
    }
    const folder = join(this.#dir, MAKING + id);
    if (existsSync(this.folder(id)) || existsSync(folder)) throw new VerbError("failed", "there is one of that id");
    const { bavail, bsize } = statfsSync(this.#dir);
    if (bavail * bsize < sizeBytes + RESERVE_BYTES) {
      const [free, wanted] = [bavail * bsize, sizeBytes + RESERVE_BYTES].map((bytes) => Math.ceil(bytes / MIB));
      throw new VerbError("no-space", `${this.#dir} has ${free} MiB free, wanted ${wanted} MiB: drop checkpoints`);
    }
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /** All parts are written: makes a checkpoint of them, for good. */
  async finish(manifest: CheckpointManifest): Promise<void> {
    const folder = join(this.#dir, MAKING + manifest.id);
    for (const { name } of manifest.parts) await sync(join(folder, name));
    writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    await sync(join(folder, MANIFEST));
    await sync(folder);
    renameSync(folder, this.folder(manifest.id));
    await sync(this.#dir);
  }

  abandon(id: string): void {
    rmSync(join(this.#dir, MAKING + id), { recursive: true, force: true });
  }

  folder(id: string): string {
    return join(this.#dir, id);
  }

  /** undefined when there is none of that id. @throws {VerbError} `damaged` when it cannot be read. */
  read(id: string): CheckpointManifest | undefined {
    if (!isInstanceId(id) || !existsSync(this.folder(id))) return undefined;
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(this.folder(id), MANIFEST), "utf8"));
      if (isManifest(manifest) && manifest.id === id) return manifest;
    } catch (error) {
      throw new VerbError("damaged", `its ${MANIFEST} cannot be read: ${(error as Error).message}`, error);
    }
    throw new VerbError("damaged", `its ${MANIFEST} is none of a checkpoint "${id}" that this version knows`);
  }

  /** Whole ones. What is being made or removed is not among them. */
  ids(): readonly string[] {
    return readdirSync(this.#dir).filter(isInstanceId);
  }

  /** What runs from it has its files open and runs on. */
  drop(id: string): void {
    if (!isInstanceId(id) || !existsSync(this.folder(id))) return;
    const away = join(this.#dir, DROPPING + id);
    renameSync(this.folder(id), away);
    rmSync(away, { recursive: true, force: true });
  }
}

function isManifest(value: unknown): value is CheckpointManifest {
  if (typeof value !== "object" || value === null) return false;
  const manifest = value as Partial<Record<keyof CheckpointManifest, unknown>>;
  const texts = [manifest.id, manifest.driver, manifest.version, manifest.machine, manifest.cpu, manifest.imageSha256];
  return (
    manifest.format === 1 &&
    texts.every((text) => typeof text === "string") &&
    [manifest.vcpus, manifest.memoryMiB].every(Number.isSafeInteger) &&
    Array.isArray(manifest.parts) &&
    manifest.parts.every(isPart)
  );
}

function isPart(value: unknown): value is CheckpointPart {
  if (typeof value !== "object" || value === null) return false;
  const { name, sizeBytes, sha256 } = value as Partial<Record<keyof CheckpointPart, unknown>>;
  return (
    typeof name === "string" && isInstanceId(name) && Number.isSafeInteger(sizeBytes) && typeof sha256 === "string"
  );
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
