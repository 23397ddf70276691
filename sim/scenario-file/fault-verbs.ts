/**
 * The verbs of a scenario's faults: what each does, and to whom.
 *
 *     own verbs: kill, lose-zone, cut, … ─┐
 *     every other kind of blow, by its name ─┴─▶ what stands behind the verb, which fields it may have beside it
 *
 * A kind of blow that is added to the table of acts (`../shrink/check-event.ts`) can be named in files at once: whom it strikes follows from its
 * fields (`node`, `between`, `directions`, `place`), fields in micro- or milliseconds are written as durations, and whichever of them says how long it
 * lasts is `for`. Own verbs are for what people say otherwise, and for what one kind of blow does in several ways.
 */
import type { BlowAct } from "../schedule/blow.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import { isLoadAct } from "../schedule/schedule.ts";
import { ACT_FIELDS } from "../shrink/check-event.ts";

/** What stands behind a verb. */
export type Operand =
  | "nodes"
  | "all-nodes"
  | "zone"
  | "lines"
  | "groups"
  | "pair"
  | "vm"
  | "share"
  | "delay"
  | "cluster";

export interface FaultVerb {
  readonly verb: string;
  readonly operand: Operand;
  readonly blow: string;
  /** Decided by the verb. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** The field of the blow that says how long it lasts; null: it is over at once. */
  readonly lasting: string | null;
  /** Of the blow: what may, or must where it has no default, stand beside the verb. */
  readonly fields: readonly VerbField[];
  /** With `lines`: seen from whom the verb names. */
  readonly way: "both" | "from" | "to";
}

/** `step`: a duration that may be negative. Microseconds, milliseconds, from 0 to 1. */
export type Unit = "duration" | "step" | "share";

export interface VerbField {
  /** As the blow has it: `withinUs`. */
  readonly field: string;
  /** As files have it: `within`. */
  readonly name: string;
  readonly unit: Unit | null;
  readonly fallback: unknown;
  /** Whether a value can stand there. */
  readonly isRight: (value: unknown) => boolean;
}

/** Which fields of blows say how long they last. */
const LASTING = ["durationUs", "downUs", "repairUs"] as const;

/** Filled in when the fault strikes. */
const VICTIMS: ReadonlySet<string> = new Set([
  "node",
  "nodes",
  "between",
  "directions",
  "place",
  "from",
  "to",
  "what",
  "core",
]);

/** How fields are written, by how their names end. */
const UNITS: Readonly<Record<string, Unit>> = { Us: "duration", Ms: "step" };

const FALLBACKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  cut: { breaks: true },
  "disk-slow": { slowness: 100 },
  "log-rot": { beforeLast: 0 },
  "osd-slow": { slowness: 1000 },
  "torn-write": { withinUs: 20_000 },
};

interface OwnVerb {
  readonly blow: BlowAct["type"];
  readonly operand: Operand;
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly way?: FaultVerb["way"];
  /** What files call the field `value` of the blow, and how they write it. */
  readonly value?: { readonly name: string; readonly unit: VerbField["unit"] };
}

const OWN: Readonly<Record<string, OwnVerb>> = {
  kill: { blow: "crash", operand: "nodes", fixed: { power: false } },
  "power-loss": { blow: "crash", operand: "nodes", fixed: { power: true } },
  "lose-zone": { blow: "crash", operand: "zone", fixed: { power: true } },
  cut: { blow: "cut", operand: "lines", way: "both" },
  mute: { blow: "cut", operand: "lines", way: "from", fixed: { breaks: false } },
  deaf: { blow: "cut", operand: "lines", way: "to", fixed: { breaks: false } },
  partition: { blow: "cut", operand: "groups", way: "both" },
  slow: {
    blow: "link-weather",
    operand: "lines",
    fixed: { key: "delayMeanUs" },
    value: { name: "by", unit: "duration" },
  },
  lossy: { blow: "link-weather", operand: "lines", fixed: { key: "loss" }, value: { name: "by", unit: "share" } },
  "link-reset": { blow: "reset", operand: "pair" },
  loss: { blow: "weather", operand: "share", fixed: { key: "loss" } },
  duplicate: { blow: "weather", operand: "share", fixed: { key: "duplicates" } },
  reorder: { blow: "weather", operand: "share", fixed: { key: "reordered" } },
  delay: { blow: "weather", operand: "delay", fixed: { key: "delayMeanUs" } },
  "fill-storage": { blow: "storage-full", operand: "share" },
  "guest-crash": { blow: "guest-end", operand: "vm", fixed: { reason: "crash" } },
  "guest-exit": { blow: "guest-end", operand: "vm", fixed: { reason: "shutdown" } },
};

/** Blows that own verbs stand for, and one that only the end of a run strikes. */
const HIDDEN: ReadonlySet<string> = new Set(["crash", "reset", "weather", "guest-end", "storage-full", "heal-core"]);

export const FAULT_VERBS: ReadonlyMap<string, FaultVerb> = new Map(
  [
    ...Object.entries(OWN).map(([verb, own]) => verbOf(verb, own)),
    ...Object.keys(ACT_FIELDS)
      .filter((type) => !isOfLoad(type) && !HIDDEN.has(type) && !Object.hasOwn(OWN, type))
      .map((type) => verbOf(type, { blow: type as BlowAct["type"], operand: operandOf(type) })),
  ].map((verb) => [verb.verb, verb]),
);

/** What clients and operators do is no fault. */
function isOfLoad(type: string): boolean {
  return isLoadAct({ type } as BlowAct | LoadAct);
}

function verbOf(verb: string, { blow, operand, fixed = {}, way = "both", value }: OwnVerb): FaultVerb {
  const kinds = ACT_FIELDS[blow];
  const lasting = LASTING.find((field) => Object.hasOwn(kinds, field)) ?? null;
  const isTaken = (field: string): boolean =>
    field === lasting ||
    VICTIMS.has(field) ||
    Object.hasOwn(fixed, field) ||
    (field === "value" && (operand === "share" || operand === "delay"));
  const fields = Object.entries(kinds)
    .filter(([field]) => !isTaken(field))
    .map(([field, isRight]): VerbField => {
      const common = { field, isRight, fallback: FALLBACKS[blow]?.[field] };
      if (field === "value" && value !== undefined) return { ...common, ...value };
      const unit = UNITS[field.slice(-2)];
      return { ...common, name: unit === undefined ? field : field.slice(0, -2), unit: unit ?? null };
    });
  return { verb, operand, blow, fixed, lasting, fields, way };
}

function operandOf(type: string): Operand {
  const fields = ACT_FIELDS[type as keyof typeof ACT_FIELDS];
  const has = (field: string): boolean => Object.hasOwn(fields, field);
  if (has("directions")) return "lines";
  if (has("between") || (has("from") && has("to"))) return "pair";
  if (has("place")) return "vm";
  if (has("nodes")) return "all-nodes";
  return has("node") ? "nodes" : "cluster";
}
