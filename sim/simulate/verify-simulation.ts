/** Runs a user's own actors twice under one seed, to see that the seed decides them. */
import { explainUndecided, isSameRun } from "../verify/index.ts";
import type { SimulateOptions, SimulationResult } from "./simulate-options.ts";
import { simulate, trySimulation } from "./simulate.ts";

/**
 * Runs what `make` gives twice; the result fails by `decided-by-seed` where the two runs differ, as they do when an actor keeps something in a
 * module, and names the first event that differs, and what led to it. `make` is called anew for each run, so that what its checks count belongs to one.
 * @throws as `simulate` does.
 */
export async function verifySimulation<Step = unknown>(make: () => SimulateOptions<Step>): Promise<SimulationResult> {
  const [result, again] = [await simulate(make()), await simulate(make())];
  if (isSameRun(result, again)) return result;
  const failure = await explainUndecided(result, again, async (trace) => trySimulation(make(), trace));
  return { ...result, ok: false, failure };
}
