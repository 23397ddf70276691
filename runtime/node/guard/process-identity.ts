/**
 * Names a process so that the name is never another's: pids are used again, a pid with its start time and the host's boot
 * id is not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { bootId } from "./host-uptime.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since the host started. */
  readonly start: string;
  readonly boot: string;
}

/** Reads "PID START BOOT", as the guard writes it. */
export function parseIdentity(line: string): ProcessIdentity | undefined {
  const [, pid, start, boot] = /^(\d+) (\d+) ([\da-f-]+)\n/.exec(line) ?? [];
  if (pid === undefined || start === undefined || boot === undefined) return undefined;
  return { pid: Number(pid), start, boot };
}

/** The state letter of /proc/PID/stat, or undefined when that process has ended; a zombie has ended. */
export function processState(identity: ProcessIdentity): string | undefined {
  const found = look(identity);
  if (found === undefined || found.start !== identity.start) return undefined;
  return hasEnded(found.state) ? undefined : found.state;
}

export function isRunning(identity: ProcessIdentity): boolean {
  return processState(identity) !== undefined;
}

/**
 * Signals the process group that `identity` leads, also when only members that outlived it are left: a pid is not given
 * out again while it names a group. Signal 0 only asks. Returns whether there was anybody.
 */
export function signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals | 0): boolean {
  const found = look(identity);
  const isAnother = identity.boot !== bootId() || (found !== undefined && found.start !== identity.start);
  if (isAnother) return false;
  try {
    process.kill(-identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/**
 * Does anything run in the group that `identity` leads? Zombies do not count: they stay until their new parent, the host's
 * init, gets around to them.
 */
export function groupRuns(identity: ProcessIdentity): boolean {
  return isRunning(identity) || groupMembers(identity).length > 0;
}

/** Pids of what runs in the group that `identity` leads. */
export function groupMembers(identity: ProcessIdentity): readonly number[] {
  if (!signalGroup(identity, 0)) return [];
  const members = readdirSync("/proc").filter((pid) => {
    const found = /^\d+$/.test(pid) ? readStat(pid) : undefined;
    return found !== undefined && found.group === String(identity.pid) && !hasEnded(found.state);
  });
  return members.map(Number);
}

/**
 * What the system says of a process that is not there, or that is hidden from us and so not ours. Anything else, such as too
 * many open files, says nothing about the process and must not pass for its end.
 */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

interface Stat {
  readonly state: string;
  readonly group: string;
  readonly start: string;
}

function look(identity: ProcessIdentity): Stat | undefined {
  return identity.boot === bootId() ? readStat(String(identity.pid)) : undefined;
}

function hasEnded(state: string): boolean {
  return state === "Z" || state === "X";
}

function readStat(pid: string): Stat | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  // The name, second field, may hold spaces and parentheses; the state follows its last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", group: fields[2] ?? "", start: fields[19] ?? "" };
}
