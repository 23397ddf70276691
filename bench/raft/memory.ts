/** Memory and log over a million writes: neither may grow with what was written, only with what is kept. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "../bench.ts";
import { KvCluster } from "./kv-cluster.ts";
import { LoadGenerator } from "./load-generator.ts";

const CLIENTS = 256;
const STEP_MS = 1000;

/** What a heap may swing between two collections. */
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
        value: halfMedian(residentMb, 1),
        unit: "MB",
        note: `second half of the run, the largest of three nodes; first half ${halfMedian(residentMb, 0)} MB, most ${Math.max(...residentMb)} MB; flat within ${SWING} x: ${isFlat(residentMb) ? "yes" : "NO"}`,
      },
      {
        measure: "  on disk",
        value: halfMedian(diskMb, 1),
        unit: "MB",
        note: `first half ${halfMedian(diskMb, 0)} MB, most ${Math.max(...diskMb)} MB; flat within ${SWING} x: ${isFlat(diskMb) ? "yes" : "NO"}`,
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

function isFlat(values: readonly number[]): boolean {
  return halfMedian(values, 1) <= SWING * halfMedian(values, 0);
}

function halfMedian(values: readonly number[], half: 0 | 1): number {
  const middle = Math.floor(values.length / 2);
  const part = (half === 0 ? values.slice(0, Math.max(1, middle)) : values.slice(middle)).toSorted((a, b) => a - b);
  return part[Math.floor(part.length / 2)] ?? Number.NaN;
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
