/** The load as events: a run is the same when it is told what clients, users and operator do, and one act left out leaves the others as they were. */
import { expect, test } from "vitest";
import { recordSeed, runSeed, type ProfileName, type Replay, type RunOptions } from "../../../sim/index.ts";

const PROFILES: readonly ProfileName[] = ["elections", "membership", "disk", "mixed", "leases", "library", "calm"];

test.each(PROFILES)("recordSeed() of %s gives a load that repeats the run, byte for byte", (profile) => {
  const options: RunOptions = { seed: 1, profile, nodes: 3, durationMs: 15_000 };
  const { result, schedule, scheduledLoad } = recordSeed(options);
  expect(scheduledLoad?.load).toBe("scheduled");
  expect(scheduledLoad?.events.length).toBeGreaterThan(schedule.events.length);
  const hashOf = (replayed: Replay["schedule"]): string =>
    runSeed({ ...options, replay: { schedule: replayed } }).eventLogHash;
  expect(hashOf(schedule)).toBe(result.eventLogHash);
  expect(hashOf(scheduledLoad ?? schedule)).toBe(result.eventLogHash);
  // Also when it was recorded from a replay.
  const again = recordSeed({ ...options, replay: { schedule } });
  expect(again.scheduledLoad).toEqual(scheduledLoad);
});

test("an act that is left out leaves what the others draw as it was", () => {
  const options: RunOptions = { seed: 4, profile: "elections", nodes: 3, durationMs: 8000 };
  const { scheduledLoad: schedule } = recordSeed({ ...options, everyFault: false });
  if (schedule === null) throw new Error("there is no load");
  const calls = schedule.events.filter(({ type }) => type === "call");
  expect(calls.length).toBeGreaterThan(10);
  /** When each call is attempted for the first time, and where; the calls themselves are numbered anew. */
  const attempts = (events: typeof calls): readonly string[] => {
    const lines: string[] = [];
    runSeed({ ...options, onLine: (line) => lines.push(line), replay: { schedule: { ...schedule, events } } });
    const asked = new Map<string, string>();
    for (const line of lines) {
      const [, atUs, number, node] = /^(\d+) ask (\d+) at (\d+)$/.exec(line) ?? [];
      if (number !== undefined && !asked.has(number)) asked.set(number, `${atUs} at ${node}`);
    }
    return [...asked.values()];
  };
  const [whole, without] = [attempts(calls), attempts(calls.filter((_, at) => at !== 3))];
  expect(without.length).toBeGreaterThan(5);
  const kept = without.filter((attempt) => whole.includes(attempt));
  expect(kept.length / without.length).toBeGreaterThan(0.9);
});

test("one act of one user is left out alone: the other users do what they did, at the same nodes", () => {
  // A user who waits for an answer does not act: where the act was in the way of others, a few that were not possible now are, and the reverse.
  const runs = [3, 4, 6, 7, 8].map((seed) =>
    withoutFirstUpdate({ seed, profile: "leases", nodes: 3, durationMs: 12_000 }),
  );
  for (const { all, without, leftOut } of runs) {
    expect(all.length).toBeGreaterThan(5);
    expect(without).not.toContain(leftOut);
    expect(without.length).toBeGreaterThan(0.8 * all.length);
    expect(without.filter((act) => all.includes(act)).length).toBeGreaterThan(0.85 * without.length);
  }
  const untouched = runs.filter(({ all, without }) => without.every((act) => all.includes(act)));
  expect(untouched.length).toBeGreaterThan(1);
});

/** What users did, and what they did where the first update of what they share is left out of the same run. */
function withoutFirstUpdate(options: RunOptions): {
  all: readonly string[];
  without: readonly string[];
  leftOut: string;
} {
  const { scheduledLoad: schedule } = recordSeed(options);
  if (schedule === null) throw new Error("there is no load");
  const acts = schedule.events.filter(({ type }) => type === "update" || type === "watch" || type === "burst");
  const first = acts.findIndex(({ type }) => type === "update");
  /** Who led then is no part of what a user does. */
  const lineOf = (act: (typeof acts)[number]): string => JSON.stringify({ ...act, leader: undefined });
  const left = acts[first];
  if (left === undefined) throw new Error("nobody updates what is shared");
  const done = (events: typeof acts): readonly string[] => {
    const { scheduledLoad: repeated } = recordSeed({ ...options, replay: { schedule: { ...schedule, events } } });
    return (repeated?.events ?? []).map(lineOf);
  };
  return { all: done(acts), without: done(acts.filter((_, at) => at !== first)), leftOut: lineOf(left) };
}
