/** Makes a failing run of a user's actors short, by the same delta debugging as our own (`../shrink/shrinker.ts`). */
import { Shrinker, type ShrinkProgressOf, type ShrunkRun } from "../shrink/shrinker.ts";
import type { SimulationDefinition } from "./define-simulation.ts";
import { replayOptions, type SimulationRun } from "./recorded-simulation.ts";
import { trySimulation } from "./simulate.ts";
import type { SimulationResult } from "./simulate-options.ts";

/** A failing run, and how it fails. */
export type ShrunkSimulation = ShrunkRun<SimulationRun, SimulationResult>;

/** How far it is. */
export type SimulationShrinkProgress = ShrinkProgressOf<SimulationRun, SimulationResult>;

/** When it ends. */
export interface ShrinkSimulationOptions {
  /** Runs after which it ends with what it has. Default: 3,000. */
  readonly runsMax?: number;
  /** Told after each run, and waited for; false ends it with what it has. */
  onProgress?(progress: SimulationShrinkProgress): boolean | void | Promise<boolean | void>;
}

/**
 * Leaves out faults, steps of the load, nodes and time, as long as the run breaks the same rule. Null: it does not fail.
 * @throws as `replaySimulation` does, for the run that it is given.
 */
export async function shrinkSimulation(
  definition: SimulationDefinition,
  run: SimulationRun,
  options: ShrinkSimulationOptions = {},
): Promise<ShrunkSimulation | null> {
  const { result, schedule } = await trySimulation(replayOptions(definition, run));
  const { failure } = result;
  if (failure === undefined) return null;
  const shrinker = new Shrinker({ run, result, failure, scheduledLoad: schedule }, options.runsMax);
  const attempts = shrinker.attempts();
  for (let next = attempts.next(); next.done !== true;) {
    next = attempts.next(await attempt(definition, next.value, result));
    if ((await options.onProgress?.(shrinker)) === false) break;
  }
  return shrinker.best;
}

/** What throws, as actors may that want a node which was taken away, breaks no rule and is no shorter run. */
async function attempt(
  definition: SimulationDefinition,
  run: SimulationRun,
  failed: SimulationResult,
): Promise<{ readonly result: SimulationResult; readonly scheduledLoad: null }> {
  try {
    const { result } = await trySimulation(replayOptions(definition, run));
    return { result, scheduledLoad: null };
  } catch {
    const { failure: _, ...clean } = failed;
    return { result: clean, scheduledLoad: null };
  }
}
