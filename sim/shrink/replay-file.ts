/**
 * The file that a run is replayed from: its options and what is done in it, as JSON with an event a line, for people to read and to edit.
 *
 * It names nodes by index and the load by what is asked for, nothing of how the software does it; so it is good for other software too, as long
 * as the format is the same. Whether it then still fails is what a replay finds out.
 */
import { PROFILE_NAMES } from "../run/coverage.ts";
import type { BlowAct } from "../schedule/blow.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import { requireRange } from "../run/run-seed.ts";
import type { SeedFailure, SeedResult } from "../run/run-result.ts";
import type { ScheduledEvent } from "../schedule/schedule.ts";
import type { Replayable } from "./replayable.ts";

const FORMAT = "blixard-replay";
const FORMAT_VERSION = 1;

export interface ReplayFile {
  /** The version of the software that ran it. */
  readonly software: string;
  readonly run: Replayable;
  /** What was broken; null: nothing. */
  readonly failure: Pick<SeedFailure, "invariant" | "message" | "atMs"> | null;
  readonly eventLogHash: string;
}

/** A file is no replay that this software can run. */
export class ReplayFileError extends Error {
  override readonly name = "ReplayFileError";
}

/** The file of a run that ended so. */
export function formatReplay(run: Replayable, result: SeedResult, software: string): string {
  const { failure, eventLogHash } = result;
  const { events, passedOver, ...schedule } = run.replay.schedule;
  const head = {
    ...{ format: FORMAT, formatVersion: FORMAT_VERSION, software },
    failure: failure === undefined ? null : pick(failure),
    eventLogHash,
    run: { ...run, replay: { ...run.replay, schedule } },
  };
  const lines = events.map((event) => `\n    ${JSON.stringify(event)}`).join(",");
  const tail = [`"passedOver": ${JSON.stringify(passedOver)}`, `"events": [${lines}${lines === "" ? "" : "\n  "}]`];
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  ${tail.join(",\n  ")}\n}\n`;
}

/**
 * @param name of the file, for what is said about it
 * @throws {ReplayFileError} when it is of another format or version of it, or something in it cannot be done.
 */
export function parseReplay(text: string, name: string): ReplayFile {
  const refuse = (why: string): never => {
    throw new ReplayFileError(`Cannot replay ${name}: ${why}`);
  };
  const file = parseJson(text, refuse);
  if (!isRecord(file) || file["format"] !== FORMAT) return refuse("it is no recorded run of the simulator");
  const { formatVersion, software, failure, eventLogHash, run, events, passedOver } = file;
  if (formatVersion !== FORMAT_VERSION) {
    const told = `it is of format version ${JSON.stringify(formatVersion)}, this software reads version ${FORMAT_VERSION}`;
    return refuse(`${told}. Blixard ${typeof software === "string" ? software : "of another version"} wrote it`);
  }
  if (typeof software !== "string" || typeof eventLogHash !== "string") return refuse("it does not say who wrote it");
  const isFailure = failure === null || (isRecord(failure) && typeof failure["invariant"] === "string");
  if (!isFailure) return refuse('its "failure" is neither null nor a rule');
  if (!Array.isArray(events)) return refuse('it has no list "events"');
  for (const [at, event] of events.entries()) {
    const wrong = whatIsWrong(event);
    if (wrong !== null) return refuse(`event ${at + 1} of ${events.length} ${wrong}`);
  }
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
  const { profile } = options;
  if (!PROFILE_NAMES.some((one) => one === profile)) return refuse(`there is no profile ${JSON.stringify(profile)}`);
  const complete = {
    ...options,
    replay: { ...replay, schedule: { ...schedule, events, passedOver } },
  } as unknown as Replayable;
  try {
    requireRange(complete);
  } catch (error) {
    return refuse(error instanceof RangeError ? error.message : String(error));
  }
  return { software, run: complete, failure: failure as ReplayFile["failure"], eventLogHash };
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

type Kind = (value: unknown) => boolean;

const isCount: Kind = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isLength: Kind = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isFlag: Kind = (value) => typeof value === "boolean";
const isText: Kind = (value) => typeof value === "string";
const isPair: Kind = (value) =>
  Array.isArray(value) && value.length === 2 && value.every(isCount) && value[0] !== value[1];
const isPairs: Kind = (value) => Array.isArray(value) && value.every(isPair);
const oneOf =
  (...values: readonly unknown[]): Kind =>
  (value) =>
    values.includes(value);

/** What each act must have beside its type. */
const FIELDS: Readonly<Record<(BlowAct | LoadAct)["type"], Readonly<Record<string, Kind>>>> = {
  crash: { node: isCount, power: isFlag, downUs: isLength },
  pause: { node: isCount, durationUs: isLength },
  "wall-step": { node: isCount },
  cut: { what: isText, directions: isPairs, breaks: isFlag, durationUs: isLength },
  reset: { between: isPair },
  weather: {
    key: oneOf("loss", "delayMeanUs", "duplicates", "reordered"),
    value: isLength,
    durationUs: isLength,
  },
  "disk-slow": { node: isCount, slowness: isLength, durationUs: isLength },
  "disk-hang": { node: isCount, durationUs: isLength },
  "disk-error": { node: isCount, repairUs: isLength },
  "disk-full": { node: isCount, durationUs: isLength },
  "torn-write": { node: isCount, withinUs: isLength, downUs: isLength },
  "log-rot": { node: isCount, beforeLast: isCount },
  "snapshot-rot": { node: isCount },
  "disk-loss": { node: isCount, downUs: isLength },
  "guest-end": { node: isCount, place: isCount, reason: isText },
  "guest-hang": { node: isCount, place: isCount },
  "heal-all": {},
  call: { client: isCount, key: isCount, how: oneOf("get", "put", "cas", "delete") },
  change: { change: oneOf("add-learner", "promote", "demote", "remove"), node: isCount },
  transfer: { node: (value) => value === null || isCount(value), force: isFlag },
  snapshot: {},
  step: { chance: isCount },
};

/** Null: it can be done. */
function whatIsWrong(event: unknown): string | null {
  if (!isRecord(event)) return "is no object";
  const { type, atUs, tie, leader } = event as Partial<ScheduledEvent>;
  const fields = Object.hasOwn(FIELDS, String(type)) ? FIELDS[type as keyof typeof FIELDS] : null;
  if (fields === null) return `is of a type that does not exist: ${JSON.stringify(type)}`;
  if (!isCount(atUs)) return `(${type}) has no "atUs", a whole number of microseconds`;
  if (!isLength(tie)) return `(${type}) has no "tie", a number`;
  if (leader !== undefined && !isCount(leader)) return `(${type}) has a "leader" that is no node`;
  const wrong = Object.entries(fields).find(([field, isRight]) => !isRight(event[field]));
  return wrong === undefined
    ? null
    : `(${type}) has no "${wrong[0]}" that can be used: ${JSON.stringify(event[wrong[0]])}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
