/**
 * The disks of this host's instances: files below STATE/disks, and how QEMU is told of them.
 *
 *   STATE/disk-images/FILE      what users put there, raw or qcow2; only ever read (a link to a folder of another file system will do)
 *   STATE/disks/INSTANCE/NAME   an empty disk is a raw file with holes; one with an image or a checkpoint beneath is a qcow2 overlay of it
 *              .../NAME.next    as a checkpoint has it, for a guest that is being started from that; NAME once it runs
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
import { dirname, join } from "node:path";
import { type GuestDisk, isShared } from "../../ports/guest-disks.ts";
import { findExecutable } from "../find-executable.ts";
import { StartRefusal } from "../instances/machine-driver.ts";
import { CEPH_FILES, CEPH_SECRET } from "./ceph-access.ts";
import { diskPart, type KeptDisk, type NotedDisk } from "./kept-disks.ts";
import { DISK_BYTES_MAX, readDiskImage, writeOverlay } from "./qcow2.ts";

/** A disk as QEMU opens it. */
export interface AttachedDisk {
  /** Its serial number in the guest. */
  readonly name: string;
  readonly readOnly: boolean;
  /** What `-blockdev` takes, but for the name of the node. */
  readonly device: BlockDevice;
  /** Of one that the VM's spec names. */
  readonly noted?: NotedDisk;
}

export type BlockDevice = Readonly<Record<string, unknown>>;

const MIB = 1024 * 1024;
/** No disk's name has a dot. */
const NEXT = ".next";
const BLOCK_BYTES = 512;
const MAKE_FILE_SYSTEM = "mke2fs";
/** Some 100 ms for a disk of 4 TiB, most of which is left to the guest. */
const MAKE_MS = 60_000;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const DISK_NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/;

export class DiskStore {
  readonly #cephUser: string;
  readonly #disks: string;
  readonly #images: string;

