/** Faults of a file as they are struck: verbs looked up (`fault-verbs.ts`), victims read (`whom.ts`), what cannot be refused by name. */
import { nearestWord } from "../../actors/index.ts";
import { DURATION_PATTERN, SHARE_PATTERN, shareOf, writeDuration } from "./duration.ts";
import { FAULT_MODIFIERS } from "./document-schema.ts";
import { FAULT_VERBS, type FaultVerb, type Unit, type VerbField } from "./fault-verbs.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Group, PlannedAct, PlannedFault } from "./scenario-plan.ts";
import { fixedNodes, isRecord, readGroup, readZone, type Surroundings } from "./whom.ts";

type Entry = Readonly<Record<string, unknown>>;

/** Strikes of one entry; a mistyped `every` should not fill the memory. */
const STRIKES_MAX = 10_000;

export function compileFaults(
  entries: readonly Entry[],
  spanMs: number,
  around: Surroundings,
): readonly PlannedFault[] {
  const faults = entries.flatMap((entry, index) => {
    const at = `/spec/faults/${index}`;
    return around.problems.isWrong(at) ? [] : (compileFault(entry, at, { spanMs, around }) ?? []);
  });
  for (const [index, { name }] of faults.entries()) {
    const given = entries.findIndex((entry) => entry["name"] === name);
    const first = faults.findIndex((fault) => fault.name === name);
    if (given >= 0 && first < index) {
      around.problems.refuse(`/spec/faults/${index}/name`, `another fault is called "${name}" already`);
    }
  }
  return faults;
}

const DURATION = new RegExp(DURATION_PATTERN, "u");
const SHARE = new RegExp(SHARE_PATTERN, "u");

const WRITTEN: Readonly<Record<Unit, string>> = {
  duration: "a duration like 20ms",
  step: "a duration like 30s or -30s",
  share: "a share like 5%",
};

interface Circumstances {
  readonly spanMs: number;
  readonly around: Surroundings;
}

function compileFault(entry: Entry, at: string, { spanMs, around }: Circumstances): PlannedFault | null {
  const { problems } = around;
  const verbs = Object.keys(entry).filter((key) => FAULT_VERBS.has(key));
  const [word, another] = verbs;
  if (word === undefined) {
    problems.refuse(at, `nothing is done here; expected one of ${[...FAULT_VERBS.keys()].join(", ")}`);
    return null;
  }
  if (another !== undefined) {
    problems.refuse(`${at}/${another}`, `"${word}" is done here already; give each fault an entry of its own`);
    return null;
  }
  const verb = FAULT_VERBS.get(word) as FaultVerb;
  refuseForeign(entry, verb, at, around);
  const atMs = strikesOf(entry, at, { spanMs, around });
  const forMs = lengthOf(entry, verb, { at, spanMs, around });
  const operand = `${at}/${word}`;
  const fields = {
    ...verb.fixed,
    ...fieldsOf(entry, verb, at, around),
    ...valueOf(entry[word], verb, { at: operand, problems }),
  };
  const act = actOf(entry[word], verb, { at: operand, fields, around });
  if (problems.isWrong(at) || act === null) return null;
  const name = typeof entry["name"] === "string" ? entry["name"] : word;
  const staggerMs = typeof entry["stagger"] === "string" ? problems.lengthOf(`${at}/stagger`, entry["stagger"]) : 0;
  const turns = act.type === "each" ? (fixedNodes(act.whom, around.nodes.length)?.size ?? around.nodes.length) : 1;
  const lastMs = (atMs.at(-1) ?? 0) + staggerMs * Math.max(0, turns - 1);
  if (lastMs >= spanMs) {
    const last = `the last of ${turns} is struck at ${writeDuration(lastMs)}`;
    problems.refuse(`${at}/stagger`, `${last}, and the scenario ends at ${writeDuration(spanMs)}; let it last longer`);
  }
  return { name, title: `${word} ${describeOperand(entry[word])}`.trim(), atMs, lastMs, forMs, staggerMs, act };
}

/** Fields that mean nothing beside this verb. */
function refuseForeign(entry: Entry, verb: FaultVerb, at: string, { problems }: Surroundings): void {
  const known = [verb.verb, ...FAULT_MODIFIERS, ...verb.fields.map(({ name }) => name)];
  for (const key of Object.keys(entry)) {
    if (known.includes(key)) continue;
    const meant = nearestWord(key, known);
    const may =
      verb.fields.length === 0 ? "" : `; beside it may stand ${verb.fields.map(({ name }) => name).join(", ")}`;
    const hint = meant === undefined ? may : `; did you mean "${meant}"?`;
    problems.refuse(`${at}/${key}`, `means nothing beside "${verb.verb}"${hint}`);
  }
  if (entry["stagger"] !== undefined && verb.operand !== "nodes" && verb.operand !== "zone") {
    problems.refuse(
      `${at}/stagger`,
      `"${verb.verb}" strikes all at once; only what is done to one node after another can be staggered`,
    );
  }
}

