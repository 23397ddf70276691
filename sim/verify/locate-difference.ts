/**
 * Finds the first event in which two runs of one seed differ.
 *
 *     run, run ─▶ checkpoints: a hash every N events ─▶ the stretch in which they part ─▶ run, run: the steps of that stretch ─▶ the event
 *                                                              ▲──────────── they parted elsewhere this time ────────┘
 *
 * What is not decided by the seed is mostly something that earlier runs left behind, so each run is another one: the stretch is looked for
 * among the runs that are looked at, not among those that went before. The hash of an event holds more than its lines: turns, messages
 * with all that is in them, draws, and what was put into the queue. So it parts where something went wrong, not where that first showed.
 */
import { EventTrace, type RecordedEvent, type TraceWindow } from "../timeline/event-trace.ts";

/** A run that happens anew each time and tells the trace. */
export type TracedRun = (trace: EventTrace) => unknown;

/** Two runs part here. */
export interface RunDifference {
  /** Of both runs; null: that run ended before. They share everything before them, and therefore their causes. */
  readonly one: RecordedEvent | null;
  readonly other: RecordedEvent | null;
}

/** Pairs of runs whose steps are looked at, at most. */
const PAIRS_MAX = 5;

/** Events before and behind that are looked at, too: the next pair may part a little sooner or later. */
const AROUND = 200;

/** Null: the runs do not differ, or not twice at the same event. */
export async function locateDifference(run: TracedRun): Promise<RunDifference | null> {
  let pair = await runPair(run, null);
  for (let at = 0; at < PAIRS_MAX; at++) {
    const window = firstDifference(pair);
    if (window === null) return null;
    const found = pair.one.window === null ? null : differenceWithin(pair);
    if (found !== null) return found;
    pair = await runPair(run, window);
  }
  return differenceWithin(pair);
}

interface Pair {
  readonly one: EventTrace;
  readonly other: EventTrace;
}

async function runPair(run: TracedRun, window: TraceWindow | null): Promise<Pair> {
  const [one, other] = [new EventTrace(window), new EventTrace(window)];
  for (const trace of [one, other]) {
    await run(trace);
    trace.close();
  }
  return { one, other };
}

/** The events among which the first is that differs. */
function firstDifference({ one, other }: Pair): TraceWindow | null {
  const every = Math.max(one.checkpoints.every, other.checkpoints.every);
  const [first, second] = [hashesOf(one, every), hashesOf(other, every)];
  const at = first.findIndex((hash, place) => hash !== second[place]);
  const to = at < 0 ? first.length : at;
  // The start is event 0 and has a hash of its own.
  if (at < 0 && one.events === other.events) return null;
  return { from: Math.max(0, (to - 1) * every + 1 - AROUND), to: to * every + AROUND };
}

function hashesOf(trace: EventTrace, every: number): readonly number[] {
  const { hashes, every: own } = trace.checkpoints;
  return hashes.filter((_, at) => (at * own) % every === 0);
}

function differenceWithin({ one, other }: Pair): RunDifference | null {
  for (let at = 0; at < Math.max(one.recorded.length, other.recorded.length); at++) {
    const [first = null, second = null] = [one.recorded[at], other.recorded[at]];
    if (JSON.stringify(first) !== JSON.stringify(second)) return { one: first, other: second };
  }
  return null;
}
