/** Blows at clocks: what is drawn stays within what the software states, and outside of it the checkers find what breaks. */
import { expect, test } from "vitest";
import { recordSeed, runSeed, type Schedule } from "../../../sim/index.ts";
import { checkEvent } from "../../../sim/shrink/check-event.ts";
import { mapNodes } from "../../../sim/schedule/blow.ts";
import type { ClockBlow } from "../../../sim/schedule/clock-blow.ts";

/** What a lease bears: see `clock-blow-maker.ts`. */
const FREEZE_MAX_US = 150_000;
const LEASE_US = 6_310_000;
const DRIFT_MAX = 0.0045;

const SEEDS_MAX = 100;

const BLOWS: readonly ClockBlow[] = [
  { type: "wall-step", node: 1, byMs: -3_600_000 },
  { type: "clock-freeze", node: 0, durationUs: 100_000 },
  { type: "clock-drift", node: 2, rate: 1.004, durationUs: 5_000_000 },
];

test(
  "clocks that are wrong outside of the stated bound make a VM run twice, and it is found",
  { timeout: 120_000 },
  () => {
    const seeds = Array.from({ length: SEEDS_MAX }, (_, at) => at + 1);
    const found = seeds.find((seed) => {
      const { failure } = runSeed({ seed, nodes: 3, durationMs: 60_000, profile: "broken-clocks" });
      return failure?.invariant === "a-vm-never-runs-twice";
    });
    expect(found, `none of ${SEEDS_MAX} seeds found it`).toBeDefined();
  },
);

test("drawn freezes stay below what leases bear, drawn rates within the bound, and wall clocks step both ways", () => {
  const steps: number[] = [];
  let [freezes, drifts] = [0, 0];
  for (let seed = 1; seed <= 12; seed++) {
    const { schedule } = recordSeed({ seed, nodes: 3, durationMs: 60_000, profile: "leases", everyFault: true });
    const frozen = schedule.events.filter((event) => event.type === "clock-freeze");
    for (const { node, atUs } of frozen) {
      const near = frozen.filter((one) => one.node === node && one.atUs <= atUs && one.atUs > atUs - LEASE_US);
      expect(near.reduce((sum, { durationUs }) => sum + durationUs, 0)).toBeLessThanOrEqual(FREEZE_MAX_US);
      freezes += 1;
    }
    for (const event of schedule.events) {
      if (event.type === "wall-step") steps.push(event.byMs);
      if (event.type !== "clock-drift") continue;
      expect(Math.abs(event.rate - 1)).toBeLessThanOrEqual(DRIFT_MAX);
      drifts += 1;
    }
  }
  expect(Math.min(freezes, drifts)).toBeGreaterThan(3);
  expect(Math.min(...steps)).toBeLessThan(0);
  expect(Math.max(...steps)).toBeGreaterThan(0);
});

test("what is struck is told, ends by itself, and can be struck again", () => {
  const events = BLOWS.map((blow, at) => ({ ...blow, atUs: 3_000_000 + at, tie: 0 }));
  const schedule: Schedule = { events, load: "drawn", passedOver: [] };
  const lines: string[] = [];
  const options = { seed: 1, nodes: 3, durationMs: 20_000, profile: "leases", replay: { schedule } } as const;
  const result = runSeed({ ...options, onLine: (line) => void lines.push(line) });
  expect(result.failure).toBeUndefined();
  expect(result.faults).toEqual({ "wall-step": 1, "clock-freeze": 1, "clock-drift": 1 });
  expect(lines).toContain("3000000 fault wall-step 1 -3600000");
  expect(lines).toContain("3000001 fault clock-freeze 0 100000");
  expect(runSeed(options).eventLogHash).toBe(result.eventLogHash);
});

test("mapNodes() and checkEvent() know each of them", () => {
  for (const blow of BLOWS) {
    expect(mapNodes(blow, (node) => node + 10)).toEqual({ ...blow, node: blow.node + 10 });
    expect(checkEvent({ ...blow, atUs: 1, tie: 0 })).toBeNull();
  }
  expect(checkEvent({ type: "clock-drift", node: 0, rate: 0, durationUs: 1, atUs: 1, tie: 0 })).toContain('"rate"');
  expect(checkEvent({ type: "wall-step", node: 0, atUs: 1, tie: 0 })).toContain('"byMs"');
});
