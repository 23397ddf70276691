/** What was seen in one run of a scenario, as plain data: times in milliseconds from the moment at which it began. */

export interface Observation {
  /** How long it was looked at: the scenario's duration, or less where a rule of the simulator was broken. */
  readonly spanMs: number;
  readonly vms: readonly ObservedVm[];
  /** Times without a leader that reaches a majority. */
  readonly leaderless: readonly Span[];
  readonly requests: readonly ObservedRequest[];
  /** In the order of time. */
  readonly strikes: readonly ObservedStrike[];
}

export interface Span {
  readonly fromMs: number;
  /** Null: until the end. */
  readonly untilMs: number | null;
}

export interface ObservedVm {
  readonly name: string;
  readonly outages: readonly VmOutage[];
}

export interface VmOutage extends Span {
  /** Why it had no place meanwhile, in the scheduler's words; empty: it had one. */
  readonly reason: string;
  /** Index of the node that it served from before; null: of none. */
  readonly node: number | null;
}

export interface ObservedRequest {
  readonly what: "writes" | "reads";
  readonly startedMs: number;
  /** Null: not by the end. */
  readonly answeredMs: number | null;
}

export interface ObservedStrike {
  readonly fault: string;
  readonly title: string;
  readonly atMs: number;
  readonly untilMs: number;
  /** By index. */
  readonly nodes: readonly number[];
  /** Why it was not struck; null: it was. */
  readonly notStruck: string | null;
  /** Who led just before. */
  readonly leader: number | null;
  /** Where each VM ran just before. */
  readonly places: Readonly<Record<string, number>>;
}

/** Where a span ends, of a run of that length. */
export function endOf({ untilMs }: Span, spanMs: number): number {
  return untilMs ?? spanMs;
}

/** How long two spans are at one time. */
export function overlapMs(one: readonly [number, number], other: readonly [number, number]): number {
  return Math.max(0, Math.min(one[1], other[1]) - Math.max(one[0], other[0]));
}
