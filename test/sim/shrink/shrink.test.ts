/** Planted faults are found, made short, stored, and fail in the same way again. What ten of them come to: `shrink-plants.ts`. */
import { expect, test } from "vitest";
import { formatReplay, parseReplay, recordSeed, runSeed, shrink } from "../../../sim/index.ts";
import { PLANTS } from "../faults/raft-plants.ts";
import { shrinkPlant } from "./shrink-plant.ts";

const TIMEOUT_MS = 60_000;

test.each([7, 10, 28])(
  "shrink() makes a run of fault %i short, and what is stored fails the same way",
  { timeout: TIMEOUT_MS },
  (number) => {
    const plant = PLANTS.find((one) => one.number === number);
    if (plant === undefined) throw new Error(`There is no fault ${number}`);
    const { recorded, shrunk } = shrinkPlant(plant, { runsMax: 400 });
    const { run, result, failure } = shrunk;
    expect(failure.invariant).toBe(recorded.result.failure?.invariant);
    expect(run.replay.schedule.events.length).toBeLessThan(40);
    const stored = parseReplay(formatReplay(run, result, "test"), "a test");
    const again = runSeed(stored.run);
    expect(again.failure).toEqual(failure);
    // It is the planted fault that breaks the rule, not the schedule.
    expect(runSeed({ ...stored.run, planted: {} }).failure).toBeUndefined();
  },
);

test("shrink() answers null for a run that does not fail", () => {
  const options = { seed: 5, profile: "elections", nodes: 3, durationMs: 5000 } as const;
  const { schedule } = recordSeed(options);
  expect(shrink({ ...options, replay: { schedule } }).next()).toEqual({ done: true, value: null });
});

test("shrink() ends after as many runs as it may do, with a run that fails", () => {
  const plant = PLANTS.find(({ number }) => number === 10);
  if (plant === undefined) throw new Error("There is no fault 10");
  const { recorded, shrunk, runs } = shrinkPlant(plant, { runsMax: 5 });
  expect(runs).toBe(5);
  expect(runSeed(shrunk.run).failure?.invariant).toBe(recorded.result.failure?.invariant);
});

test(
  "shrink() leaves out what clients and users of whole nodes ask for: a VM that runs twice needs a request and a crash",
  { timeout: TIMEOUT_MS },
  () => {
    const options = { profile: "leases", nodes: 3, durationMs: 40_000, planted: { leaseBoundBroken: true } } as const;
    const lengths: number[] = [];
    for (let seed = 5; seed <= 40 && lengths.length < 3; seed++) {
      const { result, schedule, scheduledLoad } = recordSeed({ ...options, seed });
      if (result.failure?.invariant !== "a-vm-never-runs-twice" || (scheduledLoad?.events.length ?? 0) < 20) continue;
      const steps = shrink({ ...options, seed, replay: { schedule } }, { runsMax: 100 });
      let next = steps.next();
      while (next.done !== true) next = steps.next();
      const events = next.value?.run.replay.schedule.events ?? [];
      const blows = new Set<string>(schedule.events.map(({ type }) => type));
      expect(events.some(({ type }) => !blows.has(type))).toBe(true);
      lengths.push(events.length);
    }
    expect(lengths.toSorted((one, other) => one - other)[1]).toBeLessThan(10);
  },
);
