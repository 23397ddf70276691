/** Memory and log over a million writes: neither may grow with what was written, only with what is kept. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "../bench.ts";
import { KvCluster } from "./kv-cluster.ts";
import { LoadGenerator } from "./load-generator.ts";
import { median } from "./measured-loads.ts";

const CLIENTS = 256;
const STEP_MS = 1000;

/** How far the peaks of two thirds may lie apart: both heap and log are saws, of other lengths than the run. */
const SWING = 1.25;

export async function measureMemory(
  folder: string,
  { writes, progress }: { readonly writes: number; readonly progress: (line: string) => void },
): Promise<readonly Row[]> {
  const cluster = await KvCluster.start({ folder, size: 3 });
  const generator = new LoadGenerator();
  const residentMb: number[] = [];
  const diskMb: number[] = [];
  let written = 0;
  try {
    await generator.connect(cluster, 16);
    await generator.fill();
    while (written < writes) {
      const report = await generator.run(cluster, { clients: CLIENTS, reads: 0, warmUpMs: 0, measureMs: STEP_MS });
      if (report.done === 0) throw new Error("Nothing was written for a second");
      written += report.done;
      residentMb.push(Math.max(...cluster.pids.map(residentMbOf)));
      diskMb.push(Math.max(...cluster.names.map((name) => folderMb(cluster.dataOf(name)))));
      progress(
        `${written.toLocaleString("en-US")} writes: ${residentMb.at(-1)} MB resident, ${diskMb.at(-1)} MB on disk`,
      );
    }
    const statuses = await Promise.all(cluster.names.map((name) => cluster.status(name)));
    const kept = Math.max(...statuses.map((status) => (status?.raft?.lastIndex ?? 0) - (status?.raft?.base ?? 0)));
    return [
      {
        measure: `resident, ${written.toLocaleString("en-US")} writes of 256 B`,
        value: median(thirds(residentMb)[2]),
        unit: "MB",
        note: `last third of the run, the largest of three nodes; ${flatness(residentMb)}`,
      },
      {
        measure: "  on disk",
        value: median(thirds(diskMb)[2]),
        unit: "MB",
        note: flatness(diskMb),
      },
      {
        measure: "  log",
        value: kept,
        unit: "entries",
        note: `kept of ${statuses[0]?.raft?.lastIndex ?? 0}; the rest is in snapshots`,
      },
    ];
  } finally {
    await generator.end();
    await cluster.stop();
  }
}

/** In the first third heap and log fill up to where they are collected and compacted; behind it they may not grow. */
function flatness(values: readonly number[]): string {
  const [, second, third] = thirds(values).map((part) => Math.max(...part)) as [number, number, number];
  const isFlat = third <= SWING * second;
  return `most in the second third ${second}, in the last ${third}; flat within ${SWING} x: ${isFlat ? "yes" : "NO"}`;
}

function thirds(values: readonly number[]): readonly [readonly number[], readonly number[], readonly number[]] {
  const [one, two] = [Math.ceil(values.length / 3), Math.ceil((2 * values.length) / 3)];
  return [values.slice(0, one), values.slice(one, two), values.slice(two)];
}

function residentMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
}

/** What its files take. */
function folderMb(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file may go while it is looked at: the log is compacted.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0;
  }
  return Math.round((bytes * 512) / 1024 / 1024);
}
