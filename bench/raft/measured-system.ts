/** A running cluster that the load can be put on: ours, or one to compare with. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

export interface MeasuredSystem {
  /** With its version, for the table. */
  readonly name: string;
  readonly system: "kv" | "etcd";
  /** `HOST:PORT` where the leader serves clients, now. */
  leaderAddress(): Promise<string>;
  /** Of its processes. */
  readonly pids: readonly number[];
  /** Ends every process of it. */
  stop(): Promise<void>;
}

/** What Linux counts CPU time in, as every process is told it. */
const TICK_MS = 10;

/** CPU time of a process so far, user and system, in milliseconds; 0 when it is gone. */
export function cpuMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold spaces and brackets: utime and stime are the 14th and 15th field of all.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
}

/** Returns when it is gone. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}
