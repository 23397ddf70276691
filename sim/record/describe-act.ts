/**
 * A blow in words, where it lies and how long: for whoever reads what was done to a run. Known kinds have words of their own; of any other
 * its fields are told, so that a new kind of fault is drawn before anybody thinks of it here.
 */
import { FOREVER_US, type BlowAct } from "../schedule/blow.ts";
import type { Lane, Span } from "./run-record.ts";

export interface DescribedAct {
  readonly text: string;
  readonly lanes: readonly Lane[];
  /** What is drawn while it lasts; null: it has no length, or what it ends and begins is told by itself. */
  readonly span: Span["kind"] | null;
  readonly durationUs: number | null;
}

/** @param names of nodes, by index */
export function describeAct(act: BlowAct, names: readonly string[]): DescribedAct {
  const fields = act as unknown as Readonly<Record<string, unknown>>;
  const lanes = lanesOf(fields, names.length);
  const node = typeof fields["node"] === "number" ? nameOf(fields["node"], names) : "";
  return { text: wordsOf(act, node, names), lanes, span: spanOf(fields), durationUs: lengthOf(fields) };
}

function wordsOf(act: BlowAct, node: string, names: readonly string[]): string {
  switch (act.type) {
    case "crash":
      return act.power ? `${node}'s host loses power` : `${node}'s process is killed`;
    case "pause":
      return `${node}'s process is paused`;
    case "wall-step":
      return `somebody sets ${node}'s wall clock ${act.byMs < 0 ? "back" : "forward"} by ${Math.abs(act.byMs)} ms`;
    case "crash-at":
      return `${node}'s process is to end at "${act.point}", time ${act.nth}`;
    case "host-trouble":
      return `${node}'s hypervisor: ${act.trouble}`;
    case "clock-freeze":
      return `${node}'s clock stands still`;
    case "clock-drift":
      return `${node}'s clock runs at ${Number(act.rate.toPrecision(5))} of its rate`;
    case "cut":
      return `${act.what.startsWith("cut") ? "" : "cut: "}${named(act.what, names)}${pairsOf(act.directions, names)}`;
    case "reset":
      return `the link of ${act.between.map((one) => nameOf(one, names)).join(" and ")} is reset`;
    case "weather":
      return `weather: ${act.key} ${Number(act.value.toPrecision(3))}`;
    case "disk-slow":
      return `${node}'s disk is ${Math.round(act.slowness)} times slower`;
    case "disk-hang":
      return `${node}'s disk hangs`;
    case "disk-error":
      return `the next write of ${node}'s disk fails`;
    case "disk-full":
      return `${node}'s disk is full`;
    case "torn-write":
      return `${node}'s disk stops, and then the power goes: what is written may be torn`;
    case "log-rot":
      return `a bit rots in ${node}'s log, ${act.beforeLast} entries before the last`;
    case "snapshot-rot":
      return `a bit rots in ${node}'s snapshot`;
    case "disk-loss":
      return `${node} loses its disk, and comes back with an empty one`;
    case "guest-end":
      return `a guest of ${node} ends (${act.reason})`;
    case "guest-hang":
      return `a guest of ${node} hangs`;
    case "osd-down":
      return `${node}'s OSD ends`;
    case "osd-loss":
      return `${node}'s OSD loses its disk`;
    case "storage-full":
      return `the storage is ${Math.round(100 * act.value)} % full`;
    case "osd-slow":
      return `${node}'s OSD is ${Math.round(act.slowness)} times slower`;
    case "heal-all":
      return "everything is healed";
    default:
      return linkWordsOf(act, names) ?? plainWordsOf(act, names);
  }
}

/** What is done to directions of links, or to all links of some nodes. */
function linkWordsOf(act: { readonly type: string }, names: readonly string[]): string | null {
  const fields = act as Readonly<Record<string, unknown>>;
  const { directions, nodes, core, between } = fields as { readonly [Key in string]: readonly never[] | undefined };
  const list = (some: readonly number[] | undefined): string => some?.map((one) => nameOf(one, names)).join(", ") ?? "";
  const where = directions === undefined ? "" : ` ${waysOf(directions, names)}`;
  switch (act.type) {
    case "link-weather":
      return `${String(fields["key"])} ${Number(Number(fields["value"]).toPrecision(3))}${where}`;
    case "bandwidth":
      return `only ${Math.round(Number(fields["bytesPerSecond"]))} bytes a second pass${where}`;
    case "clog":
      return `nothing passes, and then all at once${where}`;
    case "flap":
      return `links go down and up again and again${where}`;
    case "filter":
      return `every "${String(fields["kind"])}" is lost${where}`;
    case "replay":
      return `what is said comes once more, later${where}`;
    case "reconnect-storm":
      return `every connection of ${list(nodes)} breaks as soon as it stands`;
    case "half-open":
      return `${list(between?.slice(0, 1))} has forgotten its connection, in which ${list(between?.slice(1))} believes`;
    case "heal-core":
      return `only ${list(core)} are healed; all other faults stay`;
    default:
      return null;
  }
}

