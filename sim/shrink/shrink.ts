/** Makes the failing run of a seed short; how is told in `shrinker.ts`. */
import type { SeedResult } from "../run/run-result.ts";
import { recordSeed } from "../run/run-seed.ts";
import type { Replayable } from "./replayable.ts";
import { Shrinker, type ShrinkProgressOf, type ShrunkRun } from "./shrinker.ts";

export interface ShrinkOptions {
  /** Runs after which it ends with what it has. Default 3,000. */
  readonly runsMax?: number;
}

/** Where it stands after a run. */
export type ShrinkProgress = ShrinkProgressOf<Replayable, SeedResult>;

/** A failing run, and how it fails. */
export type Shrunk = ShrunkRun<Replayable, SeedResult>;

/**
 * Yields after each run, so that the caller can show progress and stop; returns the shortest run that was found.
 * Null: the run does not fail.
 */
export function* shrink(start: Replayable, options: ShrinkOptions = {}): Generator<ShrinkProgress, Shrunk | null> {
  const { result, scheduledLoad } = recordSeed(start);
  const { failure } = result;
  if (failure === undefined) return null;
  const shrinker = new Shrinker({ run: start, result, failure, scheduledLoad }, options.runsMax);
  const attempts = shrinker.attempts();
  for (let next = attempts.next(); next.done !== true;) {
    next = attempts.next(recordSeed(next.value));
    yield { runs: shrinker.runs, best: shrinker.best };
  }
  return shrinker.best;
}
