/** A message in a few words, for people: its kind and the fields that matter, whatever actors it is between. */
import type { Envelope } from "../../runtime/index.ts";

/** Who says every little while that all is as it was; the messages of a user's actors may be called the same. */
const OWN_PATHS = /^(raft$|receptionist|\$kernel|producer|consumer)/;

/** What they say then: drawn fainter, and left out first. */
const ROUTINE = new Set([
  "heartbeat",
  "heartbeat-response",
  "commit",
  "credit",
  "peer-pull",
  "peer-full",
  "peer-version",
  "hello",
  "hello-answer",
  "delivery-ack",
]);

/** What says nothing about a message to who reads it. */
const PASSED_OVER = new Set(["type", "replyTo", "from", "token", "checksum", "session", "incarnation", "sequence"]);

/** Two fields that are one place in a log. */
const PLACES: Readonly<Record<string, readonly [string, string]>> = {
  previousIndex: ["after", "previousTerm"],
  lastIndex: ["last", "lastTerm"],
  hintIndex: ["hint", "hintTerm"],
};
const PLACE_TERMS = new Set(Object.values(PLACES).map(([, term]) => term));

/** Flags that are words. */
const FLAGS: Readonly<Record<string, readonly [string, string]>> = {
  granted: ["granted", "refused"],
  ok: ["ok", "refused"],
};

/** Flags that are told when they are set. */
const QUIET = new Set(["transfer"]);

const FIELDS_MAX = 6;
const TEXT_MAX = 24;

export interface DescribedMessage {
  readonly kind: string;
  readonly fields: string;
  readonly isRoutine: boolean;
}

export function describeMessage({ to, message }: Envelope): DescribedMessage {
  const outer = fieldsOf(message);
  // What members say to each other is in an envelope of the Raft actor's.
  const inner = fieldsOf(outer["message"]);
  const body = typeof inner["type"] === "string" ? inner : outer;
  const type = body["type"];
  const kind = typeof type === "string" ? type : typeof message === "object" ? "answer" : typeof message;
  const place = to.path === "raft" || to.path.startsWith("$ask/") ? "" : ` (at ${to.path})`;
  return { kind, fields: `${describeFields(body)}${place}`, isRoutine: OWN_PATHS.test(to.path) && ROUTINE.has(kind) };
}

function describeFields(body: Readonly<Record<string, unknown>>): string {
  const words: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (words.length >= FIELDS_MAX) break;
    if (PASSED_OVER.has(name) || (PLACE_TERMS.has(name) && placeOf(name) in body)) continue;
    const word = describeField(name, value, body);
    if (word !== null) words.push(word);
  }
  return words.join(", ");
}

function describeField(name: string, value: unknown, body: Readonly<Record<string, unknown>>): string | null {
  if (QUIET.has(name) && value === false) return null;
  const place = PLACES[name];
  if (place !== undefined) return `${place[0]} ${numberIn(value)}/${numberIn(body[place[1]])}`;
  if (typeof value === "boolean") {
    const words = FLAGS[name];
    if (words !== undefined) return value ? words[0] : words[1];
    return value ? name : `${name} false`;
  }
  if (typeof value === "number") return `${name} ${value}`;
  if (typeof value === "string") return `${name} ${value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return describeList(name, value);
  return value === null ? `no ${name}` : null;
}

/** Entries of a log by their places. */
function describeList(name: string, values: readonly unknown[]): string {
  const [first, last] = [fieldsOf(values[0])["index"], fieldsOf(values.at(-1))["index"]];
  if (name === "entries" && typeof first === "number") {
    return first === last ? `entry ${first}` : `entries ${first} to ${String(last)}`;
  }
  return values.length === 0 ? `no ${name}` : `${values.length} ${name}`;
}

function numberIn(value: unknown): string {
  return typeof value === "number" ? String(value) : "?";
}

function placeOf(term: string): string {
  return Object.keys(PLACES).find((index) => PLACES[index]?.[1] === term) ?? "";
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
