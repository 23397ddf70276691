/**
 * Fit rules: why a VM cannot go to a node. The scheduler filters with them and the replicated map verifies with them, so a
 * plan that was right when it was made is refused only when the map has moved on.
 *
 * A rule says nothing when it is kept, else half a sentence about the node: "has 256 MiB free, wants 512 MiB".
 */
import type { VmSpec } from "../resources/index.ts";
import { claimOf, VCPU_OVERCOMMIT, type Room } from "./rooms.ts";

export interface FitRule {
  readonly name: string;
  /** Null when the VM fits by this rule. */
  objection(spec: VmSpec, room: Room): string | null;
}

/** From what no waiting helps to what a stopped neighbour would; a node is explained by the first that it breaks. */
const FIT_RULES: readonly FitRule[] = [
  {
    name: "ready",
    objection: (_, { node }) => (node.status.phase === "Ready" ? null : "is lost"),
  },
  {
    // Nodes are drained from level 4 on, as this rule is of: all replicas decide alike.
    name: "open",
    objection: (_, { node }) => {
      const { drain } = node.status;
      if (drain === undefined) return null;
      return drain.phase === "draining" ? "is being drained" : "is closed after a drain";
    },
  },
  {
    name: "selector",
    objection: (spec, { node }) => {
      const missing = Object.entries(spec.nodeSelector).find(([key, value]) => node.spec.labels[key] !== value);
      if (missing === undefined) return null;
      const [key, value] = missing;
      const has = node.spec.labels[key];
      return `${has === undefined ? `has no label ${key}` : `has label ${key}=${has}`}, wants ${key}=${value}`;
    },
  },
  {
    // Specs with cards are of level 4, as this rule is: all replicas decide alike.
    name: "bridges",
    objection: ({ networks = [] }, { node: { spec } }) => {
      const offered = spec.bridges ?? [];
      const card = networks.find(({ kind, bridge = "" }) => kind === "tap" && !offered.includes(bridge));
      if (card === undefined) return null;
      const why =
        offered.length > 0 ? `it offers ${offered.join(", ")}` : (spec.hypervisor?.lacks["taps"] ?? "it offers none");
      return `offers no bridge "${card.bridge}" (${why}), wants it for network "${card.name}"`;
    },
  },
  {
    name: "memory",
    objection: (spec, { memoryFreeMiB }) =>
      spec.memoryMiB <= memoryFreeMiB ? null : `has ${memoryFreeMiB} MiB free, wants ${spec.memoryMiB} MiB`,
  },
  {
    name: "vcpus",
    objection: (spec, { vcpusFree }) =>
      spec.vcpus <= vcpusFree ? null : `has ${vcpusFree} vCPUs free at ${VCPU_OVERCOMMIT} a core, wants ${spec.vcpus}`,
  },
  {
    name: "ports",
    objection: (spec, room) => {
      const taken = claimOf(spec).hostPorts.find((port) => room.holderOf(port) !== undefined);
      return taken === undefined ? null : `has port ${taken} taken by VM "${room.holderOf(taken)}"`;
    },
  },
];

/** Why a VM with this spec cannot go to that room; null when it can. */
export function whyNot(spec: VmSpec, room: Room): string | null {
  for (const rule of FIT_RULES) {
    const objection = rule.objection(spec, room);
    if (objection !== null) return objection;
  }
  return null;
}
