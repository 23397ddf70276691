/** Runs many seeds one after another, and sums up what they did. */
import type { RunOptions, SeedResult } from "./run-result.ts";
import { runSeed } from "./run-seed.ts";

export interface RunsOptions extends RunOptions {
  /** How many seeds, counting up from `seed`. */
  readonly seeds: number;
}

export interface Summary {
  readonly seeds: number;
  /** Results of the seeds that failed. */
  readonly failed: readonly SeedResult[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly turns: number;
  /** Summed over all seeds, most frequent first. */
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
  readonly profiles: Readonly<Record<string, number>>;
}

/** Each result as it is ready, so the caller can show progress and stop when it likes. */
export function* runSeeds({ seeds, ...options }: RunsOptions): Generator<SeedResult> {
  for (let at = 0; at < seeds; at++) yield runSeed({ ...options, seed: options.seed + at });
}

export const EMPTY_SUMMARY: Summary = {
  seeds: 0,
  failed: [],
  simulatedMs: 0,
  events: 0,
  turns: 0,
  faults: {},
  marks: {},
  profiles: {},
};

export function addToSummary(summary: Summary, result: SeedResult): Summary {
  return {
    seeds: summary.seeds + 1,
    failed: result.ok ? summary.failed : [...summary.failed, result],
    simulatedMs: summary.simulatedMs + result.simulatedMs,
    events: summary.events + result.events,
    turns: summary.turns + result.turns,
    faults: addCounts(summary.faults, result.faults),
    marks: addCounts(summary.marks, result.marks),
    profiles: addCounts(summary.profiles, { [result.profile]: 1 }),
  };
}

function addCounts(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
