/** The simulator: the other world. See README.md. */
export type { PlantedFaults } from "./planted-faults.ts";
export type { ProfileName, RunOptions, SeedFailure, SeedResult } from "./run-result.ts";
export { runSeed } from "./run-seed.ts";
