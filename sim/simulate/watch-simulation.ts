/** A run of a user's actors with all that a report draws of it. */
import { RunRecorder } from "../record/run-recorder.ts";
import type { RunRecord } from "../record/run-record.ts";
import { trySimulation } from "./simulate.ts";
import type { SimulateOptions, SimulationResult } from "./simulate-options.ts";

/** A run, and what is drawn of it. */
export interface WatchedSimulation {
  readonly result: SimulationResult;
  readonly record: RunRecord;
}

/**
 * As `simulate`, and writes down who did what and what passed between the nodes, for `formatSimulationReport`. The run is the same, byte for
 * byte; it takes about half as long again.
 */
export async function watchSimulation<Step = unknown>(options: SimulateOptions<Step>): Promise<WatchedSimulation> {
  const recorder = new RunRecorder();
  const { result } = await trySimulation(options, null, recorder);
  return { result, record: recorder.record };
}
