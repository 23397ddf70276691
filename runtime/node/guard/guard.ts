/**
 * The node's side of a guard (guard.sh): starts it, reads what it wrote, ends its instance.
 *
 * A guard outlives this process on purpose: it enforces the lease while the node is dead, paused or cut off. All its
 * state is in files of the instance's folder, so a later process takes over by reading them. See
 * docs/decisions/0005-guard.md.
 */
import { execFile, spawn } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve as resolvePath } from "node:path";
import { findExecutable } from "../find-executable.ts";
import { leaseLine } from "./lease-file.ts";
import { type CommandRights, rightsWords } from "./command-rights.ts";
import { groupRuns, isRunning, parseIdentity, type ProcessIdentity, signalGroup } from "./process-identity.ts";

export interface GuardedCommand {
  /** The program and its arguments; searched on the PATH of `env`. */
  readonly argv: readonly [string, ...string[]];
  /** All of the command's environment: nothing is inherited from the node. */
  readonly env: Readonly<Record<string, string>> & { readonly PATH: string };
  /** File in the instance's folder that gets standard output and error. */
  readonly output: string;
  /** Opened by the node, so with its rights; the command has them as descriptors from `FIRST_FILE` on, in this order. Default: none. */
  readonly files?: readonly CommandFile[];
  /** Whose the command is. Default: the node's own user. */
  readonly rights?: CommandRights;
  /** Folder of the control group that it is in from its first moment. Default: the node's own. */
  readonly cgroup?: string;
}

export interface CommandFile {
  /** From the instance's folder on. */
  readonly path: string;
  readonly writable: boolean;
}

/** The first descriptor that a command's `files` get; guard.sh has those below for itself. */
export const FIRST_FILE = 5;

/** How an instance's command ended, as the guard saw it. */
export interface GuardExit {
  readonly reason: "lease" | "exit";
  /** `lost`: the guard itself was killed and could say nothing. */
  readonly kind: "code" | "signal" | "lost";
  readonly number: number;
}

export interface GuardState {
  readonly guard: ProcessIdentity | undefined;
  readonly child: ProcessIdentity | undefined;
  readonly exit: GuardExit | undefined;
}

const SCRIPT = join(import.meta.dirname, "guard.sh");

export function guardFolder(instanceFolder: string): string {
  return join(instanceFolder, "guard");
}

/** What a guard is made of on this host. */
export interface GuardTools {
  /** The shell and its first arguments. */
  readonly shell: readonly [string, ...string[]];
  /** util-linux's setpriv, which makes a command die with its guard; busybox's cannot. */
  readonly setpriv: string | undefined;
  /** What is less than it should be, for the log. */
  readonly warnings: readonly string[];
}

export async function findGuardTools(): Promise<GuardTools> {
  const [dash, busybox, setpriv] = await Promise.all(["dash", "busybox", "setpriv"].map(findExecutable));
  const warnings: string[] = [];
  if (dash === undefined && busybox === undefined) {
    warnings.push(
      "No dash and no busybox: guards run in /bin/sh, and where that is bash some may crash with their instance",
    );
  }
  const binds = setpriv !== undefined && (await canBindLifetimes(setpriv));
  if (!binds) {
    warnings.push("No setpriv of util-linux: an instance whose guard is killed runs on until its node notices");
  }
  const ash: readonly [string, ...string[]] = busybox === undefined ? ["/bin/sh"] : [busybox, "ash"];
  return { shell: dash === undefined ? ash : [dash], setpriv: binds ? setpriv : undefined, warnings };
}

async function canBindLifetimes(setpriv: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(setpriv, ["--pdeathsig", "KILL", "true"], (error) => resolve(error === null));
  });
}

/** Starts the command under a guard of its own. Resolves once it runs. @throws when the guard ended before that. */
export async function startGuard(options: {
  readonly instanceFolder: string;
  readonly command: GuardedCommand;
  /** Uptime in hundredths of a second. */
  readonly deadline: number;
  readonly tools: GuardTools;
}): Promise<void> {
  const { instanceFolder, command } = options;
  mkdirSync(guardFolder(instanceFolder), { mode: 0o700 });
  writeFileSync(join(guardFolder(instanceFolder), "lease"), leaseLine(options.deadline), { mode: 0o600 });
  const { shell, setpriv } = options.tools;
  const [program, ...first] = shell;
  if (command.rights !== undefined && setpriv === undefined) throw new Error("no setpriv makes it another user's");
  const rights = command.rights === undefined ? "" : rightsWords(command.rights).join(" ");
  const words = [command.output, setpriv ?? "none", rights, command.cgroup ?? "", ...command.argv];
  const files: number[] = [];
  try {
    for (const { path, writable } of command.files ?? []) {
      files.push(openSync(resolvePath(instanceFolder, path), writable ? constants.O_RDWR : constants.O_RDONLY));
    }
    await new Promise<void>((resolve, reject) => {
      const guard = spawn(program, [...first, SCRIPT, ...words], {
        cwd: instanceFolder,
        env: command.env,
        detached: true,
        // Nothing is opened for those that are left out above standard error.
        stdio: ["ignore", "pipe", "ignore", "ignore", "ignore", ...files],
      });
      guard.once("error", reject);
      guard.stdout?.once("data", () => resolve());
      guard.stdout?.once("close", () => reject(new Error("its guard ended before the command ran")));
      guard.unref();
    });
  } finally {
    for (const file of files) closeSync(file);
  }
}

/**
 * What the guard wrote so far; nothing of it can be believed to be current but `exit`.
 * @throws the file system's error when a file is there and cannot be read: then nothing is known, least of all an end.
 */
export function readGuard(instanceFolder: string): GuardState {
  const read = (name: string): string => {
    try {
      return readFileSync(join(guardFolder(instanceFolder), name), "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  };
  const [, reason, kind, number] = /^(lease|exit) (code|signal) (\d+)\n/.exec(read("exit")) ?? [];
  const exit = reason === undefined ? undefined : ({ reason, kind, number: Number(number) } as GuardExit);
  return { guard: parseIdentity(read("guard")), child: parseIdentity(read("child")), exit };
}

/**
 * Gives a folder up in which no guard has spoken: a guard that comes to run later finds the claim taken and ends.
 * @returns false when a guard was faster.
 */
export function giveUp(instanceFolder: string): boolean {
  try {
    writeFileSync(join(guardFolder(instanceFolder), "guard"), "given up\n", { flag: "wx" });
    return true;
  } catch (error) {
    // Without a guard/ folder no guard was started.
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** Does anything of the instance run, its guard included? */
export function anythingRuns(state: GuardState): boolean {
  if (state.guard !== undefined && isRunning(state.guard)) return true;
  return state.child !== undefined && groupRuns(state.child);
}

/** Ends the instance at once. Its guard, if it lives, notices and writes its exit. */
export function killInstance(state: GuardState): void {
  if (state.child !== undefined) signalGroup(state.child, "SIGKILL");
  // A guard that got stuck before it could say whom it guards; its command does not start without it.
  else if (state.guard !== undefined) signalGroup(state.guard, "SIGKILL");
  // One that somebody stopped would never notice, and the instance never count as ended. Any other ignores this.
  if (state.guard !== undefined) signalGroup(state.guard, "SIGCONT");
}

/** The output of a command that has ended or failed, for a message: its last lines. */
export async function lastOutput(path: string, linesMax: number): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim().split("\n").slice(-linesMax).join(" | ");
}
