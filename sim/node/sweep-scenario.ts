/** Seeds of a scenario over worker threads; as `sweep.ts`, with threads that run plans. */
import type { ScenarioPlan, ScenarioRun } from "../scenario-file/index.ts";
import type { SweepOutcome } from "./seed-thread.ts";
import { sweep, type SweepOptions } from "./sweep.ts";

const WORKER = import.meta.url.endsWith(".ts")
  ? new URL("./scenario-worker.ts", import.meta.url)
  : new URL("./scenario-worker.js", import.meta.url);

/** One seed, as a thread is told of it. */
export interface ScenarioTask {
  readonly plan: ScenarioPlan;
  readonly seed: number;
  readonly durationMs: number;
}

/** Each outcome, in the order of tasks. @throws as `sweep` does. */
export function sweepScenario(
  options: Omit<SweepOptions<ScenarioTask>, "file">,
): AsyncGenerator<SweepOutcome<ScenarioTask, ScenarioRun>, void> {
  return sweep<ScenarioTask, ScenarioRun>({ ...options, file: WORKER });
}
