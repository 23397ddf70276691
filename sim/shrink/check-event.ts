/** Whether what a file has for an event can be done: a person may have written it. */
import { SNAPSHOT_TROUBLES } from "../disk/snapshot-disk.ts";
import { HOST_TROUBLES } from "../outside/host-trouble.ts";
import type { BlowAct } from "../schedule/blow.ts";
import { CRASH_POINTS } from "../schedule/crash-point.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { ScheduledEvent } from "../schedule/schedule.ts";

type Kind = (value: unknown) => boolean;

export const isCount: Kind = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isLength: Kind = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isAboveZero: Kind = (value) => isLength(value) && (value as number) > 0;
const isShare: Kind = (value) => isLength(value) && (value as number) <= 1;
const isWhole: Kind = (value) => Number.isSafeInteger(value);
const isFlag: Kind = (value) => typeof value === "boolean";
const isText: Kind = (value) => typeof value === "string";
const isPair: Kind = (value) =>
  Array.isArray(value) && value.length === 2 && value.every(isCount) && value[0] !== value[1];
const isPairs: Kind = (value) => Array.isArray(value) && value.every(isPair);
const isNodes: Kind = (value) => Array.isArray(value) && value.length > 0 && value.every(isCount);
const oneOf =
  (...values: readonly unknown[]): Kind =>
  (value) =>
    values.includes(value);

/** What each act must have beside its type. */
export const ACT_FIELDS: Readonly<Record<(BlowAct | LoadAct)["type"], Readonly<Record<string, Kind>>>> = {
  crash: { node: isCount, power: isFlag, downUs: isLength },
  "crash-at": { node: isCount, point: oneOf(...CRASH_POINTS), nth: isCount, power: isFlag, downUs: isLength },
  pause: { node: isCount, durationUs: isLength },
  "wall-step": { node: isCount, byMs: isWhole },
  "clock-freeze": { node: isCount, durationUs: isLength },
  "clock-drift": { node: isCount, rate: isAboveZero, durationUs: isLength },
  cut: { what: isText, directions: isPairs, breaks: isFlag, durationUs: isLength },
  reset: { between: isPair },
  weather: {
    key: oneOf("loss", "delayMeanUs", "duplicates", "reordered"),
    value: isLength,
    durationUs: isLength,
  },
  "link-weather": {
    directions: isPairs,
    key: oneOf("loss", "delayMeanUs", "duplicates", "reordered"),
    value: isLength,
    durationUs: isLength,
  },
  bandwidth: { directions: isPairs, bytesPerSecond: isAboveZero, durationUs: isLength },
  clog: { directions: isPairs, durationUs: isLength },
  flap: { directions: isPairs, downUs: isAboveZero, upUs: isAboveZero, durationUs: isLength },
  filter: { directions: isPairs, kind: isText, durationUs: isLength },
  replay: { directions: isPairs, durationUs: isLength, afterUs: isLength },
  "reconnect-storm": { nodes: isNodes, durationUs: isLength },
  "half-open": { between: isPair, noticeUs: isLength },
  "disk-slow": { node: isCount, slowness: isLength, durationUs: isLength },
  "disk-hang": { node: isCount, durationUs: isLength },
  "disk-error": { node: isCount, repairUs: isLength },
  "disk-full": { node: isCount, durationUs: isLength },
  "torn-write": { node: isCount, withinUs: isLength, downUs: isLength },
  "log-rot": { node: isCount, beforeLast: isCount },
  "snapshot-rot": { node: isCount },
  "snapshot-error": { node: isCount, fails: oneOf(...SNAPSHOT_TROUBLES), isKept: isFlag, durationUs: isLength },
  "state-rot": { node: isCount },
  "misdirected-write": { node: isCount },
  "disk-loss": { node: isCount, downUs: isLength },
  "guest-end": { node: isCount, place: isCount, reason: isText },
  "guest-hang": { node: isCount, place: isCount },
  "host-trouble": { node: isCount, trouble: oneOf(...HOST_TROUBLES), durationUs: isLength },
  "osd-down": { node: isCount, downUs: isLength },
  "osd-loss": { node: isCount, downUs: isLength },
  "osd-slow": { node: isCount, slowness: isAboveZero, durationUs: isLength },
  "storage-full": { value: isShare, durationUs: isLength },
  "heal-all": {},
  "heal-core": { core: isNodes },
  call: { client: isCount, key: isCount, how: oneOf("get", "put", "cas", "delete"), chance: isCount },
  change: { change: oneOf("add-learner", "promote", "demote", "remove"), node: isCount, chance: isCount },
  transfer: { node: (value) => value === null || isCount(value), force: isFlag, chance: isCount },
  snapshot: { chance: isCount },
  ask: { node: isCount, vm: (value) => value === null || isCount(value), chance: isCount },
  "create-all": { node: isCount, chance: isCount },
  update: { user: isCount, node: isCount, chance: isCount },
  watch: { user: isCount, node: (value) => value === null || isCount(value), chance: isCount },
  move: { node: isCount, how: oneOf("migrate", "cancel", "pause", "resume", "restart"), chance: isCount },
  keep: {
    node: isCount,
    how: oneOf("checkpoint", "clone", "restore", "boot", "delete", "delete-clone"),
    chance: isCount,
  },
  stack: { node: isCount, how: oneOf("apply", "stop", "start", "delete"), chance: isCount },
  drain: { node: isCount, how: oneOf("drain", "undrain", "cold"), chance: isCount },
  burst: { node: isCount, how: oneOf("create", "delete"), vms: isCount, chance: isCount },
  tell: { node: isCount, how: oneOf("entity", "singleton", "reliable", "yield", "leave"), chance: isCount },
  step: { chance: isCount },
};

/** What is wrong with it; null: it can be done. */
export function checkEvent(event: unknown): string | null {
  if (!isRecord(event)) return "is no object";
  const { type, atUs, tie, leader } = event as Partial<ScheduledEvent>;
  const fields = Object.hasOwn(ACT_FIELDS, String(type)) ? ACT_FIELDS[type as keyof typeof ACT_FIELDS] : null;
  if (fields === null) return `is of a type that does not exist: ${JSON.stringify(type)}`;
  if (!isCount(atUs)) return `(${type}) has no "atUs", a whole number of microseconds`;
  if (!isLength(tie)) return `(${type}) has no "tie", a number`;
  if (leader !== undefined && !isCount(leader)) return `(${type}) has a "leader" that is no node`;
  const wrong = Object.entries(fields).find(([field, isRight]) => !isRight(event[field]));
  return wrong === undefined
    ? null
    : `(${type}) has no "${wrong[0]}" that can be used: ${JSON.stringify(event[wrong[0]])}`;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
