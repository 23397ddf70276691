/**
 * Makes the VmActors and CheckpointActors of a node match what the map wants there: all of them when a lease begins or the map was read anew, else
 * those of VMs that have changed, so that a change costs the same however many VMs the cluster has. For the NodeActor, which holds the lease.
 */
import type { FoundInstance, Hypervisor } from "../../runtime/index.ts";
import type { MapMirror } from "../cluster/map-mirror.ts";
import { isWanted } from "../cluster/is-wanted.ts";
import type { CheckpointActors } from "./checkpoint-actors.ts";
import type { VmActors } from "./vm-actors.ts";
import { wantedOn, wishOf, type Concerned, type Lease, type Wanted } from "./wishes.ts";

export interface ReconcilerOptions {
  readonly hypervisor: Hypervisor;
  readonly mirror: MapMirror;
  readonly actors: VmActors;
  readonly checkpoints: CheckpointActors;
}

/** A lease, and when it is over by this node's clock. */
export interface HeldLease extends Lease {
  readonly untilMs: number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Released instances that the map still shows: they must never be started again. */
  readonly #released = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Nothing of this instance runs here, and that has been said. */
  release(instance: string): void {
    this.#released.add(instance);
  }

  /** @param found of an earlier process: what of it is not wanted is ended */
  all(lease: HeldLease, found: readonly FoundInstance[]): void {
    const { mirror, actors, checkpoints, hypervisor } = this.#options;
    const wanted = wantedOn(mirror.vms.values(), lease);
    for (const [instance, each] of wanted) this.#want(instance, each, lease);
    for (const instance of actors.instances()) if (!wanted.has(instance)) actors.tell(instance, { type: "discard" });
    for (const instance of this.#released) if (!wanted.has(instance)) this.#released.delete(instance);
    for (const { instance } of found) if (!wanted.has(instance)) hypervisor.stop(instance, 0, () => {});
    checkpoints.reconcile(lease.node);
    hypervisor.keepOnly?.([...wanted.keys()]);
    hypervisor.keepOnlyCheckpoints?.(checkpoints.idsOn(lease.node));
  }

  /** What is concerned, once all has been made to match in this lease. */
  some(lease: HeldLease, { instances, checkpoints: areConcerned }: Concerned): void {
    const { mirror, actors, checkpoints, hypervisor } = this.#options;
    let isLess = false;
    for (const [instance, name] of instances) {
      const vm = mirror.vms.get(name);
      const wish = vm?.status.instance?.id === instance ? wishOf(vm, lease) : null;
      if (vm !== undefined && wish !== null) this.#want(instance, { vm, wish }, lease);
      else {
        isLess = true;
        actors.tell(instance, { type: "discard" });
        this.#released.delete(instance);
      }
    }
    if (areConcerned) checkpoints.reconcile(lease.node);
    if (isLess) hypervisor.keepOnly?.([...wantedOn(mirror.vms.values(), lease).keys()]);
  }

  #want(id: string, { vm, wish }: Wanted, { untilMs }: HeldLease): void {
    const { actors } = this.#options;
    const { instance, message } = vm.status;
    if (instance === null || this.#released.has(id)) return;
    const isNew = !actors.has(id);
    if (isNew) actors.spawn({ vm, instance, wish, leaseUntilMs: untilMs });
    else if (!actors.wish(id, wish)) actors.tell(id, { type: "discard" });
    if (wish.role === "incoming") return;
    // A newcomer that is not wanted as it is would be started by a spec that it was not placed for.
    if (instance.stopping || (isNew && !isWanted(vm, instance))) actors.tell(id, { type: "stop", message });
  }
}
