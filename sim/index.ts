/** The simulator: the other world. See README.md. */
export type { ActorFaultKind, ActorFaults } from "./actor-faults.ts";
export type { PlantedFaults } from "./planted-faults.ts";
export { formatFailure, formatFailures, formatSummary, replayCommand } from "./report.ts";
export type { ProfileName, RunOptions, SeedFailure, SeedResult } from "./run-result.ts";
export { runSeed } from "./run-seed.ts";
export { addToSummary, EMPTY_SUMMARY, runSeeds, type RunsOptions, type Summary } from "./run-seeds.ts";
export { simulate } from "./simulate.ts";
export type { SimulateOptions, SimulationResult } from "./simulate-options.ts";
export { simulateSeeds, type SeedRange, type SimulationSummary } from "./simulate-seeds.ts";
export type { Check, Checks, SimulatedNode, Simulation } from "./simulation.ts";
export { formatSimulation, formatSimulations } from "./simulation-report.ts";
export { SealedGlobalError, sealGlobals, withSealedGlobals } from "./sealed-globals.ts";
