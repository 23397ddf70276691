/** What a sweep is for is made of marks that runs have, and a mark that stays at nothing is named. */
import { expect, test } from "vitest";
import { neverReached } from "../../../sim/run/coverage.ts";
import { runSeed, type ProfileName } from "../../../sim/index.ts";

const PROFILES: readonly ProfileName[] = [
  "mixed",
  "elections",
  "disk",
  "membership",
  "leases",
  "calm",
  "library",
  "broken-clocks",
  "lost-quorum",
  "months",
];

test.each(PROFILES)("all that %s is for are marks of its runs", (profile) => {
  const { marks } = runSeed({ seed: 1, nodes: 3, durationMs: 1000, profile });
  const wanted = neverReached({ [profile]: 1 }, {});
  expect(wanted.length).toBeGreaterThan(3);
  expect(wanted.filter((mark) => !(mark in marks))).toEqual([]);
});

test("neverReached() names what is missing, for the profiles that were run and no others", () => {
  const all = Object.fromEntries(neverReached({ elections: 1 }, {}).map((mark) => [mark, 1]));
  expect(neverReached({ elections: 1 }, all)).toEqual([]);
  expect(neverReached({ elections: 1 }, { ...all, "logs cut back": 0 })).toEqual(["logs cut back"]);
  expect(neverReached({ elections: 1, membership: 1 }, all)).toContain("joint configurations");
});

/** What comes once in many runs: a sweep has them, a dozen seeds may not. */
const RARE = new Set([
  ...["members replaced", "snapshots refused"],
  ...["torn writes found", "damage found", "disks full", "disks lost"],
  ...["messages filtered", "messages in a burst", "messages in line", "messages to nobody", "messages said again"],
  "connections stormed",
]);

test("a short sweep of membership under every fault is clean, and reaches what comes in most runs", () => {
  const marks: Record<string, number> = {};
  for (let seed = 1; seed <= 12; seed++) {
    const result = runSeed({ seed, durationMs: 30_000, profile: "membership", everyFault: true });
    expect(result.failure, `seed ${seed}`).toBeUndefined();
    for (const [mark, count] of Object.entries(result.marks)) marks[mark] = (marks[mark] ?? 0) + count;
  }
  const isRare = (mark: string): boolean =>
    RARE.has(mark) || /^(core|crashed at|states refused|writes misdirected)/.test(mark);
  expect(neverReached({ membership: 12 }, marks).filter((mark) => !isRare(mark))).toEqual([]);
});
