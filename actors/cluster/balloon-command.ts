/**
 * What users ask of a running instance's memory: that its balloon takes some of it, or gives it back. Level 3.
 *
 * As with a pause it is wanted state of the instance, not of the VM: a change of the spec would make a new guest. Its room on the node stays the
 * whole of its memory, for what was taken may be given back at any time, and a guest need not give it.
 */
import type { Instance, Vm, VmSpec } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf } from "./commands.ts";
import type { About } from "./first-outcome.ts";
import { isWanted } from "./is-wanted.ts";
import { Refusal } from "./refusal.ts";
import { aboutVm } from "./vm-commands.ts";

/** A guest with less does not live; as `memoryMiB` of a spec. */
const LEFT_MIN_MIB = 32;

export type BalloonCommand =
  /** Leaves the guest of a VM's instance so much memory. Level 3. */
  { readonly type: "set-balloon"; readonly name: string; readonly memoryMiB: number };

function hasBalloon({ balloon, microvm }: VmSpec): boolean {
  return microvm === undefined ? balloon === true : microvm.balloon === true;
}

export function setBalloon(set: ChangeSet, { name, memoryMiB }: CommandOf<"set-balloon">): About | Refusal {
  const what = `Cannot set the balloon of VM "${name}"`;
  const vm = set.map.vm(name);
  if (vm === undefined) return new Refusal("not-found", `${what}: there is none of that name`);
  const { instance, phase } = vm.status;
  if (instance === null) return new Refusal("conflict", `${what}: it is ${phase} and runs nowhere`);
  const why = whyNotNow(vm, instance);
  if (why !== null) return new Refusal("conflict", `${what}: ${why}`);
  const lack = whyNever(set, vm, instance, memoryMiB);
  if (lack !== null) return new Refusal("invalid", `${what}: ${lack}`);
  if (instance.balloonMiB !== memoryMiB) {
    set.putVm({ ...vm, status: { ...vm.status, instance: { ...instance, balloonMiB: memoryMiB } } });
    const message = `VM "${name}" is to have ${memoryMiB} of its ${vm.spec.memoryMiB} MiB on node "${instance.node}"`;
    set.record({ reason: "Ballooning", message, regarding: { kind: "Vm", name } });
  }
  return aboutVm(vm);
}

function whyNotNow(vm: Vm, instance: Instance): string | null {
  if (vm.metadata.deletedAtMs !== undefined) return "it is being deleted";
  if (instance.stopping || !isWanted(vm, instance)) return "its instance is about to be stopped";
  if (vm.status.migration === undefined) return null;
  return `it is on its way to node "${vm.status.migration.node}"; cancel that, or wait`;
}

function whyNever(set: ChangeSet, { spec }: Vm, instance: Instance, memoryMiB: number): string | null {
  if (!hasBalloon(spec)) {
    const field = spec.microvm === undefined ? "spec.balloon" : "spec.microvm.balloon";
    return `it runs without one; set ${field} to true, by which another guest is started`;
  }
  if (!Number.isSafeInteger(memoryMiB) || memoryMiB < LEFT_MIN_MIB || memoryMiB > spec.memoryMiB) {
    return `it can have ${LEFT_MIN_MIB} to ${spec.memoryMiB} MiB, not ${memoryMiB}`;
  }
  const node = set.map.node(instance.node);
  const lack = node?.spec.hypervisor?.lacks["balloon"];
  return lack === undefined ? null : `the driver "${node?.spec.driver}" of node "${instance.node}" has none (${lack})`;
}
