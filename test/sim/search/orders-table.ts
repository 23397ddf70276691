/**
 * `node test/sim/search/orders-table.ts [seeds]`: how often evenly drawn turns and turns by priority find faults of ordering, for the table of
 * `sim/README.md`. Three of small actors, where nothing but the order of turns is left to chance, and three of Raft under every fault.
 */
import { runSeed, simulate } from "../../../sim/index.ts";
import { optionsOf, PLANTS } from "../faults/raft-plants.ts";
import { orderingRun, ORDERING_FAULTS } from "./ordering-faults.ts";

const KINDS = ["even", "pct"] as const;
const RAFT = new Set([4, 6, 14]);

const seeds = Number(process.argv[2] ?? 400);
const ofRaft = Math.ceil(seeds / 8);

console.log(`| fault | seeds | found by ${KINDS.join(" | found by ")} |`);
console.log("|---|--:|--:|--:|");
for (const fault of ORDERING_FAULTS) {
  const found = { even: 0, pct: 0 };
  for (const order of KINDS) {
    for (let seed = 1; seed <= seeds; seed++) {
      const { ok } = await simulate({ ...orderingRun(fault), seed, order });
      if (!ok) found[order] += 1;
    }
  }
  console.log(`| ${fault} | ${seeds} | ${found.even} | ${found.pct} |`);
}
for (const plant of PLANTS.filter(({ number }) => RAFT.has(number))) {
  const found = { even: 0, pct: 0 };
  for (const order of KINDS) {
    for (let seed = 1; seed <= ofRaft; seed++) {
      if (!runSeed({ ...optionsOf(plant), seed, order }).ok) found[order] += 1;
    }
  }
  console.log(`| ${plant.number}: ${plant.fault} | ${ofRaft} | ${found.even} | ${found.pct} |`);
}
