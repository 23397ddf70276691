/**
 * The format of scenario files as JSON Schema: what `compile.ts` checks a document against before it asks what words mean, and what
 * `blixard sim scenario --schema` prints for editors. Plain JSON Schema, since the types are not its own: they stand in `document.ts`.
 */
import { API_VERSION, NAME_PATTERN } from "../../actors/index.ts";
import type { JsonSchema } from "../../actors/resources/describe-schema.ts";
import { DURATION_PATTERN, SHARE_PATTERN } from "./duration.ts";
import { FAULT_VERBS, type FaultVerb, type Operand, type VerbField } from "./fault-verbs.ts";
import { ROLES } from "./scenario-plan.ts";

/** What checks cannot take from the schema, and editors can. */
interface EditorSchema extends JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly enum?: readonly unknown[];
}

export const NODES_MAX = 25;
const REPLICAS_MAX = 50;
const CLIENTS_MAX = 50;
const SEEDS_MAX = 100_000;

/** Kinds of faults that may be drawn beside those of the file: all but what only an operator of the cluster could make good. */
const RANDOM_PROFILES = ["mixed", "elections", "leases"] as const;

const NAME: JsonSchema = {
  type: "string",
  pattern: NAME_PATTERN,
  description: "1 to 63 lower-case letters, digits and dashes; starts and ends with a letter or digit",
};
const DURATION: JsonSchema = {
  type: "string",
  pattern: DURATION_PATTERN,
  description: "a duration like 500ms, 30s, 2m or 1h30m",
};
const SHARE: JsonSchema = { type: "string", pattern: SHARE_PATTERN, description: "a share like 5%" };
const LABELS: JsonSchema = {
  type: "object",
  patternProperties: { "^[A-Za-z0-9._/-]{1,128}$": { type: "string", maxLength: 256 } },
};
const NAMES: JsonSchema = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };

/** What is read by hand, word for word, so that a mistake is told where it is. */
const ANYTHING: JsonSchema = {};

const WHOM: EditorSchema = {
  anyOf: [
    { type: "string", description: `a node's name, or ${ROLES.join(", ")}` },
    strict({ zone: { type: "string" } }),
    strict({ labels: LABELS }),
    strict({ vm: { type: "string" } }),
  ],
};
const GROUP: JsonSchema = { anyOf: [...(WHOM.anyOf ?? []), { type: "array", items: WHOM }] };

const FOR_EDITORS: Readonly<Record<Operand, JsonSchema>> = {
  nodes: GROUP,
  "all-nodes": GROUP,
  zone: { type: "string", description: "a zone" },
  lines: {
    anyOf: [
      ...(GROUP.anyOf ?? []),
      strict({ from: GROUP, to: GROUP }, ["from", "to"]),
      strict({ between: { type: "array", items: GROUP } }, ["between"]),
    ],
  },
  groups: { type: "array", items: GROUP },
  pair: { type: "array", items: { type: "string" }, maxItems: 2 },
  vm: { type: "string", description: "a VM" },
  share: SHARE,
  delay: DURATION,
  cluster: { const: "all" },
};

/** What the check leaves to the schema. */
const CHECKED: Readonly<Partial<Record<Operand, JsonSchema>>> = { share: SHARE, delay: DURATION };

const RANDOM = strict({
  profile: { anyOf: RANDOM_PROFILES.map((profile) => ({ const: profile })) },
  everyFault: { type: "boolean" },
});

/** Modifiers that stand beside the verb of a fault. */
export const FAULT_MODIFIERS = ["name", "at", "every", "times", "stagger", "for"] as const;

/** Verbs of expectations. */
export const EXPECTATION_VERBS = [
  "healthy",
  "downtime",
  "available",
  "lost",
  "acknowledged",
  "leader",
  "never-two",
] as const;
export type ExpectationVerb = (typeof EXPECTATION_VERBS)[number];

/** Modifiers of expectations, by verb. */
export const EXPECTATION_FIELDS: Readonly<Record<ExpectationVerb, readonly string[]>> = {
  healthy: ["within", "after", "except"],
  downtime: ["max", "except"],
  available: ["min", "gap"],
  lost: ["after"],
  acknowledged: ["within", "except"],
  leader: ["gap", "except"],
  "never-two": [],
};

