/** Seeds of a user's actors over worker threads; as `sweep.ts`, with threads that load his file. */
import type { SimulationResult } from "../simulate/simulate-options.ts";
import type { SimulationTask } from "./load-simulation.ts";
import type { SweepOutcome } from "./seed-thread.ts";
import { sweep, type SweepOptions } from "./sweep.ts";

const WORKER = import.meta.url.endsWith(".ts")
  ? new URL("./simulation-worker.ts", import.meta.url)
  : new URL("./simulation-worker.js", import.meta.url);

/** Each outcome, in the order of tasks. @throws as `sweep` does. */
export function sweepSimulation(
  options: Omit<SweepOptions<SimulationTask>, "file">,
): AsyncGenerator<SweepOutcome<SimulationTask, SimulationResult>, void> {
  return sweep<SimulationTask, SimulationResult>({ ...options, file: WORKER });
}
