/** Who a fault strikes: read from a file, and found when it strikes. */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { ROLES, type Group, type PlannedNode, type Role, type Whom } from "./scenario-plan.ts";
import type { ProblemList } from "./problem-list.ts";

export const ZONE_LABEL = "zone";

/** What names in a file can mean. */
export interface Surroundings {
  readonly nodes: readonly PlannedNode[];
  /** Names. */
  readonly vms: readonly string[];
  readonly problems: ProblemList;
}

const FORMS = `a node's name, ${ROLES.join(", ")}, { zone: … }, { labels: … }, { vm: … }, or a list of those`;

/** Empty where something is wrong, which `problems` then has. */
export function readGroup(value: unknown, at: string, around: Surroundings): Group {
  if (!Array.isArray(value)) return readWhom(value, at, around);
  if (value.length === 0) around.problems.expect(at, FORMS, value);
  return value.flatMap((one: unknown, index) => readWhom(one, `${at}/${index}`, around));
}

function readWhom(value: unknown, at: string, around: Surroundings): Group {
  const { nodes, vms, problems } = around;
  if (typeof value === "string") {
    const index = nodes.findIndex(({ name }) => name === value);
    if (index >= 0) return [{ type: "nodes", nodes: [index] }];
    if (isRole(value)) return [{ type: "role", role: value }];
    problems.expectOneOf(at, "a node", [...nodes.map(({ name }) => name), ...ROLES], value);
    return [];
  }
  const [entry, ...rest] = isRecord(value) ? Object.entries(value) : [];
  if (entry === undefined || rest.length > 0) {
    problems.expect(at, FORMS, value);
    return [];
  }
  const [key, operand] = entry;
  const field = `${at}/${key}`;
  switch (key) {
    case "zone":
      return readZone(operand, field, around);
    case "vm":
      if (typeof operand === "string" && vms.includes(operand)) return [{ type: "host-of", vm: operand }];
      problems.expectOneOf(field, "a VM", vms, String(operand));
      return [];
    case "labels":
      return readLabels(operand, field, around);
    default:
      problems.expectOneOf(field, "one of", ["zone", "labels", "vm"], key);
      return [];
  }
}

export function readZone(value: unknown, at: string, { nodes, problems }: Surroundings): Group {
  const zones = zonesOf(nodes);
  const zone = typeof value === "string" || typeof value === "number" ? String(value) : "";
  if (zones.size === 0) problems.refuse(at, `no node has a zone; give nodes a "zone", or the label "${ZONE_LABEL}"`);
  else if (!zones.has(zone)) problems.expectOneOf(at, "a zone that has nodes", [...zones.keys()], zone);
  return [{ type: "nodes", nodes: zones.get(zone) ?? [] }];
}

function readLabels(value: unknown, at: string, { nodes, problems }: Surroundings): Group {
  if (!isRecord(value) || Object.keys(value).length === 0) {
    problems.expect(at, "labels that a node carries", value);
    return [];
  }
  const wanted = Object.entries(value).map(([key, word]) => [key, String(word)] as const);
  const found = nodes.flatMap(({ labels }, index) =>
    wanted.every(([key, word]) => labels[key] === word) ? [index] : [],
  );
  const words = wanted.map((pair) => pair.join("=")).join(", ");
  if (found.length === 0) problems.refuse(at, `no node carries ${words}`);
  return [{ type: "nodes", nodes: found }];
}

/** Nodes by zone, in the order of the nodes. */
export function zonesOf(nodes: readonly PlannedNode[]): ReadonlyMap<string, readonly number[]> {
  const zones = new Map<string, number[]>();
  for (const [index, { labels }] of nodes.entries()) {
    const zone = labels[ZONE_LABEL];
    if (zone !== undefined) zones.set(zone, [...(zones.get(zone) ?? []), index]);
  }
  return zones;
}

/** The nodes that a group names whatever happens; null where that is decided when it is struck. */
export function fixedNodes(group: Group, nodes: number): ReadonlySet<number> | null {
  const fixed = group.flatMap((whom) => {
    if (whom.type === "nodes") return whom.nodes;
    return whom.type === "role" && whom.role === "all" ? everyNode(nodes) : [-1];
  });
  return fixed.includes(-1) ? null : new Set(fixed);
}

/** Whom a group names now, by index; null while that is nobody, because nobody leads or a VM runs nowhere. */
export function findGroup(
  group: Group,
  { cluster, random, hostOf }: { cluster: Cluster; random: Random; hostOf: (vm: string) => number | undefined },
): readonly number[] | null {
  const count = cluster.nodes.length;
  const found = group.map((whom: Whom): readonly number[] | null => {
    if (whom.type === "nodes") return whom.nodes;
    if (whom.type === "role") return findRole(whom.role, cluster, random);
    const host = hostOf(whom.vm);
    return host === undefined ? null : [host];
  });
  if (found.includes(null)) return null;
  const nodes = new Set(found.flatMap((some) => some ?? []));
  return everyNode(count).filter((node) => nodes.has(node));
}

function findRole(role: Role, cluster: Cluster, random: Random): readonly number[] | null {
  const all = everyNode(cluster.nodes.length);
  const leader = cluster.raft.leader();
  switch (role) {
    case "leader":
      return leader === undefined ? null : [leader];
    case "followers":
      return leader === undefined ? null : all.filter((node) => node !== leader);
    case "majority":
      return draw(all, Math.floor(all.length / 2) + 1, random);
    case "minority":
      return draw(all, Math.max(1, Math.ceil(all.length / 2) - 1), random);
    case "any":
      return draw(all, 1, random);
    case "all":
      return all;
    default:
      return role satisfies never;
  }
}

function draw(from: readonly number[], count: number, random: Random): readonly number[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(random.integer(left.length), 1)[0] ?? 0);
}

function everyNode(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

export function isRole(word: string): word is Role {
  return ROLES.some((role) => role === word);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
