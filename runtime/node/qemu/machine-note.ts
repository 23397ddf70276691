/**
 * What must be known of an instance by whoever adopts it, beside what its QEMU knows: machine.json in its folder, replaced as a whole.
 *
 * `goesOn` and `left` are written before the act that they tell of, so a process that dies in between leaves a word too many, never one too few.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LaunchOrigin } from "../../ports/hypervisor.ts";
import type { CardIdentity } from "./cards.ts";
import type { GuestNeeds } from "./guest-needs.ts";
import type { NotedDisk } from "./kept-disks.ts";
import type { WrittenImage } from "./rbd-images.ts";

export interface MachineNote {
  readonly needs: Omit<GuestNeeds, "version" | "imageSha256">;
  /** Folder of the image that the guest was booted from, at first. */
  readonly image: string;
  /** Its memory is a file, which can be copied beside QEMU and mapped by others. */
  readonly memoryIsFile: boolean;
  /** Those of its VM's spec, in order. Absent where it has none, and in notes of versions that kept none in checkpoints. */
  readonly disks?: readonly NotedDisk[];
  /** One of its disks, if it has any: a note of such a version. */
  readonly disk?: string;
  /** One that is on this host alone, if there is such: its guest cannot move. */
  readonly localDisk?: string;
  /** Images of RBD that it writes to. Absent: none. */
  readonly images?: readonly WrittenImage[];
  /** Its network cards. Absent: the one of a VM that names none. */
  readonly cards?: readonly CardIdentity[];
  /** What it waits for; gone when its guest runs. */
  readonly waitsFor?: LaunchOrigin;
  /** What it waits for is loaded: it was a standby, or is one. */
  readonly isLoaded?: true;
  /** It is held for a checkpoint or a move, and is to go on after that. */
  readonly goesOn?: true;
  /** All of it has been sent to another host; it must not run unless `resume` says so. */
  readonly left?: true;
}

const FILE = "machine.json";

/** @throws the file system's error, and when there is none. */
export function readNote(folder: string): MachineNote {
  return JSON.parse(readFileSync(join(folder, FILE), "utf8")) as MachineNote;
}

export function writeNote(folder: string, note: MachineNote): void {
  const next = join(folder, `${FILE}.next`);
  writeFileSync(next, JSON.stringify(note), { mode: 0o600 });
  renameSync(next, join(folder, FILE));
}
