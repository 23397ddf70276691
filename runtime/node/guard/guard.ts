/**
 * The node's side of a guard (guard.sh): starts it, reads what it wrote, ends its instance.
 *
 * A guard outlives this process on purpose: it enforces the lease while the node is dead, paused or cut off. All its
 * state is in files of the instance's folder, so a later process takes over by reading them. See
 * docs/decisions/0005-guard.md.
 */
import { execFile, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { leaseLine } from "./lease-file.ts";
import { groupRuns, isRunning, parseIdentity, type ProcessIdentity, signalGroup } from "./process-identity.ts";

export interface GuardedCommand {
  /** The program and its arguments; searched on the PATH of `env`. */
  readonly argv: readonly [string, ...string[]];
  /** All of the command's environment: nothing is inherited from the node. */
  readonly env: Readonly<Record<string, string>> & { readonly PATH: string };
  /** File in the instance's folder that gets standard output and error. */
  readonly output: string;
}

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

/** Can a command be made to die with its guard? Needs setpriv of util-linux; busybox's has no `--pdeathsig`. */
export async function canBindLifetimes(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile("setpriv", ["--pdeathsig", "KILL", "true"], (error) => resolve(error === null));
  });
}

/** Starts the command under a guard of its own. Resolves once it runs. @throws when the guard ended before that. */
export async function startGuard(options: {
  readonly instanceFolder: string;
  readonly command: GuardedCommand;
  /** Uptime in hundredths of a second. */
  readonly deadline: number;
  readonly bindLifetimes: boolean;
}): Promise<void> {
  const { instanceFolder, command } = options;
  await mkdir(guardFolder(instanceFolder), { mode: 0o700 });
  await writeFile(join(guardFolder(instanceFolder), "lease"), leaseLine(options.deadline), { mode: 0o600 });
  const limits = options.bindLifetimes ? "pdeathsig" : "none";
  await new Promise<void>((resolve, reject) => {
    const guard = spawn("/bin/sh", [SCRIPT, "guard", command.output, limits, ...command.argv], {
      cwd: instanceFolder,
      env: command.env,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    guard.once("error", reject);
    guard.stdout.once("data", () => resolve());
    guard.stdout.once("close", () => reject(new Error("its guard ended before the command ran")));
    guard.unref();
  });
}

/** What the guard wrote so far; nothing of it can be believed to be current but `exit`. */
export function readGuard(instanceFolder: string): GuardState {
  const read = (name: string): string => {
    try {
      return readFileSync(join(guardFolder(instanceFolder), name), "latin1");
    } catch {
      return "";
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
}

/** The output of a command that has ended or failed, for a message: its last lines. */
export async function lastOutput(path: string, linesMax: number): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim().split("\n").slice(-linesMax).join(" | ");
}
