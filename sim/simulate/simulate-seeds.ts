/** Runs many seeds of a user's actors one after another, and says what they did and what none of them reached. */
import { simulate } from "./simulate.ts";
import type { SimulateOptions, SimulationResult } from "./simulate-options.ts";

/** Which seeds are run, and what they must reach together. */
export interface SeedRange {
  /** The first seed. Default: 1. */
  readonly from?: number;
  /** How many seeds, counting up. */
  readonly count: number;
  /** After so many that failed no more are run. Default: 1. */
  readonly failuresMax?: number;
  /** Marks that at least one seed must reach; else the runs have shown less than they seem to. */
  readonly sometimes?: readonly string[];
  /** Gets each result as it is ready. */
  onResult?(result: SimulationResult): void;
}

/** What many seeds did together. */
export interface SimulationSummary {
  /** How many were run. */
  readonly seeds: number;
  /** Whether no seed failed and every mark of `sometimes` was reached. */
  readonly ok: boolean;
  readonly failed: readonly SimulationResult[];
  /** Marks of `sometimes` that no seed reached. */
  readonly unreached: readonly string[];
  readonly simulatedMs: number;
  readonly events: number;
  readonly turns: number;
  /** Summed over all seeds. */
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
}

/**
 * Runs each seed of the range. `make` is called anew for each, so that what its checks count belongs to one run.
 * @throws {RangeError} when `count` is no number of seeds; as `simulate` does.
 */
export async function simulateSeeds(
  range: SeedRange,
  make: (seed: number) => Omit<SimulateOptions, "seed">,
): Promise<SimulationSummary> {
  const { from = 1, count, failuresMax = 1, sometimes = [] } = range;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot simulate ${count} seeds: wanted a whole number from 1 on`);
  }
  const results: SimulationResult[] = [];
  let failures = 0;
  for (let seed = from; seed < from + count && failures < failuresMax; seed++) {
    const result = await simulate({ ...make(seed), seed });
    results.push(result);
    if (!result.ok) failures += 1;
    range.onResult?.(result);
  }
  return summarize(results, sometimes);
}

function summarize(results: readonly SimulationResult[], sometimes: readonly string[]): SimulationSummary {
  const failed = results.filter(({ ok }) => !ok);
  const marks = sumCounts(results.map((result) => result.marks));
  const unreached = sometimes.filter((mark) => !(mark in marks));
  const sum = (of: (result: SimulationResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    seeds: results.length,
    ok: failed.length === 0 && unreached.length === 0,
    failed,
    unreached,
    simulatedMs: sum(({ simulatedMs }) => simulatedMs),
    events: sum(({ events }) => events),
    turns: sum(({ turns }) => turns),
    faults: sumCounts(results.map((result) => result.faults)),
    marks,
  };
}

function sumCounts(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
