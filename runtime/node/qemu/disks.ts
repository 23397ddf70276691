/**
 * The disks of this host's instances: files below STATE/disks, and how QEMU is told of them.
 *
 *   STATE/disk-images/FILE      what users put there, raw or qcow2; only ever read (a link to a folder of another file system will do)
 *   STATE/disks/INSTANCE/NAME   an empty disk is a raw file with holes; one with an image beneath is a qcow2 overlay of it
 *
 * **Quota.** A guest can write its disk's size and no more; an overlay adds its tables, an eighth of a thousandth. The sizes of all disks of a host are
 * promised: one is made only where the file system has room for all that was promised and not written yet, so a guest meets the host's end only when others
 * fill it up. Then, too, it goes on: QEMU reports the error to it (`werror=report`) instead of stopping it, for a guest that stands still and holds its lease
 * looks alive to everybody.
 *
 * Invariants: room is looked for and taken without giving way, so two starts cannot be promised the same; a disk has its name when it is complete.
 */
import { execFile } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { type GuestDisk, isShared } from "../../ports/guest-disks.ts";
import { findExecutable } from "../find-executable.ts";
import { StartRefusal } from "../instances/machine-driver.ts";
import { DISK_BYTES_MAX, readDiskImage, writeOverlay } from "./qcow2.ts";

/** A disk as QEMU opens it. */
export interface AttachedDisk {
  /** Its serial number in the guest. */
  readonly name: string;
  readonly readOnly: boolean;
  /** What `-blockdev` takes, but for the name of the node. */
  readonly device: BlockDevice;
}

export type BlockDevice = Readonly<Record<string, unknown>>;

const MIB = 1024 * 1024;
const BLOCK_BYTES = 512;
const MAKE_FILE_SYSTEM = "mke2fs";
/** Some 100 ms for a disk of 4 TiB, most of which is left to the guest. */
const MAKE_MS = 60_000;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const DISK_NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/;

export class DiskStore {
  readonly #disks: string;
  readonly #images: string;

