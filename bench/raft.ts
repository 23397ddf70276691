/**
 * Raft as it is used: three processes on loopback, WebSockets between them, every acknowledged write synced on a quorum, beside
 * Debian's etcd on the same disk where it is installed. And Raft alone; five nodes; memory; fail-over.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spreadRow, type Bench, type Row } from "./bench.ts";
import { startEtcd } from "./raft/etcd-cluster.ts";
import { measureFailOver } from "./raft/fail-over.ts";
import { diskFlushes, measureSyncUs } from "./raft/disk-sync.ts";
import { KvCluster } from "./raft/kv-cluster.ts";
import { LoadGenerator } from "./raft/load-generator.ts";
import { loadRows, measureLoads, MEASURED_LOADS, summary, type LoadTimes } from "./raft/measured-loads.ts";
import type { MeasuredSystem } from "./raft/measured-system.ts";
import { measureMemory } from "./raft/memory.ts";
import { measureRaftAlone } from "./raft/raft-alone.ts";

const TIMES: LoadTimes = { rounds: 3, warmUpMs: 500, measureMs: 3000 };
const QUICK_TIMES: LoadTimes = { rounds: 1, warmUpMs: 200, measureMs: 800 };
const KILLS = { full: 50, quick: 10 };
const WRITES = { full: 1_000_000, quick: 100_000 };

/** Writes made one after another, to see that each of them reaches the disk of a quorum. */
const COUNTED_MS = 1000;

