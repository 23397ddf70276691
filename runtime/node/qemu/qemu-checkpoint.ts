/**
 * Makes a checkpoint of a running QEMU: its memory as a file, the state of its devices as another, the content of each of its disks as one more.
 *
 *     freeze ─▶ stop ─▶ state ─▶ copies of the disks begin ─▶ memory ─▶ go on ─▶ thaw ─▶ the copies end ─▶ hashes, manifest, one rename
 *
 * The guest's memory is a file already (a memfd), so QEMU is only asked for the rest, 64 kB over a unix socket, and the memory is copied from
 * /proc by a thread of ours that leaves holes and hashes. Memory, devices and disks are of one instant, as nothing of the guest runs between
 * them. A clone's memory is no such file: what it shares and what it has changed is mixed, so QEMU sends all of it, and there is one part.
 *
 * The guest is not frozen for that, but for whoever reads a disk without the memory: so one that cannot be frozen in time is kept all the same. One that was
 * is restored as one, and thaws at the greeting of whoever restores it.
 *
 * Decisions: docs/decisions/0030-checkpoints-and-moves-of-qemu.md, 0038-disks-in-checkpoints.md.
 */
import {
  chmodSync,
  chownSync,
  createWriteStream,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CheckpointManifest, CheckpointPart } from "../../ports/guest-verbs.ts";
import type { CheckpointStore } from "../instances/checkpoint-store.ts";
import { FileCopy, hashFile } from "../instances/file-copy.ts";
import { VerbError } from "../instances/machine-driver.ts";
import { endCopies } from "./disk-copies.ts";
import type { DisksJob } from "./disks-job.ts";
import type { GuestNeeds } from "./guest-needs.ts";
import { diskPart, DISKS_PART, type KeptDisks } from "./kept-disks.ts";
import type { QmpControl } from "./qmp-control.ts";
import { setTransfer, UNLIMITED_BYTES_PER_SECOND, untilTransfer } from "./qmp-transfer.ts";

export const MEMORY_PART = "memory";
export const STATE_PART = "state";
/** In the instance's folder, QEMU's working folder. */
const STATE_SOCKET = "state.sock";
/** What the name of the memory begins with where the system shows it. */
const MEMFD = "/memfd:memory-backend-memfd";
const BLOCK_BYTES = 512;
const MIB = 1024 * 1024;
/** Room for what is not memory. */
const STATE_BYTES_MAX = 4 * MIB;

export interface CheckpointJob {
  readonly id: string;
  readonly control: QmpControl;
  readonly pid: number;
  /** A short path to a file in the instance's folder. */
  readonly pathOf: (name: string) => string;
  readonly store: CheckpointStore;
  readonly needs: GuestNeeds;
  /** The guest's memory is a file of its own. */
  readonly ownMemory: boolean;
  /** Stops the guest; answers what sets it going again. */
  readonly hold: () => Promise<() => Promise<void>>;
  readonly disks: DisksJob;
}

/** @throws {VerbError} and leaves neither a half checkpoint nor a guest that stands still. */
export async function makeCheckpoint(job: CheckpointJob): Promise<CheckpointManifest> {
  const { id, store, needs, disks } = job;
  const memory = job.ownMemory ? memoryOf(job.pid) : undefined;
  const bytes = STATE_BYTES_MAX + (memory?.allocatedBytes ?? needs.memoryMiB * MIB) + disks.copyBytes;
  const folder = store.begin(id, bytes);
  let copy: FileCopy | undefined;
  try {
    copy = memory === undefined ? undefined : new FileCopy({ from: memory.path, to: join(folder, MEMORY_PART) });
    disks.copies.lay();
    const parts: CheckpointPart[] = [];
    const { isFrozen, thaw } = await disks.freeze();
    try {
      const goOn = await job.hold();
      try {
        // QEMU lets go of disks when its state is complete, so nothing may be at work on them before.
        parts.push(await saveState(job, folder));
        await disks.copies.begin();
        if (copy !== undefined) parts.push({ name: MEMORY_PART, ...(await copy.run()) });
      } finally {
        await goOn();
      }
    } finally {
      thaw();
    }
    parts.push(...(await keepDisks(disks, folder, isFrozen)));
    const manifest: CheckpointManifest = { format: 1, id, driver: "qemu", ...needs, parts };
    await store.finish(manifest);
    return manifest;
  } catch (error) {
    await copy?.close();
    await endCopies(job.control, disks.folder);
    store.abandon(id);
    throw toVerbError(error);
  } finally {
    await copy?.close();
  }
}

