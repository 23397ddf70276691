/** What library users stand on, under seeds; and rules of it broken on purpose, which must be found. */
import { expect, test } from "vitest";
import { replayCommand, runSeed, type PlantedFaults, type SeedResult } from "../../../sim/index.ts";

const SEEDS = 20;
const PLANTED_SEEDS_MAX = 100;

function run(seed: number, planted: PlantedFaults = {}): SeedResult {
  return runSeed({ seed, nodes: 5, durationMs: 45_000, profile: "library", planted });
}

test("runSeed() of library is clean: one holder acts, nothing reliable is lost or doubled, everything settles", () => {
  const marks = new Map<string, number>();
  const faults = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = run(seed);
    expect(result.failure, replayCommand(result)).toBeUndefined();
    for (const [mark, count] of Object.entries(result.marks)) marks.set(mark, (marks.get(mark) ?? 0) + count);
    for (const fault of Object.keys(result.faults)) faults.add(fault);
  }
  const reached = [
    "acts",
    "effects fenced off",
    "messages handled",
    "nodes left",
    "maps compared",
    "reliable recorded",
  ];
  for (const mark of reached) expect(marks.get(mark), mark).toBeGreaterThan(0);
  for (const fault of ["partition", "kill", "pause", "power-loss", "lease-edge"]) expect(faults).toContain(fault);
});

test("runSeed() of library gives the same event log twice", () => {
  expect(run(7).eventLogHash).toBe(run(7).eventLogHash);
});

const ACTS = ["one-holder-acts", "acts-in-order-of-fences"];

test.each([
  { planted: { deadlineIgnored: true }, breaks: ACTS },
  { planted: { leaseBoundBroken: true }, breaks: ACTS },
  { planted: { handOffEarly: true }, breaks: ACTS },
  { planted: { ledgerForgotten: true }, breaks: ["reliable-once", "reliable-in-order"] },
])("runSeed() of library finds $planted", ({ planted, breaks }) => {
  let found: SeedResult | undefined;
  for (let seed = 1; seed <= PLANTED_SEEDS_MAX && found === undefined; seed++) {
    const result = run(seed, planted);
    if (!result.ok) found = result;
  }
  expect(found, "no seed failed").toBeDefined();
  expect(breaks).toContain(found?.failure?.invariant);
  // Only what was planted is found: the same seed is clean without it.
  const unharmed = run((found as SeedResult).seed);
  expect(unharmed.failure, replayCommand(unharmed)).toBeUndefined();
});