  constructor(stateDir: string) {
    this.#disks = join(stateDir, "disks");
    this.#images = join(stateDir, "disk-images");
    mkdirSync(this.#images, { recursive: true, mode: 0o700 });
  }

  /** Makes what is not there yet of an instance's disks. @throws {StartRefusal} `image-missing`, `no-space`, `unsupported`, naming the disk. */
  async attach(instance: string, disks: readonly GuestDisk[]): Promise<readonly AttachedDisk[]> {
    const attached: AttachedDisk[] = [];
    for (const disk of disks) attached.push(await this.#attach(instance, disk));
    return attached;
  }

  async #attach(instance: string, disk: GuestDisk): Promise<AttachedDisk> {
    const refuse: Refuse = (why, code = "unsupported") => {
      throw new StartRefusal(code, `disk "${disk.name}": ${why}`);
    };
    if (!DISK_NAME.test(disk.name)) refuse("its name is not 1 to 20 letters, digits and dashes");
    const attached = { name: disk.name, readOnly: disk.readOnly };
    if (disk.source?.type === "rbd") return { ...attached, device: rbdDevice(disk.source) };
    const image = disk.source === undefined ? undefined : this.#image(disk.source.file, refuse);
    if (disk.readOnly && image !== undefined) return { ...attached, device: image.device };
    const sizeBytes = disk.sizeMiB === undefined ? image?.sizeBytes : disk.sizeMiB * MIB;
    if (sizeBytes === undefined || sizeBytes < 1 || sizeBytes > DISK_BYTES_MAX) return refuse("it has no size");
    if (image !== undefined && sizeBytes < image.sizeBytes) {
      refuse(`it is to have ${disk.sizeMiB} MiB, and its image has ${Math.ceil(image.sizeBytes / MIB)}`);
    }
    const path = join(this.#disks, instance, disk.name);
    await this.#make(path, { sizeBytes, isOverlay: image !== undefined, format: disk.format }, refuse);
    if (image === undefined) return { ...attached, device: fileDevice("raw", path) };
    return { ...attached, device: { ...fileDevice("qcow2", path), backing: image.device } };
  }

  /** Deletes the disks of all other instances. @throws the file system's error. */
  keepOnly(instances: readonly string[]): void {
    for (const instance of namesIn(this.#disks)) {
      if (!instances.includes(instance)) rmSync(join(this.#disks, instance), { recursive: true, force: true });
    }
  }

  async #make(path: string, disk: NewDisk, refuse: Refuse): Promise<void> {
    // A new size is a new spec, and that a new instance.
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
    mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    const unfinished = `${path}.new`;
    rmSync(unfinished, { force: true });
    const { sizeBytes, isOverlay, format } = disk;
    const { freeBytes, promisedBytes } = this.#room();
    if (sizeBytes > freeBytes - promisedBytes) {
      const promised = promisedBytes === 0 ? "" : `, ${mib(promisedBytes)} of it promised to other disks`;
      refuse(`${this.#disks} has ${mib(freeBytes)} free${promised}, wanted ${mib(sizeBytes)}`, "no-space");
    }
    try {
      if (isOverlay) writeOverlay(unfinished, sizeBytes);
      else writeHole(unfinished, sizeBytes);
      if (format !== undefined) await makeFileSystem(unfinished, format, refuse);
      renameSync(unfinished, path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  }

  /** What is free, and what of it the disks that are there may still take. */
  #room(): { readonly freeBytes: number; readonly promisedBytes: number } {
    let promisedBytes = 0;
    for (const instance of namesIn(this.#disks)) {
      for (const name of namesIn(join(this.#disks, instance))) {
        const path = join(this.#disks, instance, name);
        promisedBytes += Math.max(0, readDiskImage(path).sizeBytes - statSync(path).blocks * BLOCK_BYTES);
      }
    }
    const { bavail, bsize } = statfsSync(this.#disks);
    return { freeBytes: bavail * bsize, promisedBytes };
  }

  #image(file: string, refuse: Refuse): { readonly device: BlockDevice; readonly sizeBytes: number } {
    const path = join(this.#images, file);
    const found = FILE_NAME.test(file) ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (found?.isFile() !== true) {
      return refuse(`no disk image "${file}" in ${this.#images}: copy it there`, "image-missing");
    }
    const info = readDiskImage(path);
    if (info.format === "qcow2" && info.needs !== undefined) {
      refuse(`its image "${file}" names ${info.needs}: flatten it with "qemu-img convert -O qcow2"`);
    }
    return { device: { ...fileDevice(info.format, path), "read-only": true }, sizeBytes: info.sizeBytes };
  }
}

/** Why an instance's guest cannot go to another host, or be saved without its disks; undefined when it can. */
export function localDisk(disks: readonly GuestDisk[]): string | undefined {
  return disks.find((disk) => !isShared(disk))?.name;
}

interface NewDisk {
  readonly sizeBytes: number;
  readonly isOverlay: boolean;
  readonly format: GuestDisk["format"];
}

type Refuse = (why: string, code?: StartRefusal["code"]) => never;

function writeHole(path: string, sizeBytes: number): void {
  const file = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(file, sizeBytes);
  } finally {
    closeSync(file);
  }
}

/** Nothing of a guest's is read for it: the disk is empty. The guest's kernel finishes what is left out here while it runs. */
async function makeFileSystem(path: string, format: "ext4", refuse: Refuse): Promise<void> {
  const program = await findExecutable(MAKE_FILE_SYSTEM);
  if (program === undefined) return refuse(`no ${MAKE_FILE_SYSTEM} on this host to make ${format}: install e2fsprogs`);
  const args = ["-q", "-F", "-t", format, "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", path];
  await new Promise<void>((resolve, reject) => {
    execFile(program, args, { timeout: MAKE_MS }, (error, _, said) => {
      if (error === null) return resolve();
      const why = said.trim().split("\n").at(-1) ?? "";
      reject(new StartRefusal("failed", `a disk could not be made ${format}: ${why}`, error));
    });
  });
}

function fileDevice(driver: "raw" | "qcow2", filename: string): BlockDevice {
  return { driver, discard: "unmap", file: { driver: "file", filename, discard: "unmap" } };
}

function rbdDevice({ pool, image }: { readonly pool: string; readonly image: string }): BlockDevice {
  return { driver: "raw", file: { driver: "rbd", pool, image } };
}

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder);
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}
