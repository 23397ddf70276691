/**
 * `node test/sim/shrink/shrink-plants.ts [numbers]`: makes the runs of planted faults short and prints the table of `sim/README.md`.
 * Default: ten of them, of every kind.
 */
import { recordSeed, runSeed } from "../../../sim/index.ts";
import { PLANTS } from "../faults/raft-plants.ts";
import { shrinkPlant } from "./shrink-plant.ts";

const TEN = [1, 5, 7, 8, 10, 15, 21, 23, 28, 32];

const asked = process.argv.slice(2).map(Number);
const numbers = asked.length > 0 ? asked : TEN;
const lengths: number[] = [];
console.log("| fault | rule | recorded events | after s | shrunk to | nodes | after s | runs | wall s |");
console.log("|--:|---|--:|--:|--:|--:|--:|--:|--:|");
for (const plant of PLANTS.filter(({ number }) => numbers.includes(number))) {
  const startMs = performance.now();
  const { recorded, shrunk, runs } = shrinkPlant(plant);
  const { run, failure } = shrunk;
  const { events, load } = run.replay.schedule;
  const again = runSeed(run).failure;
  if (again?.invariant !== failure.invariant)
    throw new Error(`Fault ${plant.number}: the shrunk run does not fail again`);
  const before = recorded.scheduledLoad?.events.length ?? recorded.schedule.events.length;
  const recordedS = ((recorded.result.failure?.atMs ?? 0) / 1000).toFixed(1);
  // What clients and operator of a drawn load do counts, too.
  const all = load === "drawn" ? (recordSeed(run).scheduledLoad?.events.length ?? Infinity) : events.length;
  const length = load === "drawn" ? `${all}, of them ${events.length} blows` : String(all);
  lengths.push(all);
  const [shrunkS, wallS] = [(failure.atMs / 1000).toFixed(1), ((performance.now() - startMs) / 1000).toFixed(0)];
  console.log(
    `| ${plant.number} | \`${failure.invariant}\` | ${before} | ${recordedS} | ${length} | ${run.nodes} | ${shrunkS} | ${runs} | ${wallS} |`,
  );
}
const sorted = lengths.toSorted((one, other) => one - other);
console.log(`\nMedian: ${sorted[Math.floor(sorted.length / 2)]} events.`);
