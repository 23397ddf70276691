/** The hunter: strikes with what is on, and where a crash at any time of any member would never come. */
import { expect, test } from "vitest";
import { runSeed } from "../../../sim/run/run-seed.ts";
import { crashMark } from "../../../sim/schedule/crash-point.ts";

test("FaultInjector strikes with no kind that the profile has not, however it hunts", () => {
  const struck = new Set<string>();
  for (let seed = 1; seed <= 6; seed++) {
    const { faults } = runSeed({ seed, nodes: 3, durationMs: 20_000, profile: "disk", everyFault: true });
    for (const kind of Object.keys(faults)) struck.add(kind);
  }
  expect([...struck]).toEqual(expect.arrayContaining(["leader-kill"]));
  for (const kind of ["leader-cut", "leader-pause", "voters-kill", "vanguard-cut"]) expect(struck).not.toContain(kind);
});

test("FaultInjector crashes members while their log begins anew behind a snapshot", { timeout: 120_000 }, () => {
  const marks = ["reset written", "reset synced"].map((point) => crashMark(point as "reset written"));
  let reached = 0;
  for (let seed = 1; seed <= 60 && reached === 0; seed++) {
    const result = runSeed({ seed, nodes: 3, durationMs: 20_000, profile: "membership", everyFault: true });
    for (const mark of marks) reached += result.marks[mark] ?? 0;
  }
  expect(reached).toBeGreaterThan(0);
});
