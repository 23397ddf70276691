/** The simulator: the other world. See README.md. */
export type { PlantedFaults } from "./planted-faults.ts";
export { formatFailure, formatSummary, replayCommand } from "./report.ts";
export type { ProfileName, RunOptions, SeedFailure, SeedResult } from "./run-result.ts";
export { runSeed } from "./run-seed.ts";
export { addToSummary, EMPTY_SUMMARY, runSeeds, type RunsOptions, type Summary } from "./run-seeds.ts";
export { SealedGlobalError, sealGlobals, withSealedGlobals } from "./sealed-globals.ts";
