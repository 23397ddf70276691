/**
 * Copies of a guest's disks as they are at one moment, made by its QEMU while the guest runs on.
 *
 *     lay files ─▶ guest stands still ─▶ begin, all in one ─▶ guest goes on ─▶ QEMU copies, old content before it is overwritten ─▶ finish
 *
 * So a guest stands still for the beginning alone, however large its disks are, and its own disks stay the files that they are: no chain of overlays that grows
 * with each checkpoint and has to be put together again by whoever comes after a crash. A copy that is not finished is nobody's: the next process
 * ends the jobs and removes the files.
 *
 * The copies are qcow2: zeros cost nothing there, and neither does what is in an image beneath, where only what lies above it is copied.
 *
 * Source: QEMU, qapi/block-core.json, `blockdev-backup`; qapi/transaction.json; block/export/export.c and block.c of 7.2.
 */
import { chmodSync, chownSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PRIVATE_FOLDER } from "../instances/instance-store.ts";
import { VerbError } from "../instances/machine-driver.ts";
import { writeOverlay } from "./qcow2.ts";
import { diskNode } from "./qemu-arguments.ts";
import type { QmpControl } from "./qmp-control.ts";
import { objectsOf } from "./qmp-values.ts";

/** What jobs, nodes and files of copies begin with; no disk's own node does. */
const COPY = "copy-";
/** A look at the jobs where no event came. */
const POLL_MS = 50;
/** Nobody connects to it. */
const EXPORT_SOCKET = `${PRIVATE_FOLDER}/export.sock`;
/** A job that was told to end ends with its request that is on its way. */
const END_MS = 10_000;

export interface DiskToCopy {
  readonly name: string;
  /** What the guest can write. */
  readonly sizeBytes: number;
  /** `top`: without what is in the file beneath it. */
  readonly depth: "full" | "top";
}

export interface DiskCopiesOptions {
  readonly control: QmpControl;
  /** The instance's, QEMU's working folder. */
  readonly folder: string;
  /** Who runs QEMU, if not the node's own user. */
  readonly user: number | undefined;
  readonly disks: readonly DiskToCopy[];
}

export class DiskCopies {
  readonly #options: DiskCopiesOptions;

  constructor(options: DiskCopiesOptions) {
    this.#options = options;
  }

  /** Makes an empty file for each disk. @throws the file system's error. */
  lay(): void {
    const { disks, user } = this.#options;
    for (const { name, sizeBytes } of disks) {
      const path = this.path(name);
      writeOverlay(path, sizeBytes);
      if (user === undefined) continue;
      // In a folder that QEMU cannot write to: it can change this file, and no other.
      chownSync(path, process.geteuid?.() ?? 0, user);
      chmodSync(path, 0o660);
    }
  }

  /** All copies begin at once, so a guest that stands still meanwhile has them of one moment. @throws {VerbError} */
  async begin(): Promise<void> {
    const { control, disks } = this.#options;
    if (disks.length === 0) return;
    await this.#wake();
    for (const { name } of disks) {
      const file = { driver: "file", filename: COPY + name };
      await control.ask("blockdev-add", { driver: "qcow2", "node-name": COPY + name, file });
    }
    const actions = disks.map(({ name, depth }) => ({
      type: "blockdev-backup",
      data: {
        "job-id": COPY + name,
        device: diskNode(name),
        target: COPY + name,
        sync: depth,
        "auto-dismiss": false,
      },
    }));
    await control.ask("transaction", { actions });
  }

  /**
   * A QEMU that has saved its state has let go of its disks, for whoever goes on with them elsewhere, and takes them back when its guest goes on; nothing
   * can be begun in between. What it is asked to export it takes back at once, so that is what is done, to nobody (`blk_exp_add`).
   */
  async #wake(): Promise<void> {
    const { control, disks } = this.#options;
    await control.ask("nbd-server-start", { addr: { type: "unix", data: { path: EXPORT_SOCKET } } });
    try {
      for (const { name } of disks) {
        await control.ask("block-export-add", { type: "nbd", id: COPY + name, "node-name": diskNode(name) });
      }
    } finally {
      await control.ask("nbd-server-stop");
    }
  }

  /** Resolves when all of it is copied and QEMU has let go of the files. @throws {VerbError} with QEMU's words. */
  async finish(): Promise<void> {
    const { control, disks } = this.#options;
    const open = new Set(disks.map(({ name }) => COPY + name));
    while (open.size > 0) {
      const changed = control.changed(POLL_MS);
      const jobs = objectsOf(await control.askAny("query-jobs"));
      for (const { id, status, error } of jobs) {
        if (typeof id !== "string" || !open.has(id) || status !== "concluded") continue;
        if (typeof error === "string") throw jobFailure(id, error);
        await control.ask("job-dismiss", { id });
        open.delete(id);
      }
      const lost = [...open].find((id) => jobs.every((job) => job["id"] !== id));
      if (lost !== undefined) throw jobFailure(lost, "QEMU does not know of it any more");
      if (open.size > 0) await changed;
    }
    for (const { name } of disks) await control.ask("blockdev-del", { "node-name": COPY + name });
  }

  path(name: string): string {
    return join(this.#options.folder, COPY + name);
  }
}

/** Ends copies that are not to be, whoever began them, and removes their files. Never throws: a QEMU that is gone has none. */
export async function endCopies(control: QmpControl, folder: string): Promise<void> {
  try {
    await endJobs(control);
    for (const { "node-name": node } of objectsOf(await control.askAny("query-named-block-nodes", { flat: true }))) {
      if (typeof node === "string" && node.startsWith(COPY)) await control.ask("blockdev-del", { "node-name": node });
    }
  } catch (error) {
    if (!(error instanceof VerbError)) throw error;
  }
  for (const name of readdirSync(folder)) if (name.startsWith(COPY)) rmSync(join(folder, name), { force: true });
}

async function endJobs(control: QmpControl): Promise<void> {
  const untilMs = performance.now() + END_MS;
  while (performance.now() < untilMs) {
    const changed = control.changed(POLL_MS);
    const jobs = objectsOf(await control.askAny("query-jobs")).filter(({ id }) => String(id).startsWith(COPY));
    if (jobs.length === 0) return;
    for (const { id, status } of jobs) {
      // One that goes from one state to the next meanwhile refuses, and is met again.
      if (status === "concluded") await control.ask("job-dismiss", { id }).catch(() => undefined);
      else if (status !== "aborting") await control.ask("job-cancel", { id }).catch(() => undefined);
    }
    await changed;
  }
}

function jobFailure(id: string, why: string): VerbError {
  const name = id.slice(COPY.length);
  const isFull = /No space left|quota/i.test(why);
  return new VerbError(isFull ? "no-space" : "failed", `its disk "${name}" could not be copied: ${why}`);
}
