/**
 * Migration rules: why a VM cannot move to a node, live or by stop and start. What `--dry-run` shows is what applying `migrate-vm` and `move-vm`
 * decides.
 *
 * Each check is looked at by itself, so that a plan names all that is in the way; a refusal names the first. In that order: what is about the VM, what
 * no waiting helps, what a stopped neighbour would.
 */
import type { Checkpoint, Instance, Node, Vm } from "../resources/index.ts";
import { whyNotFromOn } from "./checkpoint-rules.ts";
import { whyNot } from "./fit-rules.ts";
import { isWanted } from "./is-wanted.ts";
import type { Refusal } from "./refusal.ts";
import type { Room } from "./rooms.ts";

/** `live`: memory and all, while it runs. `cold`: its guest is stopped where it is, and another one is started there. */
export type MoveHow = "live" | "cold";

/** The sides of a migration; what the map knows of them. */
export interface MigrationSides {
  readonly vm: Vm;
  /** Of the VM's instance. */
  readonly source: Node | undefined;
  readonly target: Room | undefined;
  /** The one that the VM's spec names. */
  readonly checkpoint: Checkpoint | undefined;
}

/** One thing that must be so. */
export interface MoveCheck {
  readonly what: "vm" | "nodes" | "capabilities" | "cpu" | "storage" | "network" | "room";
  /** Half a sentence behind "Cannot migrate VM "web" to node "n2": ". Null when it is as it must be. */
  readonly why: string | null;
  /** For people: what was looked at. */
  readonly found: string;
  readonly code: Refusal["code"];
}

type Objection = Pick<Refusal, "code"> & { readonly why: string };

/** Why not. Null when it can. */
export function whyNotMigrate(sides: MigrationSides, how: MoveHow = "live"): Objection | null {
  for (const { code, why } of moveChecks(sides, how)) if (why !== null) return { code, why };
  return null;
}

/** All that must be so. What cannot be looked at, because there is no such node, is left out. */
export function moveChecks({ vm, source, target, checkpoint }: MigrationSides, how: MoveHow): readonly MoveCheck[] {
  const { instance, phase } = vm.status;
  const checks: MoveCheck[] = [];
  const check = (what: MoveCheck["what"], code: MoveCheck["code"], why: string | null, found: string): void => {
    checks.push({ what, code, why, found });
  };
  check("vm", "conflict", whyNotMoving(vm, instance, how), `it is ${phase}`);
  if (source === undefined || instance === null) {
    if (checks[0]?.why === null) check("nodes", "conflict", "its node is not known", "");
    return checks;
  }
  if (target === undefined) {
    check("nodes", "not-found", "there is no such node", "");
    return checks;
  }
  const { node } = target;
  const [from, to] = [source.metadata.name, node.metadata.name];
  check("nodes", "conflict", from === to ? "it runs there already" : null, `from "${from}" to "${to}"`);
  if (how === "live") {
    check("capabilities", "invalid", whyNotAble(source, node), `the driver "${node.spec.driver}" of both can migrate`);
    check("cpu", "invalid", whyNotAlike(source, node), alikeOf(node));
  }
  check("storage", "invalid", whyNotStorage(vm, how) ?? whyNotOrigin(vm, checkpoint, node, how), storageOf(vm));
  check("network", "conflict", whyNotNetwork(instance, source, node), networkOf(instance, node));
  const objection = whyNot(vm.spec, target);
  const { memoryFreeMiB, vcpusFree } = target;
  const { memoryMiB, vcpus } = vm.spec;
  const room = `${memoryFreeMiB} MiB free, wants ${memoryMiB} MiB; ${vcpusFree} vCPUs free, wants ${vcpus}`;
  check("room", "conflict", objection === null ? null : `the node ${objection}`, room);
  return checks;
}

function whyNotMoving(vm: Vm, instance: Instance | null, how: MoveHow): string | null {
  const { status, metadata } = vm;
  if (metadata.deletedAtMs !== undefined) return "it is being deleted";
  if (status.migration !== undefined) return `it is on its way to node "${status.migration.node}" already`;
  if (instance === null) return `it is ${status.phase} and runs nowhere`;
  if (instance.checkpointing !== undefined) return `checkpoint "${instance.checkpointing}" of it is being made`;
  if (instance.paused === true) return "it is paused; resume it first";
  if (instance.stopping || !isWanted(vm, instance)) return "its instance is about to be stopped";
  if (how === "live" && status.phase !== "Running") return `it is ${status.phase}, and only one that runs can move`;
  return null;
}

/** What the two hosts must be able to do. */
function whyNotAble(source: Node, target: Node): string | null {
  for (const { metadata, spec } of [source, target]) {
    const { hypervisor, driver } = spec;
    if (hypervisor === undefined && driver === "process") {
      return `the driver "process" of node "${metadata.name}" cannot migrate (a process is no guest)`;
    }
    if (hypervisor === undefined) {
      return `node "${metadata.name}" does not say what its hypervisor can do; upgrade it`;
    }
    const lack = hypervisor.lacks["migrate"];
    if (lack !== undefined) return `the driver "${spec.driver}" of node "${metadata.name}" cannot migrate (${lack})`;
  }
  if (source.spec.driver === target.spec.driver) return null;
  return `it runs by the driver "${source.spec.driver}", and that node has "${target.spec.driver}"`;
}

const ALIKE = ["version", "machine", "cpu"] as const;

/** What the two hosts must have alike. */
function whyNotAlike(source: Node, target: Node): string | null {
  for (const what of ALIKE) {
    const [from, to] = [source.spec.hypervisor?.[what], target.spec.hypervisor?.[what]];
    if (from !== to) return `its hypervisor is of ${what} "${from}", and that node's of "${to}"`;
  }
  return null;
}

function alikeOf({ spec: { hypervisor } }: Node): string {
  if (hypervisor === undefined) return "neither says";
  return ALIKE.map((what) => `${what} "${hypervisor[what]}"`).join(", ");
}

/** A disk that other nodes have not. Moved live, one that is only read may be another file there; a guest that boots reads what it finds. */
function whyNotStorage({ spec: { disks = [], microvm } }: Vm, how: MoveHow): string | null {
  const local = disks.find(
    ({ source, readOnly }) => source?.startsWith("rbd:") !== true && (how === "live" || !readOnly),
  );
  if (local !== undefined) {
    return `its disk "${local.name}" is on its node alone: only disks of rbd, which both nodes reach, move`;
  }
  const volumes = microvm?.volumes?.length ?? 0;
  return volumes === 0 ? null : "its volumes are on its node alone";
}

function whyNotOrigin(vm: Vm, checkpoint: Checkpoint | undefined, node: Node, how: MoveHow): string | null {
  const why = how === "live" ? null : whyNotFromOn(vm.spec, checkpoint, node);
  return why === null ? null : `the node ${why}`;
}

function storageOf({ spec: { disks = [] } }: Vm): string {
  return disks.length === 0 ? "no disks" : disks.map(({ name, source }) => `${name} (${source ?? "empty"})`).join(", ");
}

function whyNotNetwork({ claim }: Instance, source: Node, target: Node): string | null {
  const port = source.spec.address === target.spec.address ? claim.hostPorts[0] : undefined;
  return port === undefined ? null : `both nodes publish on ${target.spec.address}, where it holds port ${port} itself`;
}

function networkOf({ claim: { hostPorts } }: Instance, { spec: { address } }: Node): string {
  return hostPorts.length === 0 ? `ports that are free on ${address}` : `port ${hostPorts.join(", ")} of ${address}`;
}
