/** `node examples/bank/simulate.ts [--seeds N] [--from N] [--bug]`: the bank under N seeds, with the bug planted or not. */
import { parseArgs } from "node:util";
import { formatSimulations, simulateSeeds } from "../../library/sim.ts";
import { bankRun } from "./bank-simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    bug: { type: "boolean", default: false },
  },
});

const summary = await simulateSeeds(
  { from: Number(values.from), count: Number(values.seeds), sometimes: ["done", "refused", "refunded"] },
  () => bankRun({ looksForKey: !values.bug }),
);
console.log(formatSimulations(summary));
console.log(
  `transfers: ${["done", "refused", "refunded"].map((step) => `${summary.marks[step] ?? 0} ${step}`).join(", ")}`,
);
process.exitCode = summary.ok ? 0 : 1;
