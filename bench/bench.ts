/** What a benchmark is. Each measures within one run, so that its ratios hold on a noisy machine; none is a test. */

export interface Bench {
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  /** Says on `progress` what it is doing; returns what it measured. Bounded in time, leaves nothing running. */
  run(progress: (line: string) => void, options: BenchOptions): Promise<readonly Row[]>;
}

export interface BenchOptions {
  /** Whether to measure less and for a shorter time, to see that everything works. Benchmarks that are short anyway do not care. */
  readonly quick: boolean;
}

/** One measured figure. */
export interface Row {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
  /** What to compare it with: a goal, another system in the same run, the spread. */
  readonly note: string;
}

/** The median and the spread of several measurements, as one row. `values` must not be empty. */
export function spreadRow(
  measure: string,
  values: readonly number[],
  details: { readonly unit: string; readonly goal: string },
): Row {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) throw new Error(`"${measure}" has no measurement`);
  const note = `${details.goal}; ${sorted.length} runs, ${round(sorted[0])} to ${round(sorted.at(-1))}`;
  return { measure, value: round(median), unit: details.unit, note };
}

function round(value: number | undefined): number {
  return Number((value ?? 0).toPrecision(4));
}
