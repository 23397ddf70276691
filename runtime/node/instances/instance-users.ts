/**
 * Users of the host for instances: a range of numbers that belong to nobody else, one for each instance that is there, user and group alike.
 *
 * A number is drawn from the instance's id and the node's folder, and taken if no instance of this node has it, so that nothing need be kept but the
 * number in the instance's record. Two nodes of one host draw from the same range by default; it is so large that they practically never meet (1,000
 * instances: one chance in 270). Ranges that are given are for one node each.
 *
 * Where the node cannot use them (it is not root, or a container keeps that from root, too), it finds out when it begins, by trying all that instances
 * will need: docs/decisions/0032-a-user-for-each-vm.md.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "../find-executable.ts";
import { rightsWords, SETPRIV } from "../guard/command-rights.ts";
import { StartRefusal } from "./machine-driver.ts";
import { othersNumbers } from "./others-numbers.ts";

export interface UserRange {
  readonly first: number;
  readonly count: number;
}

/** Between what systemd has for containers and its "foreign" users; no distribution gives these out. */
export const VM_USERS: UserRange = { first: 0x7000_0000, count: 0x0800_0000 };
/** The highest numbers mean "nobody" and "no change". */
const ID_MAX = 0xffff_fffd;
const TRIAL_MS = 5_000;
const LOW_PORTS_END = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const LOW_PORTS_END_USUAL = 1024;

/** A host on which instances were to have users of their own, and cannot. */
export class InstanceUsersError extends Error {
  override readonly name = "InstanceUsersError";
}

/** "300000000:1000"; undefined for what is no range. */
export function parseUserRange(text: string): UserRange | undefined {
  const [, first, count] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  const range = { first: Number(first), count: Number(count) };
  return range.first >= 1 && range.count >= 1 && range.first + range.count - 1 <= ID_MAX ? range : undefined;
}

export class InstanceUsers {
  readonly range: UserRange;
  readonly #stateDir: string;
  readonly #lowPortsEnd: number = readLowPortsEnd();

  /** Of a range that is known to work. */
  constructor(range: UserRange, stateDir: string) {
    this.range = range;
    this.#stateDir = stateDir;
  }

  /** Tries the range out, in some milliseconds. `stateDir` is there. @throws {InstanceUsersError} why it cannot be used. */
  static async open(range: UserRange, stateDir: string): Promise<InstanceUsers> {
    const refuse = (why: string, cause?: unknown): never => {
      throw new InstanceUsersError(why, { cause });
    };
    if (process.geteuid?.() !== 0)
      refuse(`this node runs as user ${process.geteuid?.()}, and only root gives rights away`);
    if ((await findExecutable(SETPRIV)) === undefined) refuse("there is no setpriv: install util-linux");
    const theirs = othersNumbers(range);
    if (theirs !== undefined) refuse(`${theirs}: choose numbers that nobody has`);
    try {
      tryFolder(range, stateDir);
      await tryProcess(range.first);
    } catch (error) {
      refuse(`root may not make a process another user's here (${(error as Error).message})`, error);
    }
    return new InstanceUsers(range, stateDir);
  }

  /** A user that none of `taken` is. @throws {StartRefusal} when all of the range are. */
  pick(instance: string, taken: ReadonlySet<number>): number {
    const { first, count } = this.range;
    const start = createHash("sha256").update(`${this.#stateDir}\n${instance}`).digest().readUInt32LE(0) % count;
    // Of one number more than are taken, one at least is free.
    for (let tries = 0; tries < Math.min(count, taken.size + 1); tries++) {
      const user = first + ((start + tries) % count);
      if (!taken.has(user)) return user;
    }
    throw new StartRefusal(
      "failed",
      `all ${count} users of --vm-users ${first}:${count} have an instance: widen the range`,
    );
  }

  /** Lets all users through a folder of the node, but not look into it. @throws {InstanceUsersError} when one that it is in keeps them out. */
  async letThrough(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o711);
    const rights = rightsWords({ user: this.range.first, groups: [], lowPorts: false });
    if ((await run(SETPRIV, [...rights, "/bin/sh", "-c", 'cd "$0"', folder])) === 0) return;
    throw new InstanceUsersError(
      `users of VMs cannot come to ${folder}: "chmod o+x" every folder above it, or choose another --data`,
    );
  }

  /** Must a process have a right for it to listen there? */
  isLowPort(port: number): boolean {
    return port < this.#lowPortsEnd;
  }
}

/** Ends every process of that user, whatever it did to be out of its guard's reach; it has none that is not its instance's. Never throws. */
export async function endProcessesOf(user: number): Promise<void> {
  // Of root that would be the host's.
  if (!(user > 0)) return;
  const rights = rightsWords({ user, groups: [], lowPorts: false });
  await run(SETPRIV, [...rights, "/bin/sh", "-c", "kill -9 -1"]).catch(() => undefined);
}

function readLowPortsEnd(): number {
  try {
    return Number(readFileSync(LOW_PORTS_END, "latin1"));
  } catch {
    return LOW_PORTS_END_USUAL;
  }
}

/** The last of the range, which a container may leave out. */
function tryFolder({ first, count }: UserRange, stateDir: string): void {
  const trial = mkdtempSync(join(stateDir, ".vm-users-"));
  try {
    chownSync(trial, first + count - 1, first + count - 1);
  } finally {
    rmdirSync(trial);
  }
}

/** One that answers is another user's; the node must see into it and end it. */
async function tryProcess(user: number): Promise<void> {
  const rights = rightsWords({ user, groups: [], lowPorts: true });
  const child = spawn(SETPRIV, [...rights, "--pdeathsig", "KILL", "cat"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // One that ends before it has read.
  child.stdin.on("error", () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("setpriv does not end")), TRIAL_MS);
      child.once("error", reject);
      child.once("close", () => (clearTimeout(timer), reject(new Error(said.trim() || "setpriv ended at once"))));
      child.stdout.once("data", () => (clearTimeout(timer), resolve()));
      child.stdin.write("?\n");
    });
    const { pid = 0 } = child;
    if (statSync(`/proc/${pid}`).uid !== user) throw new Error("setpriv left it the user that it had");
    readdirSync(`/proc/${pid}/fd`);
  } finally {
    if (!child.kill("SIGKILL") && child.exitCode === null && child.signalCode === null) child.unref();
  }
}

/** Its status, if it ended by itself. */
async function run(program: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "ignore", timeout: TRIAL_MS });
    child.once("error", reject);
    child.once("close", resolve);
  });
}
