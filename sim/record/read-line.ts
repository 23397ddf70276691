/**
 * A line of the event log as facts of a lane. `<microseconds> <what> <node> <details>`, where what people read differs from what the hash
 * needs: names for indices, sentences for words. A line of a kind that is not known here is told as it is.
 */
import { nameOf, named } from "./describe-act.ts";
import type { Fact, FactKind, Lane } from "./run-record.ts";

export interface ReadLine {
  readonly lane: Lane;
  readonly fact: Extract<Fact, { readonly type: "said" }>;
  /** The process of this lane has ended, begun, stopped, gone on. */
  readonly life?: "end" | "start" | "pause" | "resume";
  /** Between these nodes nothing that is under way arrives any more. */
  readonly broken?: readonly [number, number];
  /** Every write that this lane has begun up to one is durable. */
  readonly isSync?: true;
  /** Its journal has answered the oldest of what it was asked. */
  readonly isJournal?: true;
  /** Every fault that is under way ends. */
  readonly isHealed?: true;
}

/** Told by the network, by blows and by roles, with more in it than in the line. */
const TOLD_ELSEWHERE = new Set(["deliver", "last-words", "fault", "leader"]);

/** Events of a member that its configuration and its role tell, too. */
const EVENTS_TOLD_ELSEWHERE = new Set(["membership", "configuration"]);

/** Operations of clients that are under way: which node was asked last. */
export type Asked = Map<string, number>;

/** Null: it says nothing that is not told elsewhere. */
export function readLine(line: string, names: readonly string[], asked: Asked): ReadLine | null {
  const [, what = "", ...rest] = line.split(" ");
  if (TOLD_ELSEWHERE.has(what) || (what === "event" && EVENTS_TOLD_ELSEWHERE.has(rest[1] ?? ""))) return null;
  return readClient(what, rest, asked) ?? readNode(what, rest, names) ?? readOther(what, rest, names);
}

function readClient(what: string, rest: readonly string[], asked: Asked): ReadLine | null {
  const [first = "", second = "", ...more] = rest;
  const said = (text: string, where: { readonly to?: Lane; readonly from?: Lane } = {}): ReadLine => ({
    lane: "clients",
    fact: { type: "said", kind: "client", text, ...where },
  });
  switch (what) {
    case "call": {
      const [input, key] = more;
      return said(`${second} begins operation ${first}: ${input ?? ""} ${key ?? ""}`);
    }
    case "ask": {
      const isNumbered = second === "at";
      const node = Number(isNumbered ? more[0] : first);
      if (isNumbered) asked.set(first, node);
      const text = isNumbered ? `ask: operation ${first}` : `ask: ${[second, ...more].join(" ")}`;
      return said(text, { to: node });
    }
    case "answer":
      return said(`answer: ${[second, ...more].join(" ")}`, { from: Number(first) });
    case "return":
    case "refused": {
      if (second === "fence") return null;
      const node = asked.get(first);
      if (what === "return") asked.delete(first);
      const text = `operation ${first}: ${what === "return" ? "" : "refused, "}${[second, ...more].join(" ")}`;
      return said(text, node === undefined ? {} : { from: node });
    }
    default:
      return null;
  }
}

/** Calls of a journal and their answers, where all is well. */
const JOURNAL: Readonly<Record<string, string>> = {
  "append appended": "what it wrote to its journal is on the disk",
  "open opened": "its journal is open",
  "read page": "has read its journal",
};

const DISK = new Set(["sync", "room", "repair", "damage", "rot", "wipe", "compact", "snapshot"]);

function readNode(what: string, rest: readonly string[], names: readonly string[]): ReadLine | null {
  const [first = "", ...more] = rest;
  const node = what === "journal" ? Number(first.replace(/^\D+/, "")) : Number(first);
  if (first === "" || !Number.isInteger(node) || node < 0 || node >= names.length) return null;
  const details = more.join(" ");
  const say = (kind: FactKind, text: string): Pick<ReadLine, "lane" | "fact"> => ({
    lane: node,
    fact: { type: "said", kind, text },
  });
  switch (what) {
    case "start":
      return { ...say("life", `starts (${details})`), life: "start" };
    case "kill":
      return { ...say("life", "its process is killed"), life: "end" };
    case "power-loss":
      return { ...say("life", "its host loses power"), life: "end" };
    case "wipe":
      return { ...say("life", "loses its disk"), life: "end" };
    case "left":
      return { ...say("life", "has left"), life: "end" };
    case "pause":
      return { ...say("life", "is paused"), life: "pause" };
    case "resume":
      return { ...say("life", "goes on"), life: "resume" };
    case "link-up":
    case "link-down":
      return details.startsWith("sees")
        ? say("link", `sees its link to ${named(details.slice(5), names)} ${what.slice(5)}`)
        : say("link", `link to ${named(details, names)} is up`);
    case "link-break": {
      const [other = "", ...why] = more;
      const text = `link to ${nameOf(Number(other), names)} breaks: ${why.join(" ")}`;
      return { ...say("link", text), broken: [node, Number(other)] };
    }
    case "configuration":
      return say("configuration", `configuration at index ${details}`);
    case "apply":
    case "applied":
      return say("apply", `applies ${details}`);
    case "sync":
      return { ...say("disk", `synced: ${details}`), isSync: true };
    case "journal":
      return { ...say("disk", JOURNAL[details] ?? `journal: ${details}`), isJournal: true };
    case "room":
      return say("disk", details === "true" ? "disk has room again" : "disk is full");
    case "log":
      return say("note", details);
    default:
      if (what.startsWith("guest")) return say("guest", `${what.replace("-", " ")} ${details}`.trimEnd());
      return say(DISK.has(what) ? "disk" : "note", `${what === "note" ? "" : `${what} `}${details}`.trim());
  }
}

function readOther(what: string, rest: readonly string[], names: readonly string[]): ReadLine {
  const details = rest.join(" ");
  const say = (lane: Lane, kind: FactKind, text: string): ReadLine => ({ lane, fact: { type: "said", kind, text } });
  switch (what) {
    case "healed":
      return { ...say("outside", "operator", "all faults end, clients stop"), isHealed: true };
    case "core":
      return say("outside", "operator", "a core is healed, clients stop; all other faults stay for good");
    case "heal":
      return say("outside", "fault", `ends: ${named(details, names)}`);
    case "operator":
      return say("outside", "operator", `operator: ${details}`);
    case "not":
      return say("outside", "fault", `not possible now: ${rest.slice(1).join(" ")}`);
    case "note":
      if (rest[0] === "step") return say("clients", "client", details);
      return say("outside", "note", details);
    default:
      return say("outside", "note", `${what === "note" ? "" : `${what} `}${details}`.trim());
  }
}
