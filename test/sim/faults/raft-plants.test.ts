/**
 * The simulator is tested too: each fault that a real Raft system had is put back, and must be found. From a seed near it, so that this
 * takes seconds; how many seeds it takes from anywhere stands in docs/seeds-to-find.md.
 */
import { expect, test } from "vitest";
import { replayCommand, runSeed } from "../../../sim/index.ts";
import { DIRECTED_PLANTS, findPlant, LIVENESS_PLANTS, optionsOf, PLANTS } from "./raft-plants.ts";

/** More than it takes: another seed shows it when the simulator has changed. */
const SEEDS_MAX = 500;

const TIMEOUT_MS = 180_000;

/** Numbers from here on are faults of liveness. */
const LIVENESS_FROM = 35;

for (const plant of [...PLANTS, ...LIVENESS_PLANTS]) {
  test(`fault ${plant.number}: ${plant.fault}`, { timeout: TIMEOUT_MS }, () => {
    const found = findPlant(plant, { from: plant.near, seedsMax: SEEDS_MAX });
    const result = found?.result;
    expect(result, `no seed from ${plant.near} on found it`).toBeDefined();
    expect(result?.failure?.lines.length).toBeGreaterThan(0);
    // Only what was planted is found: the same seed is clean without it.
    const unharmed = runSeed({ ...optionsOf(plant), seed: result?.seed ?? 0, planted: {} });
    expect(unharmed.failure, replayCommand(unharmed)).toBeUndefined();
  });
}

test("every fault of safety is planted once", () => {
  const numbers = [...PLANTS, ...DIRECTED_PLANTS].flatMap(({ number }) => (number < LIVENESS_FROM ? number : []));
  expect(numbers.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 34 }, (_, at) => at + 1));
});
