/** The file of a run of this software under its own load; what all files have is in `recorded-file.ts`. */
import { PROFILE_NAMES } from "../run/coverage.ts";
import { sizeOfRun } from "../run/run-seed.ts";
import { checkNames } from "./check-names.ts";
import type { SeedResult } from "../run/run-result.ts";
import { formatRecorded, parseRecorded, refuseFile, type RecordedFile, type RecordedFormat } from "./recorded-file.ts";
import type { Replayable } from "./replayable.ts";

export type ReplayFile = RecordedFile<Replayable>;

const FORMAT: RecordedFormat = {
  format: "blixard-replay",
  formatVersion: 1,
  what: "recorded run of the simulator",
};

/** The file of a run that ended so. */
export function formatReplay(run: Replayable, result: SeedResult, software: string): string {
  return formatRecorded(FORMAT, { run, result, software });
}

/**
 * @param name of the file, for what is said about it
 * @throws {ReplayFileError} when it is of another format or version of it, or something in it cannot be done.
 */
export function parseReplay(text: string, name: string): ReplayFile {
  const { run, ...file } = parseRecorded(text, name, FORMAT);
  const { profile } = run;
  if (!PROFILE_NAMES.some((one) => one === profile)) {
    refuseFile(name, `there is no profile ${JSON.stringify(profile)}`);
  }
  const complete = run as unknown as Replayable;
  const attempt = <Value>(what: () => Value): Value => {
    try {
      return what();
    } catch (error) {
      return refuseFile(name, error instanceof RangeError ? error.message : String(error));
    }
  };
  const unknown = attempt(() => checkNames(complete.replay.schedule, sizeOfRun(complete)));
  if (unknown !== null) refuseFile(name, unknown);
  return { ...file, run: complete };
}
