/**
 * Reads the platform that a scenario is about: the manifests that its user applies, and the nodes as `blixard get nodes -o yaml` prints them.
 *
 *     file or folder ─▶ documents ─┬─ Vm ──────────────▶ manifest/parse-manifests.ts, as `apply` reads them
 *                                  ├─ Vm with a status, VmList: as `get` prints them
 *                                  └─ Node, NodeList ──▶ name, labels, memory, vCPUs
 */
import {
  API_VERSION,
  checkSchema,
  fieldName,
  parseVmManifest,
  type FieldProblem,
  type VmManifest,
} from "../../actors/index.ts";
import type { NodeDocument, Platform } from "../../sim/index.ts";
import { usageError } from "../cli-error.ts";
import { readManifestSources, type SourceOptions } from "../manifest/manifest-source.ts";
import { formatMistake, parseManifests, type Mistake } from "../manifest/parse-manifests.ts";
import type { Position } from "../manifest/yaml-position.ts";

const MISTAKES_SHOWN_MAX = 20;

/** Of what is printed of a node, what a simulation needs; the rest may be there. */
const NODE_SCHEMA = {
  type: "object",
  required: ["metadata", "spec"],
  properties: {
    metadata: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
    spec: {
      type: "object",
      required: ["memoryMiB", "vcpus"],
      properties: {
        memoryMiB: { type: "integer", minimum: 1 },
        vcpus: { type: "integer", minimum: 1 },
        labels: { type: "object", patternProperties: { "": { type: "string" } } },
      },
    },
  },
};

interface PrintedNode {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly memoryMiB: number;
    readonly vcpus: number;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** @throws CliError with a line for each mistake. */
export async function readPlatform(path: string, options: SourceOptions): Promise<Platform> {
  const vms: VmManifest[] = [];
  const nodes: NodeDocument[] = [];
  const mistakes: Mistake[] = [];
  for (const source of await readManifestSources(path, { ...options, words: { verb: "simulate", noun: "manifest" } })) {
    const printed = new Printed(source.file);
    const parsed = await parseManifests(source, (value, at) => printed.take(value, at));
    vms.push(...printed.vms, ...(parsed.ok ? parsed.manifests : []));
    nodes.push(...printed.nodes);
    mistakes.push(...printed.mistakes, ...(parsed.ok ? [] : parsed.mistakes));
  }
  const twice = repeated(vms.map(({ metadata }) => metadata.name));
  if (mistakes.length > 0) throw refusal(path, mistakes);
  if (twice !== undefined) throw usageError(`Cannot simulate "${path}": it defines VM "${twice}" twice.`);
  const node = repeated(nodes.map(({ name }) => name));
  if (node !== undefined) throw usageError(`Cannot simulate "${path}": it has node "${node}" twice.`);
  return { name: path, vms, nodes };
}

/** Every mistake a line, as a link for editors and terminals. */
export function refusal(path: string, mistakes: readonly Mistake[]): ReturnType<typeof usageError> {
  const sorted = mistakes.toSorted((one, other) => {
    return one.file === other.file ? one.line - other.line || one.column - other.column : 0;
  });
  const lines = sorted.slice(0, MISTAKES_SHOWN_MAX).map((mistake) => `\n${formatMistake(mistake)}`);
  const hidden = mistakes.length - lines.length;
  const more = hidden > 0 ? `\nand ${hidden} more` : "";
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  return usageError(`Cannot simulate "${path}": ${count}.${lines.join("")}${more}`);
}

/** Gathers what `get` has printed into one file. */
class Printed {
  readonly vms: VmManifest[] = [];
  readonly nodes: NodeDocument[] = [];
  readonly mistakes: Mistake[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** False: it is a manifest, or whatever else, for others to read. */
  take(value: unknown, at: (field: string) => Position): boolean {
    if (!isRecord(value)) return false;
    const { kind, items } = value;
    if (kind === "Node") this.#node(value, "", at);
    else if (kind === "Vm" && value["status"] !== undefined) this.#vm(value, "", at);
    else if ((kind === "NodeList" || kind === "VmList") && Array.isArray(items)) {
      for (const [index, item] of items.entries()) {
        if (kind === "NodeList") this.#node(item, `/items/${index}`, at);
        else this.#vm(item, `/items/${index}`, at);
      }
    } else return false;
    return true;
  }

  #node(value: unknown, field: string, at: (field: string) => Position): void {
    const problems = checkSchema(NODE_SCHEMA, value);
    this.#refuse(problems, field, at);
    if (problems.length > 0) return;
    const { metadata, spec } = value as PrintedNode;
    const { memoryMiB, vcpus, labels = {} } = spec;
    this.nodes.push({ name: metadata.name, memoryMiB, vcpus, labels });
  }

  #vm(value: unknown, field: string, at: (field: string) => Position): void {
    const { metadata, spec } = isRecord(value) ? value : {};
    const { name, labels } = isRecord(metadata) ? metadata : {};
    const parsed = parseVmManifest({ apiVersion: API_VERSION, kind: "Vm", metadata: { name, labels }, spec });
    if (parsed.ok) this.vms.push(parsed.manifest);
    else this.#refuse(parsed.problems, field, at);
  }

  #refuse(problems: readonly FieldProblem[], parent: string, at: (field: string) => Position): void {
    for (const { field, message } of problems) {
      const where = parent === "" ? "" : `${fieldName(parent)}.`;
      this.mistakes.push({ file: this.#file, ...at(`${parent}${field}`), message: where + message });
    }
  }
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
