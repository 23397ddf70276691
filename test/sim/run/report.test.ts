/** What a run says to people. */
import { expect, test } from "vitest";
import {
  addToSummary,
  EMPTY_SUMMARY,
  formatFailure,
  formatFailures,
  formatSummary,
  replayCommand,
  runSeeds,
  type SeedResult,
} from "../../../sim/index.ts";

const CLEAN: SeedResult = {
  seed: 3,
  nodes: 5,
  durationMs: 600_000,
  profile: "mixed",
  ok: true,
  eventLogHash: "0123456789abcdef",
  events: 1000,
  turns: 2000,
  simulatedMs: 600_000,
  faults: { kill: 2 },
  marks: { leaders: 3, "torn writes found": 0 },
};

const FAILED: SeedResult = {
  ...CLEAN,
  seed: 4,
  ok: false,
  faults: { kill: 1, pause: 12 },
  failure: { invariant: "election-safety", message: "Term 2 has two leaders", atMs: 1500, lines: ["1 a", "2 b"] },
};

test("formatSummary() sums up seeds, speed, faults and marks", () => {
  const summary = [CLEAN, FAILED].reduce(addToSummary, EMPTY_SUMMARY);
  const lines = formatSummary(summary, 2000).split("\n");
  expect(lines[0]).toBe("2 seeds: 1 FAILED");
  expect(lines[1]).toBe("simulated    20.0 min in 2.0 s: 600 simulated seconds a second");
  expect(lines[2]).toContain("2,000 (1,000 a second), 4,000 turns");
  expect(lines[4]).toBe("faults       pause 12, kill 3");
  expect(lines[5]).toBe("marks        leaders 6");
  expect(formatSummary(addToSummary(EMPTY_SUMMARY, CLEAN), 1)).toContain("1 seed: all clean");
});

test("formatFailure() names seed, rule, last events and the command that replays it", () => {
  const text = formatFailure(FAILED);
  expect(text).toContain("seed 4 (mixed) failed after 1.5 s: election-safety\n  Term 2 has two leaders");
  expect(text).toContain("  1 a\n  2 b\n");
  expect(text).toContain("blixard sim --seed 4 --nodes 5 --duration 10m");
});

test("formatSummary() of several runs names what none of them has reached, and of one run nothing", () => {
  const some = [CLEAN, FAILED].reduce(addToSummary, EMPTY_SUMMARY);
  expect(formatSummary(some, 2000)).toMatch(/^never .*committed.*guests started/m);
  expect(formatSummary(some, 2000)).not.toMatch(/^never .*leaders/m);
  expect(formatSummary(addToSummary(EMPTY_SUMMARY, CLEAN), 2000)).not.toContain("never");
});

test("formatFailures() tells the first ones whole, and the seeds of the others", () => {
  const text = formatFailures(Array.from({ length: 8 }, (_, at) => ({ ...FAILED, seed: 10 + at })));
  expect(text.match(/election-safety/g)).toHaveLength(5);
  expect(text).toMatch(/\n\nThese seeds failed, too: 15, 16, 17$/);
});

test("replayCommand() says durations without loss, and the profile", () => {
  const run = { seed: 1, nodes: 3, profile: "disk" } as const;
  expect(replayCommand({ ...run, durationMs: 1500 })).toBe(
    "blixard sim --seed 1 --nodes 3 --duration 1500ms --profile disk",
  );
  expect(replayCommand({ ...run, durationMs: 90_000 })).toContain("--duration 90s");
  expect(replayCommand({ ...run, durationMs: 1000, everyFault: true })).toMatch(/ --profile disk --every-fault$/);
});

test("runSeeds() counts up from the first seed and can be left early", () => {
  const seeds: number[] = [];
  for (const { seed } of runSeeds({ seed: 7, seeds: 100, nodes: 1, durationMs: 100 })) {
    seeds.push(seed);
    if (seeds.length === 2) break;
  }
  expect(seeds).toEqual([7, 8]);
});