export const raftBench: Bench = {
  name: "raft",
  summary: "a replicated key-value store beside etcd: writes, reads, five nodes, memory, fail-over; Raft alone",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const folder = mkdtempSync(join(tmpdir(), "blixard-raft-"));
    const part = (name: string): string => {
      const path = join(folder, name);
      mkdirSync(path);
      return path;
    };
    try {
      const times = quick ? QUICK_TIMES : TIMES;
      const size = quick ? "quick" : "full";
      return [
        ...measureRaftAlone({ quick, progress }),
        ...(await measureClusters(part, { ...times, progress })),
        ...(await measureLeases(part, { ...times, progress })),
        ...(await measureFive(part, { ...times, progress })),
        ...(await measureMemory(part("memory"), { writes: WRITES[size], progress })),
        ...(await measureFailOver(part("fail-over"), { kills: KILLS[size], progress })),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Measuring extends LoadTimes {
  readonly progress: (line: string) => void;
}

/** Ours beside etcd. */
async function measureClusters(part: (name: string) => string, measuring: Measuring): Promise<readonly Row[]> {
  const kvFolder = part("kv");
  const syncUs = measureSyncUs(kvFolder);
  return withSystem(await KvCluster.start({ folder: kvFolder, size: 3 }), async (kv) => {
    const flushes = await countFlushes(kv, kvFolder);
    const etcd = await startEtcd(part("etcd"));
    const measure = async (): Promise<readonly Row[]> =>
      withGenerators([kv, ...(etcd === null ? [] : [etcd])], async (systems) => {
        const reports = await measureLoads(systems, MEASURED_LOADS, measuring);
        return loadRows(reports, kv, etcd);
      });
    const rows = etcd === null ? await measure() : await withSystem(etcd, measure);
    return [
      { measure: "fdatasync", value: Math.round(syncUs), unit: "µs", note: "of 4 KiB, this machine, the same folder" },
      flushes,
      ...rows,
      ...(etcd === null
        ? [
            {
              measure: "etcd",
              value: 0,
              unit: "",
              note: "not installed here; compared with figures of its own benchmark",
            },
          ]
        : []),
    ];
  });
}

/** That acknowledged means synced on a quorum: one client's writes cost the disk, which all nodes share, two flushes each or more. */
async function countFlushes(kv: KvCluster, folder: string): Promise<Row> {
  return withGenerators([kv], async ([first]) => {
    if (first === undefined) throw new Error("Bug: no generator");
    await first.generator.connect(kv, 1);
    const before = diskFlushes(folder);
    const report = await first.generator.run(kv, { clients: 1, reads: 0, warmUpMs: 0, measureMs: COUNTED_MS });
    const after = diskFlushes(folder);
    const status = await kv.status("n1");
    const measure = "disk flushes, each write of one client";
    const store = `log: ${status?.store ?? "unknown"}`;
    if (before === null || after === null) {
      return { measure, value: Number.NaN, unit: "", note: `this kernel does not count them; ${store}` };
    }
    const each = (after - before) / report.done;
    if (each < 2) throw new Error(`One client's writes took ${each.toFixed(2)} disk flushes each; a quorum syncs two`);
    return { measure, value: Number(each.toPrecision(3)), unit: "", note: `at least 2, a quorum's; ${store}` };
  });
}

/** Linearizable reads at a leader that holds a lease, beside one that asks a quorum; every node of the former keeps leases. */
async function measureLeases(part: (name: string) => string, measuring: Measuring): Promise<readonly Row[]> {
  const loads = MEASURED_LOADS.filter(({ name }) => name === "reads, 1 client" || name === "reads, 256 clients");
  const leases = { folder: part("leases"), size: 3, flags: ["--lease-reads"] };
  return withSystem(await KvCluster.start({ folder: part("rounds"), size: 3 }), async (asking) =>
    withSystem(await KvCluster.start(leases), async (leasing) =>
      withGenerators([asking, leasing], async (systems) => {
        const reports = await measureLoads(systems, loads, measuring);
        return loads.flatMap(({ name }) => {
          const [rounds, lease] = [asking, leasing].map((system) => summary(reports.get(system)?.get(name)));
          if (!rounds || !lease) return [];
          const figures = `p50 ${lease.p50.toPrecision(3)} ms, p99 ${lease.p99.toPrecision(3)} ms, CPU ${lease.systemCpuUs.toPrecision(3)} µs`;
          const beside = `with rounds ${Math.round(rounds.perSecond).toLocaleString("en-US")}/s, p50 ${rounds.p50.toPrecision(3)} ms, p99 ${rounds.p99.toPrecision(3)} ms, CPU ${rounds.systemCpuUs.toPrecision(3)} µs`;
          const note = `${figures}; ${beside}`;
          return [{ measure: `${name}, under the lease`, value: Math.round(lease.perSecond), unit: "/s", note }];
        });
      }),
    ),
  );
}

/** What two nodes more cost. */
async function measureFive(part: (name: string) => string, measuring: Measuring): Promise<readonly Row[]> {
  const loads = MEASURED_LOADS.filter(({ name }) => name === "writes, 256 clients");
  return withSystem(await KvCluster.start({ folder: part("three"), size: 3 }), async (three) =>
    withSystem(await KvCluster.start({ folder: part("five"), size: 5 }), async (five) =>
      withGenerators([three, five], async (systems) => {
        const reports = await measureLoads(systems, loads, { ...measuring, rounds: 2 * measuring.rounds - 1 });
        const [ofThree, ofFive] = [three, five].map((system) => reports.get(system)?.get("writes, 256 clients") ?? []);
        // Within a round, so that a noisy minute is in both.
        const ratios = (ofThree ?? []).map(
          (report, round) => (ofFive?.[round]?.systemCpuUs ?? Number.NaN) / report.systemCpuUs,
        );
        const [cpuOfThree, cpuOfFive] = [ofThree, ofFive].map((of) => summary(of)?.systemCpuUs.toPrecision(3));
        const goal = `${cpuOfFive} µs against ${cpuOfThree} µs, 256 clients; ${Math.round(summary(ofFive)?.perSecond ?? 0).toLocaleString("en-US")} writes/s; wanted under 1.8`;
        return [spreadRow("CPU a write, 5 nodes / 3 nodes", ratios, { unit: "x", goal })];
      }),
    ),
  );
}

async function withSystem<System extends MeasuredSystem, Value>(
  system: System,
  run: (system: System) => Promise<Value>,
): Promise<Value> {
  try {
    return await run(system);
  } finally {
    await system.stop();
  }
}

interface Driven {
  readonly system: MeasuredSystem;
  readonly generator: LoadGenerator;
}

/** A generator for each, so that what the compiler has learnt of one system does not slow it at another. */
async function withGenerators<Value>(
  systems: readonly MeasuredSystem[],
  run: (driven: readonly Driven[]) => Promise<Value>,
): Promise<Value> {
  const driven = systems.map((system): Driven => ({ system, generator: new LoadGenerator() }));
  try {
    return await run(driven);
  } finally {
    await Promise.all(driven.map(({ generator }) => generator.end()));
  }
}
