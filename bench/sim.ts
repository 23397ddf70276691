/** How fast the simulator is: simulated seconds and events a wall second, by the number of nodes. */
import { runSeed } from "../sim/index.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";

const NODES = [3, 5, 9] as const;
const SEEDS = 5;
const DURATION_MS = 120_000;

export const simBench: Bench = {
  name: "sim",
  summary: "simulated seconds and events a wall second, under default faults, on one core",
  async run(progress): Promise<readonly Row[]> {
    runSeed({ seed: 1, nodes: 3, durationMs: DURATION_MS / 4 });
    return NODES.flatMap((nodes) => {
      const speeds: number[] = [];
      const events: number[] = [];
      for (let seed = 1; seed <= SEEDS; seed++) {
        progress(`${nodes} nodes, seed ${seed} of ${SEEDS}`);
        const startMs = performance.now();
        const result = runSeed({ seed, nodes, durationMs: DURATION_MS });
        const elapsedMs = performance.now() - startMs;
        if (!result.ok) throw new Error(`Seed ${seed} of ${nodes} nodes failed: run "blixard sim --seed ${seed}"`);
        speeds.push(result.simulatedMs / elapsedMs);
        events.push((result.events / elapsedMs) * 1000);
      }
      return [
        spreadRow(`${nodes} nodes, simulated seconds`, speeds, { unit: "s/s", goal: "higher is better" }),
        spreadRow(`${nodes} nodes, events`, events, { unit: "events/s", goal: "higher is better" }),
      ];
    });
  },
};
