/**
 * Holds instances to what they were given, by control groups of the kernel: a group an instance, below one folder that the host has delegated to the
 * node (`Delegate=yes` with `DelegateSubgroup=`, or a folder that root made). Without such a folder there are no limits; with one that cannot hold them
 * the node does not start.
 *
 * The guard has the command enter its group before it becomes the command, so nothing of it ever runs outside. Its guard stays outside: a guest that has used up its
 * processors must not keep its guard from ending it at its lease. What belongs to no instance any more has no processes, and is removed when the
 * next one is started; one folder is one node's, for that reason.
 *
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files", "Memory Interface Files", "IO Interface Files", "Delegation".
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GuardedCommand } from "../guard/guard.ts";
import { isInstanceId } from "./instance-store.ts";

export interface InstanceLimits {
  readonly vcpus: number;
  /** Of the guest and of what runs it. */
  readonly memoryMiB: number;
}

/** What a folder must be able to limit, and `io` where disks are limited, too. */
const CONTROLLERS = ["cpu", "memory"] as const;
export type CgroupController = (typeof CONTROLLERS)[number] | "io";

export interface InstanceCgroupsOptions {
  /** Default: all that limit something. */
  readonly controllers?: readonly CgroupController[];
  /** A line of `io.max` (io-limits.ts), the same for each instance. Default: disks are not limited. */
  readonly ioMax?: string;
}

/** Of processor time, in microseconds; the kernel's own default. */
const PERIOD_US = 100_000;
const MIB = 1_048_576;
const PREFIX = "blixard-";

/** A host that was to hold instances to limits, and cannot. */
export class CgroupError extends Error {
  override readonly name = "CgroupError";
  /** What would help, whole sentences. */
  readonly hint =
    "Give the node's service Delegate=yes and DelegateSubgroup=node, and name the service's own folder; or leave --cgroup out.";

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

export class InstanceCgroups {
  readonly #folder: string;
  readonly #controllers: readonly CgroupController[];
  readonly #ioMax: string;

  /**
   * Tries a group out, and removes those that an earlier process of the node has left.
   * @throws {CgroupError} what the folder lacks, and what would help.
   */
  constructor(folder: string, { controllers: wanted = CONTROLLERS, ioMax }: InstanceCgroupsOptions = {}) {
    const controllers = ioMax === undefined ? wanted : [...wanted, "io" as const];
    this.#folder = folder;
    this.#controllers = controllers;
    this.#ioMax = ioMax ?? "";
    const there = this.#readFile("cgroup.controllers").split(/\s+/);
    const missing = controllers.filter((controller) => !there.includes(controller));
    if (missing.length > 0) {
      throw unusable(folder, `it has no controller ${missing.map((name) => `"${name}"`).join(" and ")}`);
    }
    this.sweep();
    try {
      if (controllers.length > 0) {
        writeFileSync(join(folder, "cgroup.subtree_control"), controllers.map((name) => `+${name}`).join(" "));
      }
      const trial = this.#make("trial", { vcpus: 1, memoryMiB: 1024 });
      rmdirSync(trial);
    } catch (error) {
      throw unusable(folder, (error as Error).message, error);
    }
  }

  /** The command, within a group of its own that limits it. @throws when the group cannot be made. */
  enclose<Command extends GuardedCommand>(instance: string, command: Command, limits: InstanceLimits): Command {
    this.sweep();
    return { ...command, cgroup: this.#make(instance, limits) };
  }

  /** Ends whatever has outlived the instance, and removes its group, or leaves that to the next sweep. */
  release(instance: string): void {
    if (!isInstanceId(instance)) return;
    const folder = this.#folderOf(instance);
    try {
      writeFileSync(join(folder, "cgroup.kill"), "1");
    } catch {
      // No such group, or a kernel before 5.14: then the guard's and the node's own kills are all there is.
    }
    removeEmpty(folder);
  }

  /** Removes the groups in which nothing runs. */
  sweep(): void {
    for (const name of readdirSync(this.#folder)) if (name.startsWith(PREFIX)) removeEmpty(join(this.#folder, name));
  }

  #make(instance: string, { vcpus, memoryMiB }: InstanceLimits): string {
    const folder = this.#folderOf(instance);
    mkdirSync(folder, { recursive: true });
    const limits: Readonly<Record<CgroupController, readonly [string, string]>> = {
      cpu: ["cpu.max", `${vcpus * PERIOD_US} ${PERIOD_US}`],
      memory: ["memory.max", String(memoryMiB * MIB)],
      io: ["io.max", this.#ioMax],
    };
    for (const controller of this.#controllers) {
      const [file, text] = limits[controller];
      writeFileSync(join(folder, file), text);
    }
    return folder;
  }

  #folderOf(instance: string): string {
    return join(this.#folder, `${PREFIX}${instance}`);
  }

  #readFile(name: string): string {
    try {
      return readFileSync(join(this.#folder, name), "latin1");
    } catch (error) {
      throw unusable(this.#folder, `it is no control group of version 2 (${(error as Error).message})`, error);
    }
  }
}

/** The kernel refuses one with processes, and so nothing that runs is touched. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The next sweep looks again.
  }
}

function unusable(folder: string, why: string, cause?: unknown): CgroupError {
  return new CgroupError(`the control group ${folder} cannot limit VMs: ${why}`, cause);
}
