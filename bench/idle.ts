/** What an idle node process costs: resident memory, and CPU time, of each of three nodes without VMs. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { MeasuredCluster } from "./measured-cluster.ts";

const PORT_BASE = 27_300;
const SETTLE_MS = 10_000;
const MEASURE_MS = 20_000;
/** Clock ticks a second of /proc/PID/stat; 100 on every Linux. */
const TICKS_PER_SECOND = 100;

export const idleBench: Bench = {
  name: "idle",
  summary: "resident memory and CPU of an idle node process",
  async run(progress): Promise<readonly Row[]> {
    const cluster = await MeasuredCluster.start({
      nodes: 3,
      driver: "process",
      portBase: PORT_BASE,
      onProgress: progress,
    });
    try {
      const pids = cluster.record.nodes.flatMap(({ process: identity }) => (identity === null ? [] : [identity.pid]));
      progress(`idle for ${(SETTLE_MS + MEASURE_MS) / 1000} s`);
      await delay(SETTLE_MS);
      const before = pids.map(cpuSeconds);
      await delay(MEASURE_MS);
      const cpu = pids.map((pid, at) => ((cpuSeconds(pid) - (before[at] ?? 0)) / (MEASURE_MS / 1000)) * 100);
      return [
        spreadRow("resident memory of a node", pids.map(residentMb), { unit: "MB", goal: "under 150 MB" }),
        spreadRow("CPU of a node", cpu, { unit: "%", goal: "of one core" }),
      ];
    } finally {
      await cluster.stop();
    }
  },
};

function residentMb(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Behind the name in parentheses; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
