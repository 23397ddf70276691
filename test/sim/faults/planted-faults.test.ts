/** The simulator is tested too: rules that are broken on purpose must be found, each within 200 seeds. */
import { expect, test } from "vitest";
import { replayCommand, runSeed, type PlantedFaults, type ProfileName, type SeedResult } from "../../../sim/index.ts";

const SEEDS_MAX = 200;

interface Plant {
  readonly planted: PlantedFaults;
  readonly profile: ProfileName;
  /** The rules that such a fault breaks; which one shows first is a matter of the seed. */
  readonly breaks: readonly string[];
}

const MOVED_TWICE = ["a-vm-never-runs-twice", "a-moved-guest-loses-nothing"];

const PLANTS: readonly Plant[] = [
  { planted: { leaseBoundBroken: true }, profile: "leases", breaks: ["a-vm-never-runs-twice"] },
  { planted: { arrivalTrusted: true }, profile: "leases", breaks: MOVED_TWICE },
  { planted: { refusalTrusted: true }, profile: "leases", breaks: MOVED_TWICE },
  { planted: { dependenciesIgnored: true }, profile: "leases", breaks: ["what-a-vm-requires-is-healthy-first"] },
  { planted: { cloneKeepsIdentity: true }, profile: "leases", breaks: ["a-clone-is-nobody-else"] },
  { planted: { disksCopiedLate: true }, profile: "leases", breaks: ["memory-and-disk-are-of-one-moment"] },
];

function firstFailure({ planted, profile }: Plant): SeedResult | undefined {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const result = runSeed({ seed, nodes: 5, durationMs: 60_000, profile, planted });
    if (!result.ok) return result;
  }
  return undefined;
}

test.each(PLANTS)("runSeed() finds $planted within 200 seeds", (plant) => {
  const found = firstFailure(plant);
  expect(found, "no seed failed").toBeDefined();
  expect(plant.breaks).toContain(found?.failure?.invariant);
  expect(found?.failure?.lines.length).toBeGreaterThan(0);
  // Only what was planted is found: the same seed is clean without it.
  const { seed, nodes, durationMs, profile } = found as SeedResult;
  const unharmed = runSeed({ seed, nodes, durationMs, profile });
  expect(unharmed.failure, replayCommand(unharmed)).toBeUndefined();
});
