/** Runs one seed in a process of its own and prints its result as JSON; see run-seed.test.ts. */
import { runSeed } from "../../../sim/index.ts";

const [seed, durationMs, profile] = process.argv.slice(2);
const result = runSeed({
  seed: Number(seed),
  nodes: 5,
  durationMs: Number(durationMs),
  ...(profile === undefined ? {} : { profile: profile as "mixed" }),
});
process.stdout.write(JSON.stringify(result));
