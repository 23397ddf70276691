/** A month of profile `months` has hundreds of faults, of every kind that whole nodes know, some of them in bursts. */
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { COMMON_FAULT_KINDS } from "../../../sim/faults/fault-kinds.ts";
import { drawPlan } from "../../../sim/faults/fault-plan.ts";
import { ratesOfRack } from "../../../sim/faults/fault-rates.ts";
import { recordSeed, runSeed } from "../../../sim/index.ts";

const MONTH_US = 30 * 86_400_000_000;

test("ratesOfRack() has every kind of fault of whole nodes, each some times a month, of some hundreds", () => {
  const { weights, everyUs, stormUs, calmUs } = ratesOfRack();
  expect([...weights.keys()].toSorted()).toEqual([...COMMON_FAULT_KINDS].toSorted());
  const inMonth = (stormUs / everyUs) * (MONTH_US / (stormUs + calmUs));
  expect(inMonth).toBeGreaterThan(500);
  expect(inMonth).toBeLessThan(2000);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  for (const [kind, weight] of weights) expect((inMonth * weight) / total, kind).toBeGreaterThan(4);
});

test("ratesOfRack() brings 37 % of the faults within one time of trouble of others", () => {
  const { everyUs, stormUs } = ratesOfRack();
  const alone = Math.exp(-stormUs / everyUs);
  expect(1 - alone).toBeCloseTo(0.37, 6);
});

test("drawPlan() of months leaves no kind out, hunts nobody, and mends every host some day", () => {
  const plans = [1, 2].map((seed) => drawPlan("months", createRandom(seed)));
  for (const plan of plans) {
    expect(plan.weights.size).toBe(COMMON_FAULT_KINDS.length);
    expect([plan.hunt, plan.lengths.troublesEnd, plan.weather.strict]).toEqual([0, true, false]);
  }
});

test("runSeed() of months has users who take their time, and is repeated by its schedule", () => {
  const options = { seed: 3, nodes: 3, profile: "months", durationMs: 90_000 } as const;
  const { result, schedule } = recordSeed(options);
  expect(result.failure).toBeUndefined();
  const asked = (result.marks["requests"] ?? 0) + (result.marks["users' requests"] ?? 0);
  expect(asked).toBeGreaterThan(3);
  // Some a minute, of six of them.
  expect(asked).toBeLessThan(200);
  expect(runSeed({ ...options, replay: { schedule } }).eventLogHash).toBe(result.eventLogHash);
});
