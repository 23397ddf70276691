/** What nodes say of their instances. Fenced: only the node that holds the instance, under the lease it holds it by. */
import type { Instance, Vm } from "../resources/index.ts";
import { isEqual } from "./is-equal.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf, Observation } from "./commands.ts";
import { endInstance } from "./instance-end.ts";
import { Refusal } from "./refusal.ts";
import type { About } from "./first-outcome.ts";
import { aboutVm } from "./vm-commands.ts";

export function observe(set: ChangeSet, command: CommandOf<"observe">): About | Refusal {
  const held = heldBy(set, command);
  if (held instanceof Refusal) return held;
  const { vm, instance } = held;
  const { observation } = command;
  const status = statusAfter(vm.status, instance, observation);
  if (!isEqual(status, vm.status)) {
    const turned = status.phase !== vm.status.phase || status.health !== vm.status.health;
    set.putVm({ ...vm, status: turned ? { ...status, sinceMs: set.atMs } : status });
    if (status.phase !== vm.status.phase) recordPhase(set, vm, status);
    if (status.health !== vm.status.health) recordHealth(set, vm, status);
  }
  return aboutVm(vm);
}

/** Whether the map would have nothing new by an observation of this instance: an entry of the log that changes nothing. */
export function isKnown({ status }: Vm, instance: Instance, observation: Observation): boolean {
  return isEqual(statusAfter(status, instance, observation), status);
}

function statusAfter(before: Vm["status"], instance: Instance, observation: Observation): Vm["status"] {
  // It runs: where it did not start before is of no matter any more.
  const { failedOn, ...known } = before;
  return {
    ...known,
    ...(failedOn !== undefined && observation.phase !== "Running" && { failedOn }),
    ...observation,
    addresses: [...observation.addresses],
    // A stop was asked for: what the node saw before it heard of it does not undo that.
    phase: instance.stopping ? "Stopping" : observation.phase,
    message: instance.stopping && observation.message === "" ? before.message : observation.message,
  };
}

export function release(set: ChangeSet, command: CommandOf<"release">): About | Refusal {
  const held = heldBy(set, command);
  if (held instanceof Refusal) return held;
  const completed = command.phase === "Completed";
  endInstance(set, held.vm, { completed, message: command.message || "it was stopped", reason: command.phase });
  return aboutVm(held.vm);
}

/** The node is remembered until the VM runs or has a new spec: another one is tried first. */
export function giveBack(set: ChangeSet, command: CommandOf<"give-back">): About | Refusal {
  const held = heldBy(set, command);
  if (held instanceof Refusal) return held;
  const { node, message } = command;
  const { vm } = held;
  const earlier = (vm.status.failedOn ?? []).filter((failed) => failed.node !== node);
  const failedOn = [...earlier, { node, message }].slice(-FAILED_ON_MAX);
  endInstance(set, { ...vm, status: { ...vm.status, failedOn } }, { completed: false, message, reason: "StartFailed" });
  return aboutVm(vm);
}

/** Nodes that a VM is remembered not to have started on: as many as a cluster is made for. Past it the earliest is forgotten. */
const FAILED_ON_MAX = 100;

interface Held {
  readonly vm: Vm;
  readonly instance: Instance;
}

function heldBy(set: ChangeSet, command: CommandOf<"observe" | "release" | "give-back">): Held | Refusal {
  const { node, epoch, instance: id } = command;
  const vm = set.map.vm(command.vm);
  const instance = vm?.status.instance;
  const verb = VERBS[command.type];
  if (vm === undefined || instance?.id !== id) {
    return new Refusal("stale", `Cannot ${verb} instance ${id}: VM "${command.vm}" has it no longer`);
  }
  if (instance.node !== node || instance.epoch !== epoch) {
    const holder = `node "${instance.node}" holds it under epoch ${instance.epoch}`;
    return new Refusal("stale", `Cannot ${verb} instance ${id} for node "${node}" under epoch ${epoch}: ${holder}`);
  }
  return { vm, instance };
}

const VERBS = { observe: "report on", release: "release", "give-back": "give back" } as const;

function recordPhase(set: ChangeSet, { metadata: { name } }: Vm, status: Vm["status"]): void {
  const regarding = { kind: "Vm", name } as const;
  const where = `on node "${status.instance?.node}"`;
  if (status.phase === "Running") {
    set.record({ reason: "Started", message: `VM "${name}" runs ${where}${restarted(status.restarts)}`, regarding });
  } else if (status.phase === "Crashed") {
    const message = `VM "${name}" crashed ${where}${status.message === "" ? "" : `: ${status.message}`}`;
    set.record({ type: "Warning", reason: "GuestCrashed", message, regarding });
  }
}

function restarted(restarts: number): string {
  return restarts === 0 ? "" : `, restarted ${restarts === 1 ? "once" : `${restarts} times`}`;
}

function recordHealth(set: ChangeSet, { metadata: { name } }: Vm, status: Vm["status"]): void {
  const regarding = { kind: "Vm", name } as const;
  if (status.health === "healthy") {
    set.record({ reason: "Healthy", message: `VM "${name}" is healthy`, regarding });
  } else if (status.health === "unhealthy") {
    const message = `VM "${name}" is unhealthy${status.message === "" ? "" : `: ${status.message}`}`;
    set.record({ type: "Warning", reason: "Unhealthy", message, regarding });
  }
}