  /** `cephUser`: as whom QEMU asks Ceph for disks of RBD. */
  constructor(stateDir: string, cephUser: string) {
    this.#cephUser = cephUser;
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
    const refuse: Refuse = refusing(disk.name);
    if (!DISK_NAME.test(disk.name)) refuse("its name is not 1 to 20 letters, digits and dashes");
    const { name, readOnly, source } = disk;
    const attached = (device: BlockDevice, kind: NotedDisk["kind"], sizeBytes = 0): AttachedDisk => {
      const file = source?.type === "image" ? { image: source.file } : {};
      return { name, readOnly, device, noted: { name, kind, sizeBytes, ...file } };
    };
    if (source?.type === "rbd") return attached(rbdDevice(source, this.#cephUser), "rbd");
    const image = source === undefined ? undefined : this.#image(source.file, refuse);
    if (readOnly && image !== undefined) return attached(image.device, "image");
    const sizeBytes = disk.sizeMiB === undefined ? image?.sizeBytes : disk.sizeMiB * MIB;
    if (sizeBytes === undefined || sizeBytes < 1 || sizeBytes > DISK_BYTES_MAX) return refuse("it has no size");
    if (image !== undefined && sizeBytes < image.sizeBytes) {
      refuse(`it is to have ${disk.sizeMiB} MiB, and its image has ${Math.ceil(image.sizeBytes / MIB)}`);
    }
    const path = join(this.#disks, instance, disk.name);
    await this.#make(path, { sizeBytes, isOverlay: image !== undefined, format: disk.format }, refuse);
    if (image === undefined) return attached(fileDevice("raw", path), "own", sizeBytes);
    return attached({ ...fileDevice("qcow2", path), backing: image.device }, "overlay", sizeBytes);
  }

  /**
   * Its disks as a checkpoint has them, each below a new file for what the guest writes: what the instance had stays as it was until `take`.
   * `part`: path of a checkpoint's part, whose content is trusted. @throws {StartRefusal} as `attach` does.
   */
  async restore(
    instance: string,
    kept: readonly KeptDisk[],
    part: (name: string) => string,
  ): Promise<readonly AttachedDisk[]> {
    const attached: AttachedDisk[] = [];
    for (const { name, sizeBytes, isCopied, image } of kept) {
      const refuse = refusing(name);
      const below = image === undefined ? undefined : this.#image(image.file, refuse).device;
      if (!isCopied && below !== undefined && image !== undefined) {
        const noted = { name, kind: "image", sizeBytes: 0, image: image.file } as const;
        attached.push({ name, readOnly: true, device: below, noted });
        continue;
      }
      const path = join(this.#disks, instance, name);
      // Of a start that failed.
      rmSync(path + NEXT, { force: true });
      await this.#make(path + NEXT, { sizeBytes, isOverlay: true, format: undefined, insteadOf: path }, refuse);
      // Without this word QEMU would open what the file itself names.
      const backing = { ...fileDevice("qcow2", part(diskPart(name))), "read-only": true, backing: below ?? null };
      const device = { ...fileDevice("qcow2", path + NEXT), backing };
      attached.push({ name, readOnly: false, device, noted: { name, kind: "restored", sizeBytes } });
    }
    return attached;
  }

  /** The guest runs: what `restore` made are its disks now, and what it had before is gone. */
  take(instance: string): void {
    const folder = join(this.#disks, instance);
    for (const file of namesIn(folder)) {
      if (file.endsWith(NEXT)) renameSync(join(folder, file), join(folder, file.slice(0, -NEXT.length)));
    }
  }

  /** SHA-256 of an image's file is asked for by this path. @throws {StartRefusal} when there is none. */
  imagePath(disk: string, file: string): string {
    this.#image(file, refusing(disk));
    return join(this.#images, file);
  }

  /** What a copy of a disk may take of the file system, in bytes. */
  copyBytes(instance: string, { name, sizeBytes, kind }: NotedDisk): number {
    // Of one that was restored, what is beneath is copied too, and how much of it was overwritten nobody knows.
    if (kind === "restored") return sizeBytes;
    const found = statSync(join(this.#disks, instance, name), { throwIfNoEntry: false });
    return Math.min(sizeBytes, (found?.blocks ?? 0) * BLOCK_BYTES);
  }

  /** What the disks that are there may still take of the file system, in bytes. */
  get promisedBytes(): number {
    return this.#room().promisedBytes;
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
    const { sizeBytes, isOverlay, format, insteadOf } = disk;
    const { freeBytes, promisedBytes } = this.#room(insteadOf);
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

  /** What is free, and what of it the disks that are there may still take, but for one that is about to go. */
  #room(goes?: string): { readonly freeBytes: number; readonly promisedBytes: number } {
    let promisedBytes = 0;
    for (const instance of namesIn(this.#disks)) {
      for (const name of namesIn(join(this.#disks, instance))) {
        const path = join(this.#disks, instance, name);
        if (path === goes) continue;
        promisedBytes += Math.max(0, readDiskImage(path).sizeBytes - statSync(path).blocks * BLOCK_BYTES);
      }
    }
    const { bavail, bsize } = statfsSync(dirname(this.#disks));
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

/** The disk for which an instance's guest cannot go to another host; undefined when it can. */
export function localDisk(disks: readonly GuestDisk[]): string | undefined {
  return disks.find((disk) => !isShared(disk))?.name;
}

interface NewDisk {
  readonly sizeBytes: number;
  readonly isOverlay: boolean;
  readonly format: GuestDisk["format"];
  /** The file that this one takes the place of. */
  readonly insteadOf?: string;
}

type Refuse = (why: string, code?: StartRefusal["code"]) => never;

function refusing(disk: string): Refuse {
  return (why, code = "unsupported") => {
    throw new StartRefusal(code, `disk "${disk}": ${why}`);
  };
}

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

function rbdDevice({ pool, image }: { readonly pool: string; readonly image: string }, user: string): BlockDevice {
  const access = { conf: CEPH_FILES.conf, user, "key-secret": CEPH_SECRET };
  return { driver: "raw", discard: "unmap", file: { driver: "rbd", pool, image, ...access, discard: "unmap" } };
}

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder);
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}
