/**
 * Checkpoint rules: why none can be made of a VM, why a VM cannot be started from one, and why not on a node. Applying decides by them, and so do
 * the scheduler and whoever asks beforehand.
 */
import type { Checkpoint, InstanceOrigin, Node, Vm, VmSpec } from "../resources/index.ts";
import { isWanted } from "./is-wanted.ts";
import type { Refusal } from "./refusal.ts";

type Objection = Pick<Refusal, "code"> & { readonly why: string };

/** From which on checkpoints keep disks: before, members would refuse what others take on. */
const LEVEL_OF_KEPT_DISKS = 5;

/** Half a sentence behind "Cannot make checkpoint "c1" of VM "web": ". `node`: of the VM's instance; `level`: the cluster's. Null when it can. */
export function whyNotCheckpoint(vm: Vm, node: Node | undefined, level: number): Objection | null {
  const still = whyNotNow(vm);
  if (still !== null) return { code: "conflict", why: still };
  const disk = whyNotKept(vm.spec, level);
  if (disk !== null) return { code: "invalid", why: disk };
  const name = vm.status.instance?.node;
  const hypervisor = node?.spec.hypervisor;
  if (hypervisor === undefined) {
    return { code: "invalid", why: `node "${name}" does not say what its hypervisor can do; upgrade it` };
  }
  const lack = hypervisor.lacks["checkpoint"];
  if (lack === undefined) return null;
  return { code: "invalid", why: `the driver "${node?.spec.driver}" of node "${name}" cannot make any (${lack})` };
}

function whyNotKept({ disks = [] }: VmSpec, level: number): string | null {
  const far = disks.find(({ source }) => source?.startsWith("rbd:"));
  if (far !== undefined) return `its disk "${far.name}" is of RBD, and a checkpoint keeps disks of its node alone`;
  if (disks.length === 0 || level >= LEVEL_OF_KEPT_DISKS) return null;
  return `it has disks, which checkpoints keep from level ${LEVEL_OF_KEPT_DISKS} on, and the cluster is at ${level}; upgrade the nodes that run an older version`;
}

function whyNotNow({ metadata, spec, status }: Vm): string | null {
  const { instance, migration, phase } = status;
  if (metadata.deletedAtMs !== undefined) return "it is being deleted";
  if (instance === null) return `it is ${phase} and runs nowhere`;
  if (migration !== undefined) return `it is on its way to node "${migration.node}"; cancel that, or wait`;
  if (instance.checkpointing !== undefined) return `checkpoint "${instance.checkpointing}" of it is being made; wait`;
  if (instance.stopping || !isWanted({ metadata, spec, status } as Vm, instance)) {
    return "its instance is about to be stopped";
  }
  if (phase !== "Running" && phase !== "Paused") return `it is ${phase}, and only one that runs has a memory to keep`;
  return null;
}

/**
 * Half a sentence behind "Cannot apply VM "web": ". `checkpoint`: the one that the spec names; `level`: the cluster's. Null when it can, or boots.
 */
export function whyNotStartFrom(spec: VmSpec, checkpoint: Checkpoint | undefined, level: number): Objection | null {
  if (spec.checkpoint === undefined) return null;
  const named = `checkpoint "${spec.checkpoint}"`;
  if (checkpoint === undefined) return { code: "invalid", why: `there is no ${named}` };
  const { phase, message } = checkpoint.status;
  if (phase !== "Ready" && phase !== "Making") {
    return { code: "conflict", why: `${named} is ${phase}${message === "" ? "" : `: ${message}`}` };
  }
  const { guest } = checkpoint.spec;
  for (const field of ["vcpus", "memoryMiB", "image"] as const) {
    if (spec[field] === guest[field]) continue;
    const why = `spec.${field} is ${spec[field]}, and ${named} is of a guest with ${guest[field]}`;
    return { code: "invalid", why };
  }
  const cards = { own: cardsOf(spec), kept: cardsOf(guest) };
  if (cards.own !== cards.kept) {
    const why = `spec.networks has ${cards.own}, and ${named} is of a guest with ${cards.kept}`;
    return { code: "invalid", why };
  }
  const disks = { own: disksOf(spec), kept: disksOf(guest) };
  if (disks.own !== disks.kept && level >= LEVEL_OF_KEPT_DISKS) {
    const why = `spec.disks has ${disks.own}, and ${named} is of a guest with ${disks.kept}`;
    return { code: "invalid", why };
  }
  return spec.microvm === undefined
    ? null
    : { code: "invalid", why: "a guest with spec.microvm boots, it is started from no checkpoint" };
}

/** A saved guest goes on with the cards that it has, by their names; bridges and addresses may be others. */
function cardsOf({ networks }: VmSpec): string {
  if (networks === undefined) return "no word of its cards";
  if (networks.length === 0) return "no cards";
  return networks.map(({ name, kind }) => `${name} (${kind})`).join(", ");
}

/** It finds the disks that it has, in their order, each as large as it was. */
function disksOf({ disks = [] }: VmSpec): string {
  if (disks.length === 0) return "no disks";
  return disks
    .map(({ name, source, sizeMiB, readOnly }) => {
      const what = [sizeMiB === undefined ? [] : `${sizeMiB} MiB`, source ?? [], readOnly ? "read only" : []].flat();
      return `${name} (${what.join(", ")})`;
    })
    .join(", ");
}

/** Half a sentence about the node, as fit rules say it: "has no checkpoint "c1", which is on node "n2"". Null when it fits, or boots. */
export function whyNotFromOn(spec: VmSpec, checkpoint: Checkpoint | undefined, node: Node): string | null {
  if (spec.checkpoint === undefined) return null;
  const named = `checkpoint "${spec.checkpoint}"`;
  if (checkpoint === undefined) return `has no ${named}, which is gone`;
  const { status } = checkpoint;
  if (status.node !== node.metadata.name) return `has no ${named}, which is on node "${status.node}"`;
  if (status.phase !== "Ready" || status.manifest === null) {
    return `has ${named} as ${status.phase}${status.message === "" ? "" : `: ${status.message}`}`;
  }
  const { driver, hypervisor } = node.spec;
  const { manifest } = status;
  if (driver !== manifest.driver) return `has driver ${driver}, wants ${manifest.driver} for ${named}`;
  for (const what of ["version", "cpu"] as const) {
    if (hypervisor?.[what] === manifest[what]) continue;
    return `has a hypervisor of ${what} "${hypervisor?.[what]}", wants "${manifest[what]}" for ${named}`;
  }
  return null;
}

/** What an instance of the VM is started from; undefined when it boots. */
export function originOf(vm: Vm, checkpoint: Checkpoint | undefined): InstanceOrigin | undefined {
  if (vm.spec.checkpoint === undefined || checkpoint === undefined) return undefined;
  const { id, node } = checkpoint.status;
  const identity = checkpoint.spec.vmUid === vm.metadata.uid ? "same" : "fresh";
  return { checkpoint: checkpoint.metadata.name, id, node, identity };
}
