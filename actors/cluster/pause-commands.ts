/** What users ask of a running instance beyond its VM's spec: that it stands still or goes on, and that another one takes its place. Level 3. */
import type { Vm } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf } from "./commands.ts";
import type { About } from "./first-outcome.ts";
import { withoutMigration } from "./migration-end.ts";
import { isWanted } from "./is-wanted.ts";
import { Refusal } from "./refusal.ts";
import { aboutVm } from "./vm-commands.ts";

/** Wanted state of the instance, not of the VM: a change of the spec would make a new guest. */
export function setPaused(set: ChangeSet, command: CommandOf<"set-paused">): About | Refusal {
  const { name, paused } = command;
  const verb = paused ? "pause" : "resume";
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot ${verb} VM "${name}": there is none of that name`);
  const { instance } = vm.status;
  const refusal = whyNotPause(set, vm, paused);
  if (refusal !== null) return new Refusal(refusal.code, `Cannot ${verb} VM "${name}": ${refusal.message}`);
  if (instance !== null && (instance.paused ?? false) !== paused) {
    const { paused: _, ...rest } = instance;
    set.putVm({ ...vm, status: { ...vm.status, instance: paused ? { ...rest, paused } : rest } });
    const message = `VM "${name}" is to ${paused ? "stand still" : "go on"} on node "${instance.node}"`;
    set.record({ reason: paused ? "Pausing" : "Resuming", message, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

/** The instance goes, as when its VM was stopped, and the scheduler gives the VM another one. */
export function restartVm(set: ChangeSet, { name }: CommandOf<"restart-vm">): About | Refusal {
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `Cannot restart VM "${name}": there is none of that name`);
  const { instance, phase } = vm.status;
  if (instance === null) {
    const hint = phase === "Pending" ? "it waits for a node" : "start it";
    return new Refusal("conflict", `Cannot restart VM "${name}": it is ${phase} and runs nowhere; ${hint}`);
  }
  if (!instance.stopping) {
    const message = "it was restarted";
    const { status, ...rest } = withoutMigration(set, vm, message);
    const stopping = { ...instance, stopping: true };
    set.putVm({ ...rest, status: { ...status, phase: "Stopping", instance: stopping, message, sinceMs: set.atMs } });
    const told = `Instance ${instance.id} of VM "${name}" is to stop: ${message}`;
    set.record({ reason: "Restarting", message: told, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

function whyNotPause(set: ChangeSet, vm: Vm, paused: boolean): Pick<Refusal, "code" | "message"> | null {
  const { instance, phase, migration } = vm.status;
  if (vm.metadata.deletedAtMs !== undefined) return { code: "conflict", message: "it is being deleted" };
  if (instance === null) return { code: "conflict", message: `it is ${phase} and runs nowhere` };
  if (instance.stopping || !isWanted(vm, instance)) {
    return { code: "conflict", message: "its instance is about to be stopped" };
  }
  if (instance.checkpointing !== undefined) {
    return { code: "conflict", message: `checkpoint "${instance.checkpointing}" of it is being made; wait` };
  }
  if (!paused) return null;
  if (migration !== undefined) {
    return { code: "conflict", message: `it is on its way to node "${migration.node}"; cancel that, or wait` };
  }
  if (phase !== "Running" && phase !== "Paused") {
    return { code: "conflict", message: `it is ${phase}, and only one that runs can be paused` };
  }
  const node = set.map.node(instance.node);
  const hypervisor = node?.spec.hypervisor;
  if (hypervisor === undefined) {
    return { code: "invalid", message: `node "${instance.node}" does not say what its hypervisor can do; upgrade it` };
  }
  const lack = hypervisor.lacks["pause"];
  const driver = `the driver "${node?.spec.driver}" of node "${instance.node}"`;
  return lack === undefined ? null : { code: "invalid", message: `${driver} cannot pause (${lack})` };
}
