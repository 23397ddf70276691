/** A run of a user's actors as plain data: recorded, and done again, whole or in part. */
import type { Replay } from "../run/run-result.ts";
import type { ActorFaults } from "./actor-faults.ts";
import { makeSimulation, type SimulationDefinition } from "./define-simulation.ts";
import { trySimulation } from "./simulate.ts";
import type { SimulateOptions, SimulationResult } from "./simulate-options.ts";

/** All that decides a run beside the actors themselves. */
export interface SimulationRun {
  /** The name of the simulation that it is a run of. */
  readonly simulation: string;
  /** What was broken on purpose. */
  readonly planted: readonly string[];
  readonly seed: number;
  readonly nodes: number;
  readonly durationMs: number;
  /** Decides the weather; which faults strike is in the schedule. */
  readonly faults: ActorFaults;
  readonly replay: Replay;
}

/** What is asked for beside what the definition says. */
export interface SimulationRequest extends Partial<Pick<SimulationRun, "planted" | "nodes" | "durationMs" | "faults">> {
  readonly seed: number;
  /** As in `SimulateOptions`. */
  readonly onLine?: (line: string) => void;
}

/** A run, and what became of it. */
export interface RecordedSimulation {
  readonly run: SimulationRun;
  readonly result: SimulationResult;
}

/** The options of one run, for `simulate`. @throws {RangeError} when something unknown is to be planted. */
export function optionsOfSimulation(definition: SimulationDefinition, request: SimulationRequest): SimulateOptions {
  const { planted = [], seed, ...rest } = request;
  return { ...makeSimulation(definition, { seed, planted }), ...rest };
}

/**
 * Runs a seed and answers, beside its result, what was done in it.
 * @throws as `simulate` does; {RangeError} when something unknown is to be planted.
 */
export async function recordSimulation(
  definition: SimulationDefinition,
  request: SimulationRequest,
): Promise<RecordedSimulation> {
  const { result, schedule } = await trySimulation(optionsOfSimulation(definition, request));
  const { seed, nodes, durationMs, faultsAsked: faults } = result;
  const { planted = [] } = request;
  return {
    run: { simulation: definition.name, planted, seed, nodes, durationMs, faults, replay: { schedule } },
    result,
  };
}

/**
 * Does a recorded run again: the same nodes, steps and faults at the same times, under the actors as they are now.
 * @throws as `recordSimulation` does; {RangeError} when it is a run of another simulation.
 */
export async function replaySimulation(
  definition: SimulationDefinition,
  run: SimulationRun,
  { onLine }: Pick<SimulationRequest, "onLine"> = {},
): Promise<SimulationResult> {
  return (await trySimulation({ ...replayOptions(definition, run), ...(onLine && { onLine }) })).result;
}

/** @throws {RangeError} */
export function replayOptions(definition: SimulationDefinition, run: SimulationRun): SimulateOptions {
  const { simulation, ...rest } = run;
  if (simulation !== definition.name) {
    throw new RangeError(`Cannot replay a run of "${simulation}" as one of "${definition.name}"`);
  }
  return optionsOfSimulation(definition, rest);
}