function strikesOf(entry: Entry, at: string, { spanMs, around: { problems } }: Circumstances): readonly number[] {
  const firstMs = problems.lengthOf(`${at}/at`, entry["at"] as string);
  const end = writeDuration(spanMs);
  if (firstMs >= spanMs) problems.expect(`${at}/at`, `a time before the scenario ends, at ${end}`, entry["at"]);
  const { every, times } = entry;
  if (every === undefined) {
    if (times !== undefined) problems.refuse(`${at}/times`, '"every" is missing: how long from one to the next');
    return [firstMs];
  }
  const everyMs = problems.lengthOf(`${at}/every`, every as string);
  if (everyMs <= 0) {
    problems.expect(`${at}/every`, "a pause longer than 0s", every);
    return [firstMs];
  }
  const fitting = Math.max(1, Math.ceil((spanMs - firstMs) / everyMs));
  if (typeof times === "number" && times > fitting) {
    problems.refuse(`${at}/times`, `only ${fitting} of ${times} fit before the scenario ends, at ${end}`);
  }
  const count = Math.min(fitting, typeof times === "number" ? times : fitting);
  if (count > STRIKES_MAX) problems.refuse(`${at}/every`, `that is ${count} strikes, expected at most ${STRIKES_MAX}`);
  return Array.from({ length: Math.min(count, STRIKES_MAX) }, (_, index) => firstMs + index * everyMs);
}

/** Without `for` it lasts until the end. */
function lengthOf(
  entry: Entry,
  verb: FaultVerb,
  { at, spanMs, around: { problems } }: Circumstances & { readonly at: string },
): number | null {
  const given = entry["for"];
  if (verb.lasting === null) {
    if (given !== undefined) problems.refuse(`${at}/for`, `"${verb.verb}" is over at once and cannot last`);
    return null;
  }
  return given === undefined ? spanMs : problems.lengthOf(`${at}/for`, given as string);
}

function fieldsOf(entry: Entry, verb: FaultVerb, at: string, { problems }: Surroundings): Entry {
  const read = ({ field, name, unit, fallback, isRight }: VerbField): [string, unknown] => {
    const given = entry[name];
    if (given === undefined && fallback !== undefined) return [field, fallback];
    if (given === undefined) {
      problems.refuse(at, `"${name}" is missing: "${verb.verb}" must say it`);
      return [field, 0];
    }
    const value = unit === null ? given : quantityOf(given, unit, { at: `${at}/${name}`, problems });
    if (value === null) problems.expect(`${at}/${name}`, WRITTEN[unit ?? "duration"], given);
    else if (!isRight(value)) problems.expect(`${at}/${name}`, `what "${verb.verb}" can do`, given);
    return [field, value];
  };
  return Object.fromEntries(verb.fields.map(read));
}

/** Which field, for what is wrong with it. */
interface Place {
  readonly at: string;
  readonly problems: ProblemList;
}

/** As the blow has it; null: it is written otherwise. */
function quantityOf(given: unknown, unit: Unit, { at, problems }: Place): number | null {
  if (typeof given !== "string") return null;
  if (unit === "share") return SHARE.test(given) ? shareOf(given) : null;
  if (unit === "duration") return DURATION.test(given) ? problems.lengthOf(at, given) * 1000 : null;
  const length = given.replace(/^-/u, "");
  return DURATION.test(length) ? problems.lengthOf(at, length, given) * (length === given ? 1 : -1) : null;
}

/** Of verbs whose operand is a number of the blow. */
function valueOf(operand: unknown, { operand: kind }: FaultVerb, { at, problems }: Place): Entry {
  if (typeof operand !== "string") return {};
  if (kind === "share") return { value: shareOf(operand) };
  return kind === "delay" ? { value: problems.lengthOf(at, operand) * 1000 } : {};
}

interface Reading {
  readonly at: string;
  readonly fields: Entry;
  readonly around: Surroundings;
}