async function keepDisks(disks: DisksJob, folder: string, isFrozen: boolean): Promise<readonly CheckpointPart[]> {
  const { kept, copies } = disks;
  if (kept.length === 0) return [];
  await copies.finish();
  const parts: CheckpointPart[] = [];
  for (const { name, isCopied } of kept) {
    if (!isCopied) continue;
    const part = diskPart(name);
    parts.push({ name: part, ...(await moveIn(copies.path(name), join(folder, part))) });
  }
  const content: KeptDisks = { format: 1, isFrozen, disks: kept };
  writeFileSync(join(folder, DISKS_PART), JSON.stringify(content), { mode: 0o600 });
  return [...parts, { name: DISKS_PART, ...(await hashFile(join(folder, DISKS_PART))) }];
}

/** From QEMU's hands into ours: a copy only where checkpoints have a file system of their own. */
async function moveIn(from: string, to: string): Promise<Omit<CheckpointPart, "name">> {
  chownSync(from, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  chmodSync(from, 0o600);
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const copy = new FileCopy({ from, to });
    try {
      return await copy.run();
    } finally {
      await copy.close();
      rmSync(from, { force: true });
    }
  }
  return hashFile(to);
}

async function saveState(job: CheckpointJob, folder: string): Promise<CheckpointPart> {
  const { control, pathOf } = job;
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      next(null, chunk);
    },
  });
  // One that a process left behind that did not survive.
  rmSync(pathOf(STATE_SOCKET), { force: true });
  const server = createServer();
  try {
    const written = new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.once("connection", (socket: Socket) => {
        const file = createWriteStream(join(folder, STATE_PART), { mode: 0o600, flags: "wx" });
        pipeline(socket, counted, file).then(resolve, reject);
      });
    });
    written.catch(() => undefined);
    await new Promise<void>((resolve) => server.listen(pathOf(STATE_SOCKET), resolve));
    // QEMU may be another user's; nobody else comes into this folder, and QEMU cannot change what is in it.
    chmodSync(pathOf(STATE_SOCKET), 0o666);
    await setTransfer(control, { ignoreShared: job.ownMemory, waitsAtSwitchover: false, autoConverge: false });
    await control.ask("migrate-set-parameters", { "max-bandwidth": UNLIMITED_BYTES_PER_SECOND });
    await control.ask("migrate", { uri: `unix:${STATE_SOCKET}` });
    const sent = untilTransfer(control, ["completed", "failed", "cancelled"]).then((end) => {
      if (end["status"] === "completed") return written;
      throw new VerbError("failed", `QEMU could not save its state: ${String(end["error-desc"] ?? end["status"])}`);
    });
    // A disk that is full ends the stream before QEMU says anything.
    await Promise.all([sent, written]);
  } finally {
    server.close();
    rmSync(pathOf(STATE_SOCKET), { force: true });
  }
  return { name: STATE_PART, sizeBytes, sha256: hash.digest("hex") };
}

/** The memfd that QEMU made, or the file that stood for it, through the process: it has no name of its own. */
function memoryOf(pid: number): { readonly path: string; readonly allocatedBytes: number } {
  const folder = `/proc/${pid}/fd`;
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (readlinkSync(path).startsWith(MEMFD)) {
        return { path, allocatedBytes: statSync(path).blocks * BLOCK_BYTES };
      }
    }
  } catch (error) {
    throw new VerbError("failed", `its memory cannot be read: ${(error as Error).message}`, error);
  }
  throw new VerbError("unsupported", "its memory is no file: it was started by an older version, restart it");
}

function toVerbError(error: unknown): VerbError {
  if (error instanceof VerbError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new VerbError("no-space", `the disk is full (${message}): drop checkpoints, or free space`, error);
  }
  return new VerbError("failed", message, error);
}
