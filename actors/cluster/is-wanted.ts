/** Stands by itself, so that what only reads VMs, as the command line does, loads no commands of the map. */
import type { Instance, Vm } from "../resources/index.ts";

/** Whether an instance is what its VM asks for. */
export function isWanted(vm: Vm, instance: Instance): boolean {
  const { deletedAtMs, generation } = vm.metadata;
  return deletedAtMs === undefined && vm.spec.running && instance.generation === generation;
}
