/** What a task asks for, done in this thread: one run, or two that must be the same. */
import type { SimulationDefinition } from "../simulate/define-simulation.ts";
import { optionsOfSimulation } from "../simulate/recorded-simulation.ts";
import { simulate } from "../simulate/simulate.ts";
import type { SimulateOptions, SimulationResult } from "../simulate/simulate-options.ts";
import { verifySimulation } from "../simulate/verify-simulation.ts";
import type { SimulationTask } from "./load-simulation.ts";

/** @throws as `simulate` does; {RangeError} when something unknown is to be planted. */
export async function runTask(
  definition: SimulationDefinition,
  task: SimulationTask,
  { onLine }: Pick<SimulateOptions, "onLine"> = {},
): Promise<SimulationResult> {
  const { file: _, verify, ...request } = task;
  const make = (): SimulateOptions => ({ ...optionsOfSimulation(definition, request), ...(onLine && { onLine }) });
  return verify === true ? verifySimulation(make) : simulate(make());
}