function actOf(operand: unknown, verb: FaultVerb, { at, fields, around }: Reading): PlannedAct | null {
  const { blow } = verb;
  const { nodes, vms, problems } = around;
  switch (verb.operand) {
    case "nodes":
      return { type: "each", blow, whom: readGroup(operand, at, around), fields };
    case "all-nodes":
      return { type: "many", blow, whom: readGroup(operand, at, around), fields };
    case "zone":
      return { type: "each", blow, whom: readZone(operand, at, around), fields };
    case "lines":
      return linesOf(operand, verb, { at, fields, around });
    case "groups": {
      const groups = Array.isArray(operand)
        ? operand.map((one: unknown, index) => readGroup(one, `${at}/${index}`, around))
        : [readGroup(operand, at, around)];
      refuseEmptyCut(groups, at, around);
      return { type: "lines", blow, groups, way: "both", fields };
    }
    case "pair": {
      const ends = Array.isArray(operand) ? operand : [];
      const [one, other] = ends.map((end: unknown, index) => readGroup(end, `${at}/${index}`, around));
      if (one === undefined || other === undefined || ends.length !== 2 || ends[0] === ends[1]) {
        problems.expect(at, "two nodes, as [n1, n2]", operand);
        return null;
      }
      return { type: "pair", blow, between: [one, other], fields };
    }
    case "vm":
      if (typeof operand !== "string" || !vms.includes(operand)) problems.expectOneOf(at, "a VM", vms, String(operand));
      return { type: "guest", blow, vm: String(operand), fields };
    case "cluster":
      if (operand !== "all" && operand !== true) problems.expect(at, `"all"`, operand);
      return { type: "whole", blow, fields };
    case "share":
    case "delay":
      return { type: "whole", blow, fields };
    default:
      problems.refuse(at, `nobody knows whom of ${nodes.length} nodes it strikes`);
      return verb.operand satisfies never;
  }
}

function linesOf(operand: unknown, { blow, way, verb }: FaultVerb, { at, fields, around }: Reading): PlannedAct | null {
  const { problems } = around;
  if (isRecord(operand) && Array.isArray(operand["between"])) {
    const groups = operand["between"].map((one: unknown, index) => readGroup(one, `${at}/between/${index}`, around));
    if (way !== "both" || groups.length < 2)
      problems.expect(at, "{ between: [ …, … ] } of two groups or more", operand);
    refuseEmptyCut(groups, at, around);
    return { type: "lines", blow, groups, way, fields };
  }
  if (!isRecord(operand) || !("from" in operand || "to" in operand)) {
    const group = readGroup(operand, at, around);
    refuseEmptyCut([group], at, around);
    return { type: "lines", blow, groups: [group], way, fields };
  }
  const stray = Object.keys(operand).find((key) => key !== "from" && key !== "to");
  if (way !== "both" || stray !== undefined || operand["from"] === undefined || operand["to"] === undefined) {
    const expected = way === "both" ? "{ from: …, to: … }" : `nodes: "${verb}" has its direction already`;
    problems.expect(stray === undefined ? at : `${at}/${stray}`, expected, operand);
    return null;
  }
  const groups = [readGroup(operand["from"], `${at}/from`, around), readGroup(operand["to"], `${at}/to`, around)];
  refuseEmptyCut(groups, at, around);
  return { type: "lines", blow, groups, way: "from", fields };
}

/** There must be somebody on either side. */
function refuseEmptyCut(groups: readonly Group[], at: string, { nodes, problems }: Surroundings): void {
  if (problems.isWrong(at)) return;
  const fixed = groups.map((group) => fixedNodes(group, nodes.length));
  if (groups.length === 1) {
    if (fixed[0]?.size !== nodes.length) return;
    const who = nodes.length === 1 ? "the only node" : `all ${nodes.length} nodes`;
    problems.refuse(at, `this is ${who}: nobody is left to be cut off from`);
    return;
  }
  const known = fixed.flatMap((group) => [...(group ?? [])]);
  const twice = known.find((node, index) => known.indexOf(node) !== index);
  if (twice !== undefined) problems.refuse(at, `node "${nodes[twice]?.name}" is on both sides`);
}

/** "zone b", "n1, n2", "leader". */
function describeOperand(operand: unknown): string {
  if (Array.isArray(operand))
    return operand.map((one) => (Array.isArray(one) ? `[${describeOperand(one)}]` : describeOperand(one))).join(", ");
  if (!isRecord(operand)) return operand === true ? "" : String(operand);
  return Object.entries(operand)
    .map(([key, value]) => (key === "labels" ? describeLabels(value) : `${key} ${describeOperand(value)}`))
    .join(" ");
}

function describeLabels(labels: unknown): string {
  return isRecord(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${String(value)}`)
        .join(",")
    : "";
}
