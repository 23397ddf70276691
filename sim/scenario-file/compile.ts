/**
 * Makes a plan of a scenario file: first the form of the document, then what its words mean.
 *
 *     document ─▶ document-schema.ts ─▶ nodes, VMs ─▶ faults (compile-faults.ts) ─▶ expectations (compile-expectations.ts) ─▶ plan
 *                         └── problems of all of it, by field ──────────────────────────────────────────┘
 *
 * Every problem that can be told is told at once: what is wrong in one entry does not hide what is wrong in the next. Without nodes nothing that
 * names one is looked at, since each would be wrong.
 */
import {
  API_VERSION,
  checkSchema,
  fieldName,
  parseVmManifest,
  type FieldProblem,
  type VmSpec,
} from "../../actors/index.ts";
import type { NodeDocument, Platform, ScenarioDocument, VmDocument } from "./document.ts";
import { DOCUMENT_SCHEMA, NODES_MAX, NODES_SCHEMA } from "./document-schema.ts";
import { APP_LABEL, compileExpectations, usualExpectations } from "./compile-expectations.ts";
import { compileFaults } from "./compile-faults.ts";
import { shareOf } from "./duration.ts";
import { ProblemList } from "./problem-list.ts";
import type { PlannedNode, PlannedVm, ScenarioPlan } from "./scenario-plan.ts";
import { isRecord, isRole, ZONE_LABEL } from "./whom.ts";

export type Compiled =
  | { readonly ok: true; readonly plan: ScenarioPlan }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Of a VM whose own is wrong: such a plan is refused. */
const UNKNOWN_SPEC = {} as VmSpec;

/** As many as `blixard up` starts. */
const NODES_DEFAULT = 3;
const MEMORY_DEFAULT_MIB = 4096;
const VCPUS_DEFAULT = 8;
const SEEDS_DEFAULT = 20;
const DELAY_DEFAULT_MS = 0.35;

/** `value`: the document as it was read. `platform`: what stands in for the VMs of the file, and for its nodes where it names any. */
export function compileScenario(value: unknown, platform: Platform | null): Compiled {
  const list = new ProblemList();
  list.problems.push(...checkSchema(DOCUMENT_SCHEMA, value));
  if (!isRecord(value) || !isRecord(value["spec"])) return { ok: false, problems: list.problems };
  const document = value as unknown as ScenarioDocument;
  const { spec } = document;
  const nodes = nodesOf(document, platform, list);
  const vms = vmsOf(document, platform, list);
  // Names that are known can be looked up; what is wrong with the rest of a node or VM is told already.
  const isBased = nodes.length > 0 && !list.isWrong("/spec/duration") && !isShapeless(list, spec);
  const spanMs = isBased ? list.lengthOf("/spec/duration", spec.duration) : 0;
  if (isBased && spanMs <= 0) list.expect("/spec/duration", "a duration longer than 0s", spec.duration);
  const areFaultsListed = isBased && (spec.faults === undefined || Array.isArray(spec.faults));
  const around = { nodes, vms: vms.map(({ name }) => name), problems: list };
  const faults = areFaultsListed ? compileFaults(spec.faults ?? [], spanMs, around) : [];
  // With a fault that is not known, whatever names it would be wrong as well.
  const areAllFaultsRight = areFaultsListed && !list.isWrong("/spec/faults");
  const named = { vms, faults, spanMs, problems: list };
  const expectations =
    spec.expect === undefined
      ? usualExpectations(named)
      : areAllFaultsRight && Array.isArray(spec.expect)
        ? compileExpectations(spec.expect, named)
        : [];
  const clients = (list.isWrong("/spec/workload") ? null : spec.workload?.clients) ?? {};
  const network = (list.isWrong("/spec/cluster") ? null : spec.cluster?.network) ?? {};
  const everyMs = list.lengthOf("/spec/workload/clients/every", clients.every ?? "500ms");
  const delayMs =
    network.delay === undefined ? DELAY_DEFAULT_MS : list.lengthOf("/spec/cluster/network/delay", network.delay);
  if (list.problems.length > 0) return { ok: false, problems: list.problems };
  return {
    ok: true,
    plan: {
      name: document.metadata.name,
      durationMs: spanMs,
      seeds: spec.seeds ?? SEEDS_DEFAULT,
      ...{ nodes, vms, faults, expectations },
      network: {
        delayMs,
        loss: network.loss === undefined ? 0 : shareOf(network.loss),
      },
      clients: {
        count: clients.count ?? 3,
        everyMs,
        reads: shareOf(clients.reads ?? "20%"),
      },
      random:
        spec.random === undefined
          ? null
          : { profile: spec.random.profile ?? "mixed", everyFault: spec.random.everyFault ?? false },
    },
  };
}

/** Where the form of the workload is wrong, nobody knows which VMs there are. */
function isShapeless(problems: ProblemList, { workload }: ScenarioDocument["spec"]): boolean {
  const { vms } = isRecord(workload) ? workload : {};
  return (
    (vms !== undefined && !Array.isArray(vms)) ||
    problems.problems.some(({ field }) => /^\/spec\/workload(\/vms(\/\d+(\/(name|replicas|labels))?)?)?$/u.test(field))
  );
}

