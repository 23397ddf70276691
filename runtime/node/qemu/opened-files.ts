/**
 * Files outside of its instance's folder that a QEMU is given open (runtime/node/guard/guard.ts, `files`), so that it needs no way to them, and what it
 * calls them: an own number for `-add-fd`, which is how QEMU opens disks, or the system's name of the descriptor for what it opens by a path.
 *
 * Source: QEMU, qemu-options.hx, "-add-fd"; util/osdep.c, `qemu_open`.
 */
import { type CommandFile, FIRST_FILE } from "../guard/guard.ts";
import type { AttachedDisk, BlockDevice } from "./disks.ts";

export class OpenedFiles {
  readonly #files: CommandFile[] = [];
  readonly #descriptors: number[] = [];

  /** For the guard, in its order. */
  get files(): readonly CommandFile[] {
    return this.#files;
  }

  /** Those that QEMU is to take into its own sets. */
  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** A path that means the file to this QEMU alone; its user needs the right to read (and write) it all the same. */
  path(path: string, writable: boolean): string {
    return `/proc/self/fd/${this.#add(path, writable)}`;
  }

  /** The disk, all files of it open. */
  disk(disk: AttachedDisk): AttachedDisk {
    return { ...disk, device: this.#device(disk.device, disk.readOnly) };
  }

  #device(device: BlockDevice, readOnly: boolean): BlockDevice {
    const isReadOnly = readOnly || device["read-only"] === true;
    const { file, backing, filename } = device;
    if (device["driver"] === "file" && typeof filename === "string") {
      const descriptor = this.#add(filename, !isReadOnly);
      this.#descriptors.push(descriptor);
      return { ...device, filename: `/dev/fdset/${descriptor}` };
    }
    return {
      ...device,
      ...(isDevice(file) ? { file: this.#device(file, isReadOnly) } : {}),
      ...(isDevice(backing) ? { backing: this.#device(backing, true) } : {}),
    };
  }

  #add(path: string, writable: boolean): number {
    this.#files.push({ path, writable });
    return FIRST_FILE + this.#files.length - 1;
  }
}

function isDevice(value: unknown): value is BlockDevice {
  return typeof value === "object" && value !== null;
}
