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

/** What of a node changes concern. */
export interface Concerned {
  /** Instances that are there, were, or are on their way, and the names of their VMs. */
  readonly instances: ReadonlyMap<string, string>;
  /** Whether a checkpoint of the node is among it. */
  readonly checkpoints: boolean;
}

/** Of VMs and checkpoints that are elsewhere, which are most in a large cluster, nothing. `before`: VMs as they were, by name. */
export function concernedBy(changes: readonly Change[], node: string, before: ReadonlyMap<string, Vm>): Concerned {
  const instances = new Map<string, string>();
  let checkpoints = false;
  for (const { resource } of changes) {
    if (resource.kind === "Checkpoint") checkpoints ||= resource.status.node === node;
    if (resource.kind !== "Vm") continue;
    const { name } = resource.metadata;
    for (const vm of [before.get(name), resource]) {
      if (vm !== undefined && vm.status.instance !== null && isOn(vm, node)) instances.set(vm.status.instance.id, name);
    }
  }
  return { instances, checkpoints };
}

function isOn({ status }: Vm, node: string): boolean {
  return status.instance?.node === node || status.migration?.node === node;
}

/** What a VmActor says of a migration, as its node proposes it. */
export function commandOf(word: MigrationWord, vm: string, migration: string, lease: Lease): Command {
  if (word.type === "cancel-migration") return { ...word, name: vm, migration };
  return { ...word, ...lease, vm, migration };
}