function nodesOf(
  { spec: { cluster, workload } }: ScenarioDocument,
  platform: Platform | null,
  problems: ProblemList,
): readonly PlannedNode[] {
  const field = "/spec/cluster/nodes";
  if (problems.isWrong("/spec/cluster")) return [];
  const given = cluster?.nodes;
  if (platform !== null && platform.nodes.length > 0) {
    if (platform.nodes.length <= NODES_MAX) return platform.nodes.map(plannedNode);
    problems.refuse(field, `${platform.name} has ${platform.nodes.length} nodes; at most ${NODES_MAX} are simulated`);
    return [];
  }
  if (given === "fromPlatform") {
    const source = platform?.name ?? workload?.platform;
    const why = source === undefined ? "there is no platform" : `${source} names no nodes`;
    const help = 'list them here, or add what "blixard get nodes -o yaml" prints to the platform';
    problems.refuse(field, `${why}; ${help}`);
    return [];
  }
  if (given === undefined || typeof given === "number") return countedNodes(given ?? NODES_DEFAULT, field, problems);
  if (!Array.isArray(given)) {
    problems.expect(field, `a count from 1 to ${NODES_MAX}, a list of nodes, or "fromPlatform"`, given);
    return [];
  }
  const wrong = checkSchema(NODES_SCHEMA, given);
  problems.problems.push(...wrong.map((problem) => under(field, problem)));
  if (given.length === 0) problems.expect(field, "at least one node", given);
  if (wrong.some((problem) => !/^\/\d+\/(zone|labels|memoryMiB|vcpus)/u.test(problem.field))) return [];
  const nodes = (given as readonly NodeDocument[]).map(plannedNode);
  for (const [index, { name }] of nodes.entries()) {
    const at = `${field}/${index}/name`;
    if (isRole(name)) problems.refuse(at, `"${name}" is no name for a node: faults mean something else by it`);
    if (nodes.findIndex((node) => node.name === name) < index) problems.refuse(at, `there is a node "${name}" already`);
  }
  return nodes;
}

function countedNodes(count: number, field: string, problems: ProblemList): readonly PlannedNode[] {
  if (Number.isInteger(count) && count >= 1 && count <= NODES_MAX) {
    return Array.from({ length: count }, (_, index) => plannedNode({ name: `n${index + 1}` }));
  }
  problems.expect(field, `a count from 1 to ${NODES_MAX}`, count);
  return [];
}

function plannedNode({ name, zone, labels = {}, memoryMiB, vcpus }: NodeDocument): PlannedNode {
  return {
    name,
    labels: zone === undefined ? labels : { ...labels, [ZONE_LABEL]: zone },
    memoryMiB: memoryMiB ?? MEMORY_DEFAULT_MIB,
    vcpus: vcpus ?? VCPUS_DEFAULT,
  };
}

/** Those of the platform, where there is one; else those of the file. */
function vmsOf(
  { spec: { workload } }: ScenarioDocument,
  platform: Platform | null,
  problems: ProblemList,
): readonly PlannedVm[] {
  if (platform !== null) {
    return platform.vms.map(({ metadata, spec }) => ({ name: metadata.name, labels: metadata.labels ?? {}, spec }));
  }
  if (!isRecord(workload) || !Array.isArray(workload.vms) || isShapeless(problems, { workload, duration: "" }))
    return [];
  const vms: PlannedVm[] = [];
  for (const [index, document] of workload.vms.entries()) {
    const at = `/spec/workload/vms/${index}`;
    const own = plannedVms(document, at, problems);
    const twice = own.find(({ name }) => vms.some((vm) => vm.name === name));
    if (twice !== undefined) problems.refuse(`${at}/name`, `there is a VM "${twice.name}" already`);
    vms.push(...own);
  }
  return vms;
}

/** One VM, or with `replicas` so many of one application: `web-1`, `web-2`. */
function plannedVms(
  { name, replicas, labels = {}, spec = {} }: VmDocument,
  at: string,
  problems: ProblemList,
): readonly PlannedVm[] {
  const own = replicas === undefined ? labels : { [APP_LABEL]: name, ...labels };
  const parsed = parseVmManifest({ apiVersion: API_VERSION, kind: "Vm", metadata: { name, labels: own }, spec });
  if (!parsed.ok) problems.problems.push(...parsed.problems.map((problem) => under(at, problem)));
  const names =
    replicas === undefined ? [name] : Array.from({ length: replicas }, (_, index) => `${name}-${index + 1}`);
  return names.map((each) => ({ name: each, labels: own, spec: parsed.ok ? parsed.manifest.spec : UNKNOWN_SPEC }));
}

/** A problem of a part, as one of the whole. */
function under(parent: string, problem: FieldProblem): FieldProblem {
  const inner = fieldName(problem.field);
  const whole = fieldName(parent);
  const { message } = problem;
  const isNamed = inner !== "" && message.startsWith(inner);
  const renamed = isNamed ? whole + (inner.startsWith("[") ? "" : ".") + message : message;
  return { ...problem, field: `${parent}${problem.field}`, message: isNamed ? renamed : inWhole(message, whole) };
}

/** "unknown field "x" in spec; …" names the part that it is in. */
function inWhole(message: string, whole: string): string {
  return message.replace(
    /^(unknown field "[^"]*")( in ([^;]+))?;/u,
    (_, start: string, __, part: string | undefined) => {
      const where = part === undefined ? whole : `${whole}${part.startsWith("[") ? "" : "."}${part}`;
      return `${start} in ${where};`;
    },
  );
}
