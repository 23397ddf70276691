/** What the leader's controllers decide: instances given to nodes, asked to stop, or not possible, and why. */
import type { Instance, Node, Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import { originOf, whyNotFromOn } from "./checkpoint-rules.ts";
import type { CommandOf } from "./commands.ts";
import { waitsFor } from "./dependency-rules.ts";
import { whyNot } from "./fit-rules.ts";
import { isWanted } from "./is-wanted.ts";
import { withoutMigration } from "./migration-end.ts";
import { Refusal } from "./refusal.ts";
import { claimOf } from "./rooms.ts";
import type { About } from "./first-outcome.ts";
import { aboutVm } from "./vm-commands.ts";

/** Gives a VM to a node, if all that the plan was made of still holds. */
export function place(set: ChangeSet, command: CommandOf<"place">): About | Refusal {
  const vm = set.map.vm(command.vm);
  const node = set.map.node(command.node);
  const why = vm === undefined ? "it is gone" : (whyNotPlaceable(set, vm, command) ?? whyNotOn(set, vm, node, command));
  if (why !== null || vm === undefined || node === undefined) {
    return new Refusal("conflict", `Cannot place VM "${command.vm}" on node "${command.node}": ${why}`);
  }
  set.putVm(begun(set, vm, command));
  return aboutVm(vm);
}

/** The VM with an instance that begins on a node under its lease, for the caller to put. The only place where one begins. */
export function begun(set: ChangeSet, vm: Vm, { node, epoch }: Pick<Instance, "node" | "epoch">): Vm {
  const { name, generation } = vm.metadata;
  const from = originOf(vm, set.map.checkpoint(vm.spec.checkpoint ?? ""));
  const instance: Instance = {
    // The index is used once, so the id is too.
    id: `${name}-${set.index}`,
    node,
    epoch,
    generation,
    stopping: false,
    claim: claimOf(vm.spec),
    ...(from && { from }),
  };
  const message = `VM "${name}" goes to node "${node}" as instance ${instance.id}`;
  set.record({ reason: "Scheduled", message, regarding: { kind: "Vm", name } });
  const since = { restarts: 0, message: "", sinceMs: set.atMs };
  return { ...vm, status: { ...vm.status, phase: "Starting", instance, ...since } };
}

export function explainPending(set: ChangeSet, command: CommandOf<"explain-pending">): About | Refusal {
  const { vm: name, message } = command;
  const vm = set.map.vm(name);
  if (vm === undefined || vm.metadata.uid !== command.uid || vm.status.phase !== "Pending") {
    return new Refusal("conflict", `Cannot explain why VM "${name}" waits: it no longer does`);
  }
  if (vm.status.message !== message) {
    set.putVm({ ...vm, status: { ...vm.status, message } });
    const isWaiting = waitsFor(vm.spec, (other) => set.map.vm(other)) !== null;
    const why = isWaiting ? ({ reason: "Waiting" } as const) : ({ type: "Warning", reason: "Unschedulable" } as const);
    set.record({ ...why, message, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

export function stopInstance(set: ChangeSet, command: CommandOf<"stop-instance">): About | Refusal {
  const { vm: name, message } = command;
  const vm = set.map.vm(name);
  const instance = vm?.status.instance;
  if (vm === undefined || instance?.id !== command.instance) {
    return new Refusal("stale", `Cannot stop instance ${command.instance}: VM "${name}" has it no longer`);
  }
  if (isWanted(vm, instance)) {
    return new Refusal("conflict", `Cannot stop instance ${instance.id}: VM "${name}" wants it as it is`);
  }
  if (!instance.stopping) {
    const stopping: Instance = { ...instance, stopping: true };
    const rest = withoutMigration(set, vm, message);
    set.putVm({
      ...rest,
      status: { ...rest.status, phase: "Stopping", instance: stopping, message, sinceMs: set.atMs },
    });
    const what = `Instance ${instance.id} of VM "${name}" is to stop: ${message}`;
    set.record({ reason: "Stopping", message: what, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

function whyNotPlaceable(set: ChangeSet, vm: Vm, command: CommandOf<"place">): string | null {
  const { uid, generation, deletedAtMs } = vm.metadata;
  if (uid !== command.uid) return "a VM of that name was made anew";
  if (generation !== command.generation)
    return `its spec is of generation ${generation}, planned was ${command.generation}`;
  if (deletedAtMs !== undefined) return "it is being deleted";
  if (vm.status.instance !== null)
    return `it has instance ${vm.status.instance.id} on node "${vm.status.instance.node}"`;
  if (vm.status.phase !== "Pending") return `it is ${vm.status.phase} and waits for no node`;
  const wait = set.dependenciesIgnored ? null : waitsFor(vm.spec, (name) => set.map.vm(name));
  return wait === null ? null : `it waits for ${wait}`;
}

function whyNotOn(set: ChangeSet, vm: Vm, node: Node | undefined, command: CommandOf<"place">): string | null {
  const room = set.map.room(command.node);
  if (node === undefined || room === undefined) return "there is no such node";
  if (node.status.phase === "Ready" && node.status.epoch !== command.epoch) {
    return `its lease has epoch ${node.status.epoch}, planned was ${command.epoch}`;
  }
  const objection = whyNotFromOn(vm.spec, set.map.checkpoint(vm.spec.checkpoint ?? ""), node) ?? whyNot(vm.spec, room);
  return objection === null ? null : `the node ${objection}`;
}