function faultSchema(isForEditors: boolean): JsonSchema {
  const operandOf = (verb: FaultVerb): JsonSchema =>
    isForEditors ? FOR_EDITORS[verb.operand] : (CHECKED[verb.operand] ?? ANYTHING);
  // Two verbs may have a field of one name and not of one unit; `compile-faults.ts` knows which.
  const fieldOf = ({ name }: VerbField): [string, JsonSchema] => [name, ANYTHING];
  const verbs = [...FAULT_VERBS.values()];
  return strict(
    {
      ...Object.fromEntries(verbs.map((verb) => [verb.verb, operandOf(verb)])),
      name: NAME,
      at: DURATION,
      every: DURATION,
      times: { type: "integer", minimum: 1, maximum: 10_000 },
      stagger: DURATION,
      for: DURATION,
      ...Object.fromEntries(verbs.flatMap(({ fields }) => fields.map(fieldOf))),
    },
    ["at"],
  );
}

const EXPECTATION = strict({
  healthy: NAMES,
  downtime: NAMES,
  available: { type: "string" },
  lost: NAMES,
  acknowledged: { anyOf: [{ const: "writes" }, { const: "reads" }] },
  leader: { const: "always" },
  "never-two": { const: "all" },
  within: DURATION,
  after: { type: "string" },
  except: NAMES,
  max: DURATION,
  min: { type: "integer", minimum: 1, maximum: REPLICAS_MAX },
  gap: DURATION,
});

const NODE = strict(
  {
    name: NAME,
    zone: NAME,
    labels: LABELS,
    memoryMiB: { type: "integer", minimum: 1, maximum: 16_777_216 },
    vcpus: { type: "integer", minimum: 1, maximum: 1024 },
  },
  ["name"],
);

const VM = strict(
  {
    name: NAME,
    replicas: { type: "integer", minimum: 1, maximum: REPLICAS_MAX },
    labels: LABELS,
    /** Checked as that of a manifest. */
    spec: ANYTHING,
  },
  ["name"],
);

function documentSchema(isForEditors: boolean): EditorSchema {
  const nodes: EditorSchema = isForEditors
    ? {
        anyOf: [
          { type: "integer", minimum: 1, maximum: NODES_MAX },
          { type: "array", items: NODE },
          { const: "fromPlatform" },
        ],
      }
    : ANYTHING;
  return strict(
    {
      apiVersion: { const: API_VERSION },
      kind: { const: "Scenario" },
      metadata: strict({ name: NAME }, ["name"]),
      spec: strict(
        {
          description: { type: "string", maxLength: 1000 },
          duration: DURATION,
          seeds: { type: "integer", minimum: 1, maximum: SEEDS_MAX },
          cluster: strict({
            nodes,
            network: strict({ delay: DURATION, loss: SHARE }),
          }),
          workload: strict({
            platform: { type: "string", minLength: 1, maxLength: 4096 },
            vms: { type: "array", items: VM, maxItems: 200 },
            clients: strict({
              count: { type: "integer", minimum: 0, maximum: CLIENTS_MAX },
              every: DURATION,
              reads: SHARE,
            }),
          }),
          faults: { type: "array", items: faultSchema(isForEditors), maxItems: 200 },
          random: RANDOM,
          expect: { type: "array", items: EXPECTATION, maxItems: 100 },
        },
        ["duration"],
      ),
    },
    ["apiVersion", "kind", "metadata", "spec"],
  );
}

/** What documents are checked against; the rest is `compile.ts`'s to say. */
export const DOCUMENT_SCHEMA: JsonSchema = documentSchema(false);

/** A list of nodes, where there is one. */
export const NODES_SCHEMA: JsonSchema = { type: "array", items: NODE, maxItems: NODES_MAX };

/** The whole format, for editors. */
export function editorSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Blixard scenario",
    ...documentSchema(true),
  };
}

function strict(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema {
  return { type: "object", properties, required, additionalProperties: false };
}
