/**
 * The file that a run is done again from: its options and what is done in it, as JSON with an event a line, for people to read and to edit.
 *
 * It names nodes by index and the load by what is asked for, nothing of how the software does it; so it is good for other software too, as long
 * as the format is the same. Whether it then still fails is what a replay finds out. Two kinds exist: runs of this software under its own load
 * (`replay-file.ts`), and of a user's actors (`../simulate/simulation-file.ts`).
 */
import type { Replay, SeedFailure } from "../run/run-result.ts";
import type { ScheduledEvent } from "../schedule/schedule.ts";
import { checkEvent, isCount, isRecord } from "./check-event.ts";

/** What a file of one kind calls itself. */
export interface RecordedFormat {
  readonly format: string;
  readonly formatVersion: number;
  /** What a file of another format is said not to be. */
  readonly what: string;
}

/** What is in every file. */
export interface RecordedFile<Run> {
  /** The version of the software that ran it. */
  readonly software: string;
  readonly run: Run;
  /** What was broken; null: nothing. */
  readonly failure: Pick<SeedFailure, "invariant" | "message" | "atMs"> | null;
  readonly eventLogHash: string;
}

/** A file is no replay that this software can run. */
export class ReplayFileError extends Error {
  override readonly name = "ReplayFileError";
}

/** What a run ended with, of all kinds. */
export interface RecordedResult {
  readonly failure?: SeedFailure;
  readonly eventLogHash: string;
}

/** The file of a run that ended so. */
export function formatRecorded(
  { format, formatVersion }: RecordedFormat,
  {
    run,
    result,
    software,
  }: { readonly run: { readonly replay: Replay }; readonly result: RecordedResult; readonly software: string },
): string {
  const { failure, eventLogHash } = result;
  const { events, passedOver, ending, ...schedule } = run.replay.schedule;
  const head = {
    ...{ format, formatVersion, software },
    failure: failure === undefined ? null : pick(failure),
    eventLogHash,
    run: { ...run, replay: { ...run.replay, schedule } },
  };
  const tail = [
    `"passedOver": ${JSON.stringify(passedOver)}`,
    `"events": ${formatEvents(events)}`,
    ...(ending === undefined ? [] : [`"ending": ${formatEvents(ending)}`]),
  ];
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  ${tail.join(",\n  ")}\n}\n`;
}

/**
 * Reads all that every file has; of its options only the schedule is checked.
 * @param name of the file, for what is said about it
 * @throws {ReplayFileError} when it is of another format or version of it, or something in it cannot be done.
 */
export function parseRecorded(
  text: string,
  name: string,
  { format, formatVersion, what }: RecordedFormat,
): RecordedFile<Readonly<Record<string, unknown>> & { readonly replay: Replay }> {
  const refuse = (why: string): never => refuseFile(name, why);
  const file = parseJson(text, refuse);
  if (!isRecord(file) || file["format"] !== format) return refuse(`it is no ${what}`);
  const { software, failure, eventLogHash, run, events, passedOver, ending } = file;
  if (file["formatVersion"] !== formatVersion) {
    const told = `it is of format version ${JSON.stringify(file["formatVersion"])}, this software reads version ${formatVersion}`;
    return refuse(`${told}. Blixard ${typeof software === "string" ? software : "of another version"} wrote it`);
  }
  if (typeof software !== "string" || typeof eventLogHash !== "string") return refuse("it does not say who wrote it");
  const isFailure = failure === null || (isRecord(failure) && typeof failure["invariant"] === "string");
  if (!isFailure) return refuse('its "failure" is neither null nor a rule');
  const checked = checkEvents(events, "event", refuse);
  const end = ending === undefined ? {} : { ending: checkEvents(ending, "event of the end", refuse) };
  const options = isRecord(run) ? run : refuse('it has no "run"');
  const replay = isRecord(options["replay"]) ? options["replay"] : refuse('its "run" has no "replay"');
  const schedule = isRecord(replay["schedule"]) ? replay["schedule"] : refuse('its "run" has no "schedule"');
  if (schedule["load"] !== "drawn" && schedule["load"] !== "scheduled") {
    return refuse('the "load" of its schedule is neither "drawn" nor "scheduled"');
  }
  if (!Array.isArray(passedOver) || !passedOver.every((tie) => isCount(tie))) {
    return refuse('"passedOver" is no list of numbers');
  }
  const { chance, isCutShort } = replay;
  if (chance !== undefined && !Number.isSafeInteger(chance)) return refuse('"chance" is no whole number');
  if (isCutShort !== undefined && typeof isCutShort !== "boolean")
    return refuse('"isCutShort" is neither true nor false');
  const whole = { ...replay, schedule: { ...schedule, events: checked, passedOver, ...end } } as unknown as Replay;
  return {
    software,
    run: { ...options, replay: whole },
    failure: failure as RecordedFile<unknown>["failure"],
    eventLogHash,
  };
}

function formatEvents(events: readonly ScheduledEvent[]): string {
  const lines = events.map((event) => `\n    ${JSON.stringify(event)}`).join(",");
  return `[${lines}${lines === "" ? "" : "\n  "}]`;
}

function checkEvents(events: unknown, what: string, refuse: (why: string) => never): readonly unknown[] {
  if (!Array.isArray(events)) return refuse(`it has no list "${what === "event" ? "events" : "ending"}"`);
  for (const [at, event] of events.entries()) {
    const wrong = checkEvent(event);
    if (wrong !== null) return refuse(`${what} ${at + 1} of ${events.length} ${wrong}`);
  }
  return events;
}

/** @throws {ReplayFileError} */
export function refuseFile(name: string, why: string): never {
  throw new ReplayFileError(`Cannot replay ${name}: ${why}`);
}

function pick({ invariant, message, atMs }: SeedFailure): Pick<SeedFailure, "invariant" | "message" | "atMs"> {
  return { invariant, message, atMs };
}

function parseJson(text: string, refuse: (why: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(`it is no JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}
