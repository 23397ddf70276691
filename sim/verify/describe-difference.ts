/** Where two runs part, and why an event came about, for people. */
import type { CauseLink, RecordedEvent, TracedEvent } from "../timeline/event-trace.ts";
import type { RunDifference } from "./locate-difference.ts";

/** Steps that both runs took in that event before they part. */
const STEPS_BEFORE = 6;

/** Several lines: the event, what each run did in it, and what led there. */
export function describeDifference({ one, other }: RunDifference): string {
  const event = one ?? other;
  if (event === null) return "Nothing differs.";
  const same = one !== null && other !== null && one.event === other.event && one.atUs === other.atUs;
  const head = same
    ? [`The first event that differs is ${nameOf(event)}`]
    : ["The first event that differs:", ...both(one, other, (run) => (run === null ? "has ended" : nameOf(run)))];
  return [...head, ...describeSteps(one, other), "What led to it, the nearest first:", describeCauses(event)].join(
    "\n",
  );
}

/** A line an event, the nearest cause first; back to the start, a fault, a client or a timer. */
export function describeCauses({ by, causes, omitted, root }: TracedEvent): string {
  const put = (who: string | null): string => (who === null ? "put there by" : `put there by ${who} in`);
  const lines = causes.map(
    (cause, at) => `  ${put(at === 0 ? by : (causes[at - 1] as CauseLink).by)} ${nameOf(cause)}`,
  );
  if (root !== null) {
    const between = omitted === 0 ? [] : [`  … ${omitted} ${omitted === 1 ? "event" : "events"} between`];
    lines.push(...between, `  began with ${nameOf(root)}`);
  }
  return lines.length === 0 ? "  nothing: it is the start of the run" : lines.join("\n");
}

function describeSteps(one: RecordedEvent | null, other: RecordedEvent | null): readonly string[] {
  const [first, second] = [one?.steps ?? [], other?.steps ?? []];
  const length = Math.max(first.length, second.length);
  let at = 0;
  while (at < length && first[at] === second[at]) at += 1;
  if (at === length) return [];
  const from = Math.max(0, at - STEPS_BEFORE);
  const turn = first.slice(0, from).findLast((step) => step.startsWith("turn of "));
  const isInTurn = turn !== undefined && !first.slice(from, at).some((step) => step.startsWith("turn of "));
  const shared = [...(isInTurn ? [turn, "…"] : []), ...first.slice(from, at)].map((step) => `  both    ${step}`);
  return ["In it:", ...shared, ...both(first[at], second[at], (step) => step ?? "does nothing more")];
}

function both<Side>(one: Side, other: Side, describe: (side: Side) => string): readonly string[] {
  return [`  run 1   ${describe(one)}`, `  run 2   ${describe(other)}`];
}

function nameOf({ event, atUs, what, times }: CauseLink): string {
  const told = what === "" ? "an event that told nothing" : what;
  const alike = times === 1 ? "" : `, the last of ${times} alike`;
  return event === 0 ? told : `event ${event} at ${(atUs / 1_000_000).toFixed(6)} s: ${told}${alike}`;
}
