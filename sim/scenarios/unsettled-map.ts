/**
 * Why a map is not at rest, some time after all faults have ended, or a core was healed: what its users have asked for, the hosts do not show, or the
 * other way about.
 */
import type { Checkpoint, ClusterView, Instance, Vm } from "../../actors/index.ts";
import { isHeldBack } from "../checkers/dependency-checker.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { HOST_TROUBLES } from "../outside/host-trouble.ts";

const RBD = "rbd:";

/** From it on a node says that a VM does not start there, and the scheduler tries others. */
const LEVEL_OF_GIVE_BACK = 2;

export interface MapAtEnd {
  /** Of the leader. */
  readonly view: ClusterView;
  /** Nodes that a leader owes something. */
  readonly served: readonly SimNode[];
  readonly nodes: readonly SimNode[];
  /** Whether a VM may be without its disk: what its storage lacks will not come back. Default: no. */
  readonly maySpareDisks?: boolean;
}

/** Null: it is at rest. */
export function unsettledMap(end: MapAtEnd): string | null {
  return unsettledNodes(end) ?? unsettledVms(end) ?? unsettledCheckpoints(end) ?? strayGuest(end);
}

function unsettledNodes({ view, served }: MapAtEnd): string | null {
  for (const { name } of served) {
    const node = view.get("Node", name);
    if (node?.kind !== "Node") return `node "${name}" has not registered`;
    if (node.status.phase !== "Ready") return `node "${name}" is not ready`;
  }
  return null;
}

function unsettledVms(end: MapAtEnd): string | null {
  const { view } = end;
  for (const vm of view.list("Vm")) {
    if (vm.kind !== "Vm" || mayComeBack(vm, end) || isBoundToTrouble(vm, end) || isWithoutDisk(vm, end)) continue;
    const wrong = vm.status.phase === "Pending" && isHeldBack(vm, view) ? null : unsettledVm(vm, end);
    if (wrong !== null) return `VM "${vm.metadata.name}" ${wrong}`;
  }
  return null;
}

/**
 * Whether it may be given to a host that refuses to start it, again and again: below the level of `give-back`, which a cluster stays at as long as
 * one of its members was never heard (decision 0023).
 */
function mayComeBack({ status: { instance } }: Vm, { view, nodes }: MapAtEnd): boolean {
  // Software of before levels says nothing of them.
  if (((view.level as number | undefined) ?? 1) >= LEVEL_OF_GIVE_BACK || instance === null) return false;
  return nodes.find(({ name }) => name === instance.node)?.host.troubles.isOn("refused") === true;
}

/**
 * Whether it is started from a checkpoint that cannot be used any more, or of a guest that hung then and so does again, or whose host is gone or has its
 * troubles: it can run nowhere else.
 */
function isBoundToTrouble({ metadata, spec, status }: Vm, { view, served }: MapAtEnd): boolean {
  if (spec.checkpoint === undefined || metadata.deletedAtMs !== undefined) return false;
  const from = view.get("Checkpoint", spec.checkpoint) as Checkpoint | undefined;
  if (from?.status.phase !== "Ready") return status.phase === "Pending";
  const holder = served.find(({ name }) => name === from.status.node);
  if (holder === undefined || HOST_TROUBLES.some((trouble) => holder.host.troubles.isOn(trouble))) return true;
  const kept = holder.host.checkpoints.get(from.status.id);
  return kept?.hung === true || (view.get("Node", holder.name)?.kind === "Node" && kept === undefined);
}

/** Whether a node that is served cannot write to its image: more OSDs are gone with what is not healed than the image can do without. */
function isWithoutDisk({ metadata, spec: { disks = [] } }: Vm, { served, maySpareDisks }: MapAtEnd): boolean {
  if (maySpareDisks !== true || metadata.deletedAtMs !== undefined) return false;
  return disks.some(({ source }) => {
    const image = source?.startsWith(RBD) === true ? source.slice(RBD.length) : null;
    return image !== null && served.some(({ host }) => host.disks?.isCutOff(image, host.index) === true);
  });
}

/** What is being made or removed where somebody serves. */
function unsettledCheckpoints({ view, served }: MapAtEnd): string | null {
  const names = new Set(served.map(({ name }) => name));
  const all = (view.list("Checkpoint") as readonly Checkpoint[] | undefined) ?? [];
  const { metadata, status } =
    all.find(({ status: { phase, node } }) => names.has(node) && (phase === "Making" || phase === "Deleting")) ?? {};
  return metadata === undefined ? null : `checkpoint "${metadata.name}" is still ${status?.phase}`;
}

function unsettledVm({ metadata, spec, status }: Vm, end: MapAtEnd): string | null {
  if (metadata.deletedAtMs !== undefined) return "is still being deleted";
  const { phase, instance, health, message } = status;
  if (!spec.running) return instance === null ? null : "still has an instance, and should not run";
  if (phase === "Completed") return null;
  if (status.migration !== undefined) return `is still on its way to ${status.migration.node}`;
  if (instance?.paused === true) return unpaused(phase, stanceOf(instance, end));
  if (phase !== "Running" || instance === null) return `is ${phase}, and should run: ${message}`;
  if (spec.health !== undefined && health !== "healthy") return `is ${health}, and should be healthy`;
  if (instance.generation !== metadata.generation) return "runs with an old spec";
  return stanceOf(instance, end) === "runs" ? null : `is said to run on ${instance.node}, and does not`;
}

/** It was told to stand still, or nobody has let it go on where it came to. */
function unpaused(phase: string, stance: string | undefined): string | null {
  return phase === "Paused" && (stance === "still" || stance === "came")
    ? null
    : `is ${phase} and should be paused; its guest: ${stance}`;
}

function stanceOf({ id, node }: Instance, { nodes }: MapAtEnd): string | undefined {
  return nodes.find(({ name }) => name === node)?.host.guests.get(id)?.stance;
}

/** A guest that no VM of the map owns. */
function strayGuest({ view, nodes }: MapAtEnd): string | null {
  for (const { host, name } of nodes) {
    for (const { launch } of host.guests.values()) {
      const vm = view.get("Vm", launch.vm);
      if (vm?.kind === "Vm" && vm.status.instance?.id === launch.instance) continue;
      return `guest ${launch.instance} runs on ${name}, and belongs to nobody`;
    }
  }
  return null;
}
