/**
 * Migration rules: why a VM cannot move, running, to a node. What `--dry-run` shows is what applying `migrate-vm` decides.
 */
import type { Instance, Node, Vm } from "../resources/index.ts";
import { whyNot } from "./fit-rules.ts";
import { isWanted } from "./placement-commands.ts";
import type { Refusal } from "./refusal.ts";
import type { Room } from "./rooms.ts";

/** The sides of a migration; what the map knows of them. */
export interface MigrationSides {
  readonly vm: Vm;
  /** Of the VM's instance. */
  readonly source: Node | undefined;
  readonly target: Room | undefined;
}

type Objection = Pick<Refusal, "code"> & { readonly why: string };

/** Why not: half a sentence behind "Cannot migrate VM "web" to node "n2": ". Null when it can. */
export function whyNotMigrate({ vm, source, target }: MigrationSides): Objection | null {
  const { instance } = vm.status;
  const still = whyNotMoving(vm, instance);
  if (still !== null) return { code: "conflict", why: still };
  if (source === undefined || instance === null) return { code: "conflict", why: "its node is not known" };
  if (target === undefined) return { code: "not-found", why: "there is no such node" };
  const { node } = target;
  if (node.metadata.name === source.metadata.name) return { code: "conflict", why: "it runs there already" };
  const other = whyNotAlike(source, node);
  if (other !== null) return { code: "invalid", why: other };
  const port = sharedPort(instance, source, node);
  if (port !== undefined) {
    return { code: "conflict", why: `both nodes publish on ${node.spec.address}, where it holds port ${port} itself` };
  }
  const disk = localDisk(vm.spec);
  if (disk !== undefined) {
    const why = `its disk "${disk}" is on its node alone: only disks of rbd, which both nodes reach, move`;
    return { code: "invalid", why };
  }
  const objection = whyNot(vm.spec, target);
  return objection === null ? null : { code: "conflict", why: `the node ${objection}` };
}

function whyNotMoving(vm: Vm, instance: Instance | null): string | null {
  const { status, metadata } = vm;
  if (metadata.deletedAtMs !== undefined) return "it is being deleted";
  if (status.migration !== undefined) return `it is on its way to node "${status.migration.node}" already`;
  if (instance === null) return `it is ${status.phase} and runs nowhere`;
  if (instance.checkpointing !== undefined) return `checkpoint "${instance.checkpointing}" of it is being made`;
  if (instance.paused === true) return "it is paused; resume it first";
  if (instance.stopping || !isWanted(vm, instance)) return "its instance is about to be stopped";
  if (status.phase !== "Running") return `it is ${status.phase}, and only one that runs can move`;
  return null;
}

/** What the two hosts must have alike, and be able to do. */
function whyNotAlike(source: Node, target: Node): string | null {
  for (const { metadata, spec } of [source, target]) {
    const { hypervisor } = spec;
    if (hypervisor === undefined) {
      return `node "${metadata.name}" does not say what its hypervisor can do; upgrade it`;
    }
    const lack = hypervisor.lacks["migrate"];
    if (lack !== undefined) return `the driver "${spec.driver}" of node "${metadata.name}" cannot migrate (${lack})`;
  }
  if (source.spec.driver !== target.spec.driver) {
    return `it runs by the driver "${source.spec.driver}", and that node has "${target.spec.driver}"`;
  }
  for (const what of ["version", "machine", "cpu"] as const) {
    const [from, to] = [source.spec.hypervisor?.[what], target.spec.hypervisor?.[what]];
    if (from !== to) return `its hypervisor is of ${what} "${from}", and that node's of "${to}"`;
  }
  return null;
}

function sharedPort({ claim }: Instance, source: Node, target: Node): number | undefined {
  return source.spec.address === target.spec.address ? claim.hostPorts[0] : undefined;
}

/** The first disk that other nodes have not; what is only read may be another file there. */
function localDisk({ disks = [] }: Vm["spec"]): string | undefined {
  return disks.find(({ source }) => source?.startsWith("rbd:") !== true)?.name;
}
