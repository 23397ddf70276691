/** What was done in a run is data, and doing it again is that run. */
import { expect, test } from "vitest";
import { recordSeed, runSeed, type ProfileName, type Schedule } from "../../../sim/index.ts";

const DURATION_MS = 40_000;

test.each<[ProfileName, number]>([
  ["elections", 5],
  ["disk", 2],
  ["membership", 6],
  ["leases", 4],
  ["library", 1],
  ["mixed", 7],
])("recordSeed() of %s, seed %i, gives a schedule that repeats the run byte for byte", (profile, seed) => {
  const options = { seed, profile, durationMs: DURATION_MS };
  const { result, schedule } = recordSeed(options);
  expect(result).toEqual(runSeed(options));
  expect(schedule.events.length).toBeGreaterThan(0);
  const stored = JSON.parse(JSON.stringify(schedule)) as Schedule;
  expect(runSeed({ ...options, replay: { schedule: stored } }).eventLogHash).toBe(result.eventLogHash);
});

test("runSeed() of a schedule does what it says and nothing else", () => {
  const options = { seed: 3, profile: "elections", nodes: 3, durationMs: DURATION_MS } as const;
  const calls = [1, 2].map((second) => {
    return { atUs: second * 1_000_000, tie: 0, type: "call", client: 0, key: 0, how: "put", chance: 1 } as const;
  });
  const crash = { type: "crash", node: 1, power: false, downUs: 2_000_000 } as const;
  const events = [...calls, { ...crash, atUs: 3_000_000, tie: 0 }, { ...crash, atUs: 4_000_000, tie: 0 }];
  const lines: string[] = [];
  const result = runSeed({
    ...options,
    replay: { schedule: { events, load: "scheduled", passedOver: [] } },
    onLine: (line) => void lines.push(line),
  });
  expect(result.ok).toBe(true);
  // The second crash finds no process to end.
  expect(result.faults).toEqual({ call: 2, crash: 1, "not possible": 1 });
  expect(lines).toContain("4000000 not possible crash");
  expect(lines.filter((line) => / call \d+ c0 /.test(line))).toHaveLength(2);
});

test("runSeed() with another chance is another run of the same schedule", () => {
  const options = { seed: 5, profile: "elections", durationMs: DURATION_MS } as const;
  const { result, schedule } = recordSeed(options);
  const other = runSeed({ ...options, replay: { schedule, chance: 1 } });
  expect(other.eventLogHash).not.toBe(result.eventLogHash);
  expect(runSeed({ ...options, replay: { schedule, chance: 1 } }).eventLogHash).toBe(other.eventLogHash);
});
