/** The line that a sweep shows while it lasts. */
import { expect, test } from "vitest";
import { describeSweep, sweepTeller } from "../../cli/commands/sweep-detail.ts";
import { EMPTY_SUMMARY } from "../../sim/index.ts";

const HALF = { ...EMPTY_SUMMARY, seeds: 50, simulatedMs: 3_000_000 };

test("describeSweep() tells what is done, how fast, how long it will take and what is missing", () => {
  expect(
    describeSweep({ summary: HALF, never: ["leaders", "reads"], elapsedMs: 20_000, seeds: 100, leftMs: null }),
  ).toBe("50 of 100 seeds, 0 failed, 2.5 seeds/s, 150 simulated s/s, 20s left, never yet: leaders, reads");
});

test("describeSweep() goes by the time where that decides, and names only a few of many marks", () => {
  const never = ["leaders", "reads", "disks lost", "disks full", "damage found"];
  expect(describeSweep({ summary: HALF, never, elapsedMs: 20_000, seeds: null, leftMs: 180_000 })).toBe(
    "50 seeds, 0 failed, 2.5 seeds/s, 150 simulated s/s, 3m left, never yet: leaders, reads, disks lost and 2 more",
  );
});

test("describeSweep() gives no rates before the first seed is done", () => {
  const standing = { summary: EMPTY_SUMMARY, never: [], elapsedMs: 0, seeds: 7, leftMs: null };
  expect(describeSweep(standing)).toBe("0 of 7 seeds");
  expect(describeSweep({ ...standing, summary: HALF })).toContain("all marks reached");
});

test("sweepTeller() tells of the first seed, and to a file not of each of the next", () => {
  const told: string[] = [];
  const tell = sweepTeller({
    step: { detail: (text) => void told.push(text), note: () => undefined },
    interactive: false,
    seeds: 100,
    untilMs: null,
    neverReached: () => ["reads"],
  });
  for (let seeds = 1; seeds <= 3; seeds++) tell({ ...EMPTY_SUMMARY, seeds });
  expect(told).toEqual([expect.stringMatching(/^1 of 100 seeds, 0 failed, .* never yet: reads$/)]);
});
