/** Finds the simulation that a file exports, for the command line and for each of its threads. */
import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isSimulation, type SimulationDefinition } from "../simulate/define-simulation.ts";
import type { SimulationRequest } from "../simulate/recorded-simulation.ts";

/** A run as a thread is told of it: it loads the file by itself. */
export interface SimulationTask extends Omit<SimulationRequest, "onLine"> {
  /** Absolute path of the file whose default export is the simulation. */
  readonly file: string;
  /** It is run twice, and fails where the two runs differ. */
  readonly verify?: boolean;
}

/** A file is no simulation that can be run. */
export class SimulationFileError extends Error {
  override readonly name = "SimulationFileError";
}

/** @throws {SimulationFileError} when the file cannot be loaded, or does not export a simulation. */
export async function loadSimulation(file: string): Promise<SimulationDefinition> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new SimulationFileError(`Cannot simulate ${file}: ${why}`, { cause });
  };
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) refuse("there is no such file");
  if (found?.isDirectory() === true) refuse("it is a folder, wanted a file whose default export is a simulation");
  const loaded = await import(pathToFileURL(file).href).catch((error: unknown) => {
    return refuse(`it cannot be loaded (${error instanceof Error ? error.message : String(error)})`, error);
  });
  const simulation: unknown = (loaded as { readonly default?: unknown }).default;
  if (isSimulation(simulation)) return simulation;
  const what = simulation === undefined ? "it has no default export" : "its default export is no simulation";
  return refuse(`${what}, wanted one by defineSimulation({ name, make })`);
}
