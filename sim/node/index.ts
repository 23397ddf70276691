/** What of the simulator needs Node.js: runs over worker threads, and files. See ../README.md. */
export { EditionError, withEditions } from "./load-edition.ts";
export { FailureFileError, FailureFolder, type KeptFailure } from "./failure-folder.ts";
export { loadSimulation, SimulationFileError, type SimulationTask } from "./load-simulation.ts";
export { sweepScenario, type ScenarioTask } from "./sweep-scenario.ts";
export { runTask } from "./run-task.ts";
export { TRIAL_MS, trySimulation, type SimulationTrial } from "./try-simulation.ts";
export { sweepSimulation } from "./sweep-simulation.ts";
export { sweep, VERIFY_WORKER, type SweepOptions, type SweepOutcome } from "./sweep.ts";
