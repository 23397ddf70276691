/** The file of a run of a user's actors; what all files have is in `../shrink/recorded-file.ts`. */
import { requireRange } from "../run/run-limits.ts";
import {
  formatRecorded,
  parseRecorded,
  refuseFile,
  type RecordedFile,
  type RecordedFormat,
} from "../shrink/recorded-file.ts";
import { checkNames } from "../shrink/check-names.ts";
import { isActorFaults } from "./actor-faults.ts";
import type { RecordedSimulation, SimulationRun } from "./recorded-simulation.ts";

/** What such a file holds. */
export type SimulationFile = RecordedFile<SimulationRun>;

const FORMAT: RecordedFormat = {
  format: "blixard-simulation",
  formatVersion: 1,
  what: "recorded run of a user's actors",
};

/**
 * The text of a file that the run is done again from.
 * @param software the version of what was run, for people who read the file later
 */
export function formatSimulationRun({ run, result }: RecordedSimulation, software: string): string {
  return formatRecorded(FORMAT, { run, result, software });
}

/**
 * @param name of the file, for what is said about it
 * @throws {ReplayFileError} when it is of another format or version of it, or something in it cannot be done.
 */
export function parseSimulationRun(text: string, name: string): SimulationFile {
  const { run: read, ...file } = parseRecorded(text, name, FORMAT);
  const run = read as unknown as SimulationRun;
  const { simulation, planted, faults } = run;
  if (typeof simulation !== "string") refuseFile(name, 'its "run" does not name a simulation');
  if (!Array.isArray(planted) || !planted.every((one) => typeof one === "string")) {
    refuseFile(name, 'the "planted" of its "run" is no list of names');
  }
  if (!isActorFaults(faults)) refuseFile(name, `there are no faults ${JSON.stringify(faults)}`);
  try {
    requireRange(run);
  } catch (error) {
    refuseFile(name, error instanceof RangeError ? error.message : String(error));
  }
  const unknown = checkNames(run.replay.schedule, { nodes: run.nodes, vms: 0 });
  if (unknown !== null) refuseFile(name, unknown);
  return { ...file, run };
}