/** The type, and every field that is a number or a word. */
function plainWordsOf(act: { readonly type: string }, names: readonly string[]): string {
  const { type, node, ...rest } = act as Readonly<Record<string, unknown>> & { readonly type: string };
  const words = Object.entries(rest)
    .filter(([name, value]) => !name.endsWith("Us") && ["number", "string"].includes(typeof value))
    .map(([name, value]) => `${name} ${String(value)}`);
  const where = typeof node === "number" ? [nameOf(node, names)] : [];
  return [type, ...where, ...words].join(" ");
}

/** What lasts and is not told by itself at its lane, as processes and clocks are. */
function spanOf(fields: Readonly<Record<string, unknown>>): Span["kind"] | null {
  const type = String(fields["type"]);
  if (type === "weather") return "weather";
  if (type === "storage-full" || type === "osd-slow") return "disk";
  if (type === "disk-hang" || type === "disk-slow" || type === "disk-full") return "disk";
  return "directions" in fields || type === "reconnect-storm" ? "network" : null;
}

/** The side that is cut off, where it is named; else whoever it strikes; else the whole cluster's lane of its own. */
function lanesOf(fields: Readonly<Record<string, unknown>>, count: number): readonly Lane[] {
  const { node, between, directions, what } = fields;
  if (typeof node === "number") return [node];
  const told = typeof what === "string" ? numbersIn(what) : [];
  const struck = [between, directions, fields["nodes"]].flat(2).filter((one) => typeof one === "number");
  // Whoever has a part in every direction is the one that it strikes.
  const pairs = (Array.isArray(directions) ? directions : []) as readonly Direction[];
  const inAll = [...new Set(pairs.flat())].filter((one) => pairs.every((pair) => pair.includes(one)));
  const found = told.length > 0 ? told : inAll.length === 1 ? inAll : struck;
  const lanes = [...new Set(found)].filter((one) => one < count);
  return lanes.length > 0 ? lanes.toSorted((one, other) => one - other) : ["outside"];
}

function lengthOf(fields: Readonly<Record<string, unknown>>): number | null {
  const length = fields["durationUs"] ?? fields["downUs"] ?? fields["repairUs"];
  if (typeof length !== "number") return null;
  return length >= FOREVER_US ? Infinity : length;
}

/** A few directions are told one by one. */
const PAIRS_MAX = 4;

function pairsOf(directions: readonly Direction[], names: readonly string[]): string {
  const isBothWays = directions.every(([from, to]) => directions.some(([one, other]) => one === to && other === from));
  if (directions.length > PAIRS_MAX || isBothWays) return "";
  return ` (${directions.map(([from, to]) => `${nameOf(from, names)} ⇸ ${nameOf(to, names)}`).join(", ")})`;
}

/** `from n1 to n2, n3`, or how many there are. */
function waysOf(directions: readonly Direction[], names: readonly string[]): string {
  const from = [...new Set(directions.map(([one]) => nameOf(one, names)))].toSorted();
  const to = [...new Set(directions.map(([, one]) => nameOf(one, names)))].toSorted();
  if (from.join() === to.join()) return `among ${from.join(", ")}`;
  return directions.length === from.length * to.length
    ? `from ${from.join(", ")} to ${to.join(", ")}`
    : `along ${directions.length} directions of ${[...new Set([...from, ...to])].toSorted().join(", ")}`;
}

type Direction = readonly [number, number];

function numbersIn(text: string): readonly number[] {
  return [...text.matchAll(/\b\d+\b/g)].map(([digits]) => Number(digits));
}

/** The event log's indices of nodes as names. */
export function named(text: string, names: readonly string[]): string {
  return text.replace(/\b\d+\b/g, (digits) => nameOf(Number(digits), names));
}

export function nameOf(node: number, names: readonly string[]): string {
  return names[node] ?? `node ${node}`;
}
