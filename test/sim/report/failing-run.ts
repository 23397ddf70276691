/** A run that fails by a planted fault, whatever the seeds draw by now: votes that are not written with their term. */
import { watchSeed, type RunOptions, type WatchedRun } from "../../../sim/index.ts";

const OPTIONS = { nodes: 3, profile: "elections", durationMs: 20_000, planted: { raft: [5] } } as const;
const SEEDS_MAX = 60;

export interface FailingRun extends WatchedRun {
  readonly options: RunOptions;
}

/** The first seed in which a leader is elected by votes that are not durable. */
export function findFailingRun(): FailingRun {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const options = { ...OPTIONS, seed };
    const watched = watchSeed(options);
    const { failure } = watched.record;
    if (failure?.rule === "elected-by-quorum" && failure.moment !== null) return { ...watched, options };
  }
  throw new Error(`None of ${SEEDS_MAX} seeds fails by elected-by-quorum`);
}
