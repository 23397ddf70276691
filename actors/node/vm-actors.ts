/** The VmActors of one node, by instance: made, told, and made anew when they have crashed. */
import type { AnyRef, Context, Hypervisor, Prober, Ref } from "../../runtime/index.ts";
import type { Instance, Vm } from "../resources/index.ts";
import { vmActor } from "../vm/vm-actor.ts";
import type { VmMessage } from "../vm/vm-message.ts";
import type { NodeMessage } from "./node-message.ts";

/**
 * Pause before a VmActor that crashed is made anew, from the map as it is then: what it was told, its lease and its ports
 * may have changed since it was spawned, so supervision, which would start it as it was, cannot do it. Its crash is a bug
 * about one guest; no number of them is a reason to give up the node's other guests.
 */
const RESPAWN_MS = 1000;

export interface VmActorsOptions {
  readonly ctx: Context<NodeMessage>;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  /** Where the VMs' ports are published. */
  readonly hostAddress: string;
}

interface Kept {
  readonly ref: Ref<VmMessage>;
  /** As it was when the instance came here: its spec is the one that the instance runs. */
  readonly vm: Vm;
  readonly instance: Instance;
}

export class VmActors {
  readonly #options: VmActorsOptions;
  /** One whose VmActor has crashed keeps its place here. */
  readonly #kept = new Map<string, Kept>();

  constructor(options: VmActorsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(instance: string): boolean {
    return this.#kept.has(instance);
  }

  instances(): readonly string[] {
    return [...this.#kept.keys()];
  }

  /** The name of the VM that an instance here belongs to. */
  vmOf(instance: string): string | undefined {
    return this.#kept.get(instance)?.vm.metadata.name;
  }

  spawn({ vm, instance, leaseUntilMs }: Omit<Kept, "ref"> & { readonly leaseUntilMs: number }): void {
    const { ctx, hypervisor, prober, hostAddress } = this.#options;
    const behavior = vmActor({ vm, instance, hypervisor, prober, leaseUntilMs, hostAddress, parent: ctx.self });
    const ref = ctx.spawn(behavior, { name: instance.id });
    ctx.watch(ref);
    this.#kept.set(instance.id, { ref, vm, instance });
  }

  tell(instance: string, message: VmMessage): void {
    const kept = this.#kept.get(instance);
    if (kept !== undefined) this.#options.ctx.tell(kept.ref, message);
  }

  tellAll(message: VmMessage): void {
    for (const { ref } of this.#kept.values()) this.#options.ctx.tell(ref, message);
  }

  /** A VmActor is gone without having released its instance. */
  crashed(ref: AnyRef): void {
    for (const [instance, kept] of this.#kept) {
      if (kept.ref.path !== ref.path) continue;
      this.#options.ctx.setTimer(`respawn:${instance}`, RESPAWN_MS, { type: "respawn-due", instance });
    }
  }

  /** Makes a VmActor that has crashed anew. What became of the guest it learns from the hypervisor. */
  respawn(id: string, now: { readonly shown: ReadonlyMap<string, Vm>; readonly leaseUntilMs: number }): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    const shown = now.shown.get(kept.vm.metadata.name)?.status;
    const status = shown?.instance?.id === id ? shown : kept.vm.status;
    const instance = status.instance ?? kept.instance;
    this.spawn({ vm: { ...kept.vm, status }, instance, leaseUntilMs: now.leaseUntilMs });
  }

  /** Its VmActor has released it. */
  forget(instance: string): void {
    this.#kept.delete(instance);
  }
}
