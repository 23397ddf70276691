/**
 * How fast the simulator is: simulated seconds and events a second of one core, under the faults that a seed draws, with a hundred VMs, by the
 * number of nodes.
 *
 * A second is one of CPU time of this thread: other programs on the machine, and the collector's own threads, are not in it. With a core for
 * itself it is a wall second.
 */
import { runSeed, type RunOptions } from "../sim/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";

const SEEDS = 5;
const VMS = 100;

/** The larger the cluster, the shorter: all take about as long. Without faults beside it, to see what they cost. */
const CLUSTERS: readonly Omit<RunOptions, "seed">[] = [
  { nodes: 3, profile: "mixed", vms: VMS, durationMs: 600_000 },
  { nodes: 5, profile: "mixed", vms: VMS, durationMs: 600_000 },
  { nodes: 5, profile: "mixed", durationMs: 600_000 },
  { nodes: 5, profile: "elections", durationMs: 600_000 },
  { nodes: 20, profile: "mixed", vms: VMS, durationMs: 60_000 },
  { nodes: 100, profile: "calm", vms: VMS, durationMs: 5000 },
];

const QUICK_SHARE = 10;

export const simBench: Bench = {
  name: "sim",
  summary: "simulated seconds and events a second of one core, under default faults, by the number of nodes",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const share = quick ? QUICK_SHARE : 1;
    const rows: Row[] = [];
    for (const cluster of CLUSTERS) {
      const durationMs = cluster.durationMs / share;
      const name = [`${cluster.nodes} nodes`, cluster.profile, ...(cluster.vms ? [`${cluster.vms} VMs`] : [])].join(
        ", ",
      );
      // What is compiled is not measured.
      runSeed({ ...cluster, seed: SEEDS + 1, durationMs });
      const speeds: number[] = [];
      const events: number[] = [];
      for (let seed = 1; seed <= (quick ? 1 : SEEDS); seed++) {
        progress(`${name}: seed ${seed}`);
        const before = process.threadCpuUsage();
        const result = runSeed({ ...cluster, seed, durationMs });
        const { user, system } = process.threadCpuUsage(before);
        const elapsedMs = (user + system) / 1000;
        if (!result.ok) throw new Error(`Seed ${seed} of ${name} failed: ${result.failure?.invariant}`);
        speeds.push(result.simulatedMs / elapsedMs);
        events.push((result.events / elapsedMs) * 1000);
      }
      rows.push(
        spreadRow(`${name}: simulated seconds`, speeds, { unit: "s/s", goal: "higher is better" }),
        spreadRow(`${name}: events`, events, { unit: "events/s", goal: "higher is better" }),
      );
    }
    return rows;
  },
};
