/** What the map wants of a node: the instances that are its own, and those on their way to it. Pure. */
import type { Change } from "../cluster/replica-protocol.ts";
import type { Instance, Vm } from "../resources/index.ts";
import type { MigrationWord, Wish } from "../vm/vm-message.ts";
import type { Command } from "../cluster/commands.ts";

export interface Lease {
  readonly node: string;
  readonly epoch: number;
}

export interface Wanted {
  readonly vm: Vm;
  readonly wish: Wish;
}

/** By instance. */
export function wantedOn(vms: Iterable<Vm>, lease: Lease): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const vm of vms) {
    const wish = wishOf(vm, lease);
    if (wish !== null && vm.status.instance !== null) wanted.set(vm.status.instance.id, { vm, wish });
  }
  return wanted;
}

/** Null when it wants nothing of that VM there under that lease. */
export function wishOf({ status }: Vm, { node, epoch }: Lease): Wish | null {
  const { instance } = status;
  // A move by stop and start is a stop here, and there an instance like any other.
  const migration = status.migration?.phase === "stopping" ? null : (status.migration ?? null);
  if (instance === null) return null;
  if (instance.node === node && instance.epoch === epoch) {
    const wish = { role: "own", paused: instance.paused === true, migration, ...balloonOf(instance) } as const;
    return instance.checkpointing === undefined ? wish : { ...wish, checkpointing: true };
  }
  if (migration?.node !== node || migration.epoch !== epoch) return null;
  return { role: "incoming", paused: false, migration, ...balloonOf(instance) };
}

function balloonOf({ balloonMiB }: Instance): Pick<Wish, "balloonMiB"> {
  return balloonMiB === undefined ? {} : { balloonMiB };
}

/** Whether a change is about a checkpoint of a node, or a VM that was on it, or is now; others, which are most in a large cluster, change nothing there. */
export function concerns({ type, resource }: Change, node: string, before: Vm | undefined): boolean {
  if (resource.kind === "Checkpoint") return resource.status.node === node;
  if (resource.kind !== "Vm") return false;
  return isOn(before, node) || (type === "put" && isOn(resource, node));
}

function isOn(vm: Vm | undefined, node: string): boolean {
  return vm?.status.instance?.node === node || vm?.status.migration?.node === node;
}

/** The instances that VMs have by these changes. */
export function instancesOf(changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ type, resource }) =>
    type === "put" && resource.kind === "Vm" ? (resource.status.instance?.id ?? []) : [],
  );
}

/** What a VmActor says of a migration, as its node proposes it. */
export function commandOf(word: MigrationWord, vm: string, migration: string, lease: Lease): Command {
  if (word.type === "cancel-migration") return { ...word, name: vm, migration };
  return { ...word, ...lease, vm, migration };
}
