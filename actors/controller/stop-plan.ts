/** Which instances their VMs no longer want, as commands to propose. Pure. */
import type { CommandOf } from "../cluster/commands.ts";
import { isWanted } from "../cluster/is-wanted.ts";
import type { Vm } from "../resources/index.ts";

/** The command that has the instance of `vm` stopped; null when it is wanted, stopping already, or none. */
export function planStop(vm: Vm): CommandOf<"stop-instance"> | null {
  const { instance } = vm.status;
  if (instance === null || instance.stopping || isWanted(vm, instance)) return null;
  return { type: "stop-instance", vm: vm.metadata.name, instance: instance.id, message: reason(vm) };
}

function reason({ metadata, spec }: Vm): string {
  if (metadata.deletedAtMs !== undefined) return "the VM is being deleted";
  return spec.running ? "the VM has a new spec" : "the VM was stopped";
}
