/**
 * What no actor can be spawned with is refused by its name at once: a limit of `NaN` would bound nothing, one of 0 would lose
 * every message, and neither shows before the day it is needed.
 */
import type { NactParent } from "nact/lib/actor.js";
import type { SpawnOptions } from "./context.ts";
import type { MailboxOptions, Overflow } from "./mailbox.ts";
import { isDirective, type Strategy, type Supervision } from "./supervision.ts";

/** Of actors, and of nodes. */
export const NAME: RegExp = /^[A-Za-z0-9_.-]{1,128}$/;

/**
 * Levels of actors below each other. A tree is ended, and a path read, by calls as deep as it is, and the stack of a turn
 * takes about 5,000 levels. Trees of supervision have under ten.
 */
const DEPTH_MAX = 1_000;

/** A JavaScript caller is not held to the types; a word that is none would lose messages without a dead letter. */
const POLICIES: readonly Overflow[] = ["drop-newest", "drop-oldest", "fail-ask", "back-pressure"];
const STRATEGIES: readonly Strategy[] = ["one-for-one", "all-for-one", "rest-for-one"];

/** @throws Error for a name that is taken or none, RangeError for options that are no limits. */
export function checkSpawn(parent: NactParent, name: string, options: SpawnOptions): void {
  checkName(name);
  if (parent.children.has(name)) throw new Error(`Cannot spawn "${name}" ${placeOf(parent)}: the name is taken`);
  if (depthOf(parent) >= DEPTH_MAX) {
    throw new Error(`Cannot spawn "${name}": it would be more than ${DEPTH_MAX} levels below the top`);
  }
  checkOptions(name, options);
}

/** @throws Error. */
export function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new Error(`Cannot spawn "${name}": a name is 1 to 128 letters, digits, "-", "_" and "."`);
  }
}

/** @throws RangeError. */
export function checkOptions(name: string, { mailbox, stash, strategy, supervision }: SpawnOptions): void {
  const refuse = (what: string, value: unknown, wanted: string): never => {
    throw new RangeError(`Cannot spawn "${name}": its ${what} is ${String(value)}, and must be ${wanted}`);
  };
  if (mailbox !== undefined) checkMailbox(mailbox, refuse);
  if (stash !== undefined && !isCount(stash, 0)) refuse("stash", stash, "a number of messages");
  if (strategy !== undefined && !STRATEGIES.includes(strategy))
    refuse("strategy", strategy, `one of ${STRATEGIES.join(", ")}`);
  if (supervision !== undefined) checkSupervision(supervision, refuse);
}

type Refuse = (what: string, value: unknown, wanted: string) => never;

function checkMailbox({ capacity, overflow }: MailboxOptions, refuse: Refuse): void {
  if (overflow !== undefined && !POLICIES.includes(overflow)) {
    refuse("mailbox's overflow", overflow, `one of ${POLICIES.join(", ")}`);
  }
  if (capacity !== undefined && !isCount(capacity, 1)) {
    refuse("mailbox's capacity", capacity, "a number of messages from 1 on");
  }
}

function checkSupervision({ onCrash, intensity, backoff }: Supervision, refuse: Refuse): void {
  if (typeof onCrash !== "function" && !isDirective(onCrash)) refuse("onCrash", onCrash, "a directive, or a function");
  if (intensity !== undefined) {
    const { restartsMax, windowMs } = intensity;
    if (!isCount(restartsMax, 0)) refuse("restartsMax", restartsMax, "a number of restarts");
    if (!(windowMs >= 0)) refuse("windowMs", windowMs, "a number of milliseconds");
  }
  if (backoff === undefined) return;
  const { minMs, maxMs, jitter, calmMs } = backoff;
  if (!(minMs >= 0)) refuse("backoff's minMs", minMs, "a number of milliseconds");
  if (!(maxMs >= minMs)) refuse("backoff's maxMs", maxMs, "at least minMs");
  if (!(jitter >= 0 && jitter <= 1)) refuse("backoff's jitter", jitter, "a share from 0 to 1");
  if (calmMs !== undefined && !(calmMs >= 0)) refuse("backoff's calmMs", calmMs, "a number of milliseconds");
}

/** `Infinity` is a count: no limit. */
function isCount(value: number, least: number): boolean {
  return value >= least && (Number.isInteger(value) || value === Infinity);
}

function placeOf(parent: NactParent): string {
  const { parts } = parent.path;
  return parts.length === 0 ? "at the top level" : `below "${parts.join("/")}"`;
}

/** Of the children of `parent`, how many levels are above them. */
function depthOf(parent: NactParent): number {
  let depth = 0;
  for (let at = parent; "parent" in at; at = at.parent as NactParent) depth += 1;
  return depth;
}
