/** Second stage: which nodes a VM may go to, and for each of the others why not. */
import { whyNotFromOn } from "../cluster/checkpoint-rules.ts";
import { whyNot } from "../cluster/fit-rules.ts";
import type { Room } from "../cluster/rooms.ts";
import type { Checkpoint, Vm } from "../resources/index.ts";

export interface Feasibility {
  readonly feasible: readonly Room[];
  readonly objections: readonly Objection[];
}

export interface Objection {
  readonly node: string;
  /** Half a sentence about the node: "has 256 MiB free, wants 512 MiB". */
  readonly why: string;
}

/** `checkpoint`: the one that its spec names. */
export function checkFeasible(vm: Vm, rooms: readonly Room[], checkpoint?: Checkpoint): Feasibility {
  const feasible: Room[] = [];
  const objections: Objection[] = [];
  for (const room of rooms) {
    const why = lacks(vm, room) ?? whyNotFromOn(vm.spec, checkpoint, room.node) ?? whyNot(vm.spec, room);
    if (why === null) feasible.push(room);
    else objections.push({ node: room.node.metadata.name, why });
  }
  return { feasible, objections };
}

/**
 * What a node's driver cannot give a VM: half a sentence about the node. Not among the rules that the map verifies with: members of different versions
 * would disagree about one that is new. A driver that is given what it cannot run refuses it by name.
 */
export function lacks(vm: Vm, room: Room): string | null {
  return lacksDriver(vm, room) ?? lacksBalloon(vm, room) ?? lacksCheck(vm, room) ?? lacksNetworks(vm, room);
}

function lacksDriver({ spec }: Vm, { node }: Room): string | null {
  const { driver } = node.spec;
  const wanted = spec.microvm === undefined ? driverOfDisks(spec) : "microvm-nix";
  return wanted === undefined || driver === wanted ? null : `runs VMs by the driver ${driver}, wants ${wanted}`;
}

/** Of what only one driver gives a guest. */
function driverOfDisks({ disks, cloudInit }: Vm["spec"]): string | undefined {
  return disks === undefined && cloudInit === undefined ? undefined : "qemu";
}

function lacksBalloon({ spec }: Vm, { node }: Room): string | null {
  const why = spec.balloon === true ? whyWithout(node, "balloon") : undefined;
  return why === undefined ? null : `has no balloons by the driver ${node.spec.driver} (${why}), wants one`;
}

function lacksCheck({ spec }: Vm, { node }: Room): string | null {
  const why = spec.health?.type === "exec" ? whyWithout(node, "exec") : undefined;
  return why === undefined
    ? null
    : `cannot run commands in guests by the driver ${node.spec.driver} (${why}), wants a health check by exec`;
}

function lacksNetworks({ spec: { networks } }: Vm, { node }: Room): string | null {
  const why = networks === undefined ? undefined : whyWithout(node, "networks");
  return why === undefined ? null : `gives guests no cards by the driver ${node.spec.driver} (${why}), wants some`;
}

/** Of a driver that moves no guests, and so tells nothing of itself. */
const PROCESS_LACKS = {
  balloon: "a process has the host's memory",
  exec: "a process is no guest",
  networks: "a process has the host's network",
} as const;

/** Why a node's driver cannot do that, as it says itself; undefined where it can, as far as anybody knows. */
function whyWithout(
  { spec: { driver, hypervisor } }: Room["node"],
  what: keyof typeof PROCESS_LACKS,
): string | undefined {
  return hypervisor?.lacks[what] ?? (driver === "process" ? PROCESS_LACKS[what] : undefined);
}

/**
 * Nodes that an explanation names one by one; past it only their number: a message goes into the log. Twice the hundred
 * nodes that a cluster is made for, some 12 kB.
 */
export const EXPLAINED_NODES_MAX = 200;

/** Says why no node fits, naming every one. */
export function explain(vm: Vm, objections: readonly Objection[]): string {
  const start = `No node fits VM "${vm.metadata.name}"`;
  if (objections.length === 0) return `${start}: no node has joined the cluster`;
  const named = objections.slice(0, EXPLAINED_NODES_MAX).map(({ node, why }) => `${node} ${why}`);
  const rest = objections.length - named.length;
  return `${start}: ${named.join("; ")}${rest === 0 ? "" : `; and ${rest} more nodes`}`;
}
