/** A seed decides everything: two processes give the same events, byte for byte. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { RAFT_FAULT_KINDS } from "../../../sim/faults/fault-kinds.ts";
import { drawPlan } from "../../../sim/faults/fault-plan.ts";
import { runSeed, type ProfileName, type SeedResult } from "../../../sim/index.ts";

const REPLAY = join(import.meta.dirname, "replay-process.ts");

async function inAnotherProcess(seed: number, durationMs: number, profile: ProfileName): Promise<SeedResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [REPLAY, `${seed}`, `${durationMs}`, profile]);
  return JSON.parse(stdout) as SeedResult;
}

test.each(["mixed", "elections", "disk", "leases"] as const)(
  "runSeed() of %s gives the same event log in two processes",
  async (profile) => {
    const [one, other] = await Promise.all([1, 2].map(() => inAnotherProcess(11, 60_000, profile)));
    expect(one?.events).toBeGreaterThan(1000);
    expect(one).toEqual(other);
    expect(one?.ok, JSON.stringify(one?.failure)).toBe(true);
  },
);

test("runSeed() hands out every line that goes into the hash, and another seed gives another log", () => {
  const lines: string[] = [];
  const result = runSeed({ seed: 1, nodes: 3, durationMs: 5000, onLine: (line) => lines.push(line) });
  expect(lines).toHaveLength(result.events);
  expect(lines.at(-1)).toMatch(/^\d+ /);
  const again = runSeed({ seed: 1, nodes: 3, durationMs: 5000 });
  const another = runSeed({ seed: 2, nodes: 3, durationMs: 5000 });
  expect(again.eventLogHash).toBe(result.eventLogHash);
  expect(another.eventLogHash).not.toBe(result.eventLogHash);
});

test("runSeed() in this process gives what it gives in another", async () => {
  const options = { seed: 12, nodes: 5, durationMs: 20_000, profile: "mixed" } as const;
  // Twice, so that nothing of the first run can be left for the second.
  const results = [runSeed(options), runSeed(options), await inAnotherProcess(12, 20_000, "mixed")];
  expect(new Set(results.map(({ eventLogHash }) => eventLogHash)).size).toBe(1);
});

test.each([1, 2, 3, 9])("runSeed() is clean with %i nodes", (nodes) => {
  for (const profile of ["mixed", "elections", "calm"] as const) {
    const result = runSeed({ seed: nodes, nodes, durationMs: 20_000, profile });
    expect(result.failure).toBeUndefined();
    expect(result.marks.leaders).toBeGreaterThan(0);
  }
});

test("runSeed() under load reaches what a run is for", () => {
  const { marks, faults } = runSeed({ seed: 5, nodes: 5, durationMs: 120_000, profile: "mixed" });
  for (const mark of ["leaders", "committed", "acknowledged", "reads", "guests started", "maps compared"]) {
    expect(marks[mark], mark).toBeGreaterThan(0);
  }
  expect(Object.keys(faults).length).toBeGreaterThan(3);
});

test("runSeed() with every fault leaves out no kind, and says so; which faults there are changes nothing that is drawn before", () => {
  const [every, some] = [true, false].map((everyFault) => drawPlan("membership", createRandom(3), everyFault));
  expect(every?.weights.size).toBe(RAFT_FAULT_KINDS.length);
  expect(some?.weights.size).toBeLessThan(RAFT_FAULT_KINDS.length);
  expect({ ...every, weights: some?.weights }).toEqual(some);
  const options = { seed: 3, nodes: 3, durationMs: 1000, profile: "membership" } as const;
  expect(runSeed({ ...options, everyFault: true }).everyFault).toBe(true);
  expect(runSeed(options)).not.toHaveProperty("everyFault");
});

test("runSeed() refuses options out of range by name", () => {
  expect(() => runSeed({ seed: 0.5, nodes: 3, durationMs: 1 })).toThrow("Cannot run seed 0.5");
  expect(() => runSeed({ seed: 1, durationMs: 365 * 86_400_000 + 1 })).toThrow(
    "Cannot simulate 31536000001 ms: wanted more than 0 and at most 31536000000 (365 days)",
  );
  expect(() => runSeed({ seed: 1, nodes: 0, durationMs: 1 })).toThrow("Cannot simulate 0 nodes: wanted 1 to 9");
  expect(() => runSeed({ seed: 1, nodes: 3, durationMs: -1 })).toThrow("Cannot simulate -1 ms");
});
