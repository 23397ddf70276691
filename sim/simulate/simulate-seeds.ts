/** Runs many seeds of a user's actors one after another, and says what they did and what none of them reached. */
import { simulate } from "./simulate.ts";
import { verifySimulation } from "./verify-simulation.ts";
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
  /** Each seed runs twice, and fails by `decided-by-seed` where the two runs differ (`verifySimulation`). Default: false. */
  readonly verify?: boolean;
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
export async function simulateSeeds<Step = unknown>(
  range: SeedRange,
  make: (seed: number) => Omit<SimulateOptions<Step>, "seed">,
): Promise<SimulationSummary> {
  const { from = 1, count, failuresMax = 1, sometimes = [] } = range;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`Cannot simulate ${count} seeds: wanted a whole number from 1 on`);
  }
  let summary = EMPTY_SIMULATIONS;
  for (let seed = from; seed < from + count && summary.failed.length < failuresMax; seed++) {
    const run = (): SimulateOptions<Step> => ({ ...make(seed), seed });
    const result = range.verify === true ? await verifySimulation(run) : await simulate(run());
    summary = addSimulation(summary, result);
    range.onResult?.(result);
  }
  return endSimulations(summary, sometimes);
}

/** Of no seed. */
export const EMPTY_SIMULATIONS: SimulationSummary = {
  seeds: 0,
  ok: true,
  failed: [],
  unreached: [],
  simulatedMs: 0,
  events: 0,
  turns: 0,
  faults: {},
  marks: {},
};

/** With one more; keeps nothing of one that is clean. */
export function addSimulation(sum: SimulationSummary, result: SimulationResult): SimulationSummary {
  return {
    seeds: sum.seeds + 1,
    ok: sum.ok && result.ok,
    failed: result.ok ? sum.failed : [...sum.failed, result],
    unreached: [],
    simulatedMs: sum.simulatedMs + result.simulatedMs,
    events: sum.events + result.events,
    turns: sum.turns + result.turns,
    faults: addCounts(sum.faults, result.faults),
    marks: addCounts(sum.marks, result.marks),
  };
}

/** With what none of them reached of what they were to. */
export function endSimulations(sum: SimulationSummary, sometimes: readonly string[]): SimulationSummary {
  const unreached = sometimes.filter((mark) => !(mark in sum.marks));
  return { ...sum, unreached, ok: sum.ok && unreached.length === 0 };
}

type Counts = Readonly<Record<string, number>>;

function addCounts(one: Counts, other: Counts): Counts {
  const sum: Record<string, number> = { ...one };
  for (const [name, value] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
