/**
 * What processes of this host have used, from /proc.
 *
 * Memory is the proportional share (Pss): a page that fifty clones of one checkpoint share counts a fiftieth in each, so that sums over
 * instances are true. Source: proc_pid_stat(5), proc_pid_smaps(5).
 */
import { readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** The unit of times in /proc: USER_HZ, 100 a second on every architecture that Node.js runs on. */
const TICK_MS = 10;
const KIB = 1024;
/** Fields of /proc/PID/stat behind the name: utime, stime, and those of children that were waited for. */
const TIMES = { first: 11, last: 14 } as const;

/** The sum over `pids`; one that has ended meanwhile counts nothing. */
export function readProcessUsage(pids: readonly number[]): ProcessUsage {
  let [cpuMs, residentBytes] = [0, 0];
  for (const pid of pids) {
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    for (let i = TIMES.first; i <= TIMES.last; i++) cpuMs += Number(fields[i] ?? 0) * TICK_MS;
    residentBytes += Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * KIB;
  }
  return { cpuMs, residentBytes };
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
