/** Finds a planted fault, and makes the run that shows it short. */
import { recordSeed, shrink, type RecordedRun, type Replayable, type Shrunk } from "../../../sim/index.ts";
import { findPlant, optionsOf, type Plant } from "../faults/raft-plants.ts";

const SEEDS_MAX = 500;

export interface ShrunkPlant {
  readonly recorded: RecordedRun;
  readonly shrunk: Shrunk;
  readonly runs: number;
}

/** @throws when no seed fails, or its replay does not. */
export function shrinkPlant(
  plant: Plant,
  { runsMax, seedsMax = SEEDS_MAX }: { readonly runsMax?: number; readonly seedsMax?: number } = {},
): ShrunkPlant {
  const found = findPlant(plant, { from: plant.near, seedsMax })?.result;
  if (found === undefined) throw new Error(`No seed from ${plant.near} on shows fault ${plant.number}`);
  const { seed, nodes, profile } = found;
  const options = { ...optionsOf(plant), seed, nodes, profile };
  const recorded = recordSeed(options);
  const run: Replayable = { ...options, replay: { schedule: recorded.schedule } };
  const steps = shrink(run, { ...(runsMax !== undefined && { runsMax }) });
  let runs = 0;
  for (;;) {
    const step = steps.next();
    if (step.done !== true) runs = step.value.runs;
    else if (step.value === null) throw new Error(`The replay of seed ${seed} does not show fault ${plant.number}`);
    else return { recorded, shrunk: step.value, runs };
  }
}
