/** The VmActors of one node, by instance: made, told, and made anew when they have crashed. */
import type { AnyRef, Context, Hypervisor, Prober, Ref } from "../../runtime/index.ts";
import type { Instance, Vm } from "../resources/index.ts";
import type { MoveRules } from "../vm/move-rules.ts";
import { vmActor } from "../vm/vm-actor.ts";
import type { VmMessage, Wish } from "../vm/vm-message.ts";
import { isEqual } from "../cluster/is-equal.ts";
import type { NodeMessage } from "./node-message.ts";
import { type Lease, wishOf } from "./wishes.ts";

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
  readonly moveRules: MoveRules;
}

interface Kept {
  readonly ref: Ref<VmMessage>;
  /** As it was when the instance came here: its spec is the one that the instance runs. */
  readonly vm: Vm;
  readonly instance: Instance;
  /** What it was told last of what the map wants. */
  readonly wish: Wish;
  /** Its guest is to be ended: it is told of nothing else any more. */
  readonly isEnding: boolean;
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

  spawn(placed: Pick<Kept, "vm" | "instance" | "wish"> & { readonly leaseUntilMs: number }): void {
    const { ctx, hypervisor, prober, hostAddress, moveRules } = this.#options;
    const { vm, instance, wish } = placed;
    const behavior = vmActor({ ...placed, hypervisor, prober, hostAddress, moveRules, parent: ctx.self });
    // What comes back by a migration may meet the last of what it was here before.
    const name = wish.role === "incoming" && wish.migration !== null ? wish.migration.id : instance.id;
    const ref = ctx.spawn(behavior, { name });
    ctx.watch(ref);
    this.#kept.set(instance.id, { ref, vm, instance, wish, isEnding: false });
  }

  /** Tells it what the map wants, if that is something else than before. False when it comes by another migration than the map's, and has to go. */
  wish(instance: string, wish: Wish): boolean {
    const kept = this.#kept.get(instance);
    if (kept === undefined || kept.isEnding) return true;
    if (wish.role === "incoming" && !isSameWay(kept.wish, wish)) return false;
    if (isEqual(kept.wish, wish)) return true;
    this.#kept.set(instance, { ...kept, wish });
    this.#options.ctx.tell(kept.ref, { type: "wish", wish });
    return true;
  }

  tell(instance: string, message: VmMessage): void {
    const kept = this.#kept.get(instance);
    if (kept === undefined) return;
    if (message.type === "discard") this.#kept.set(instance, { ...kept, isEnding: true });
    this.#options.ctx.tell(kept.ref, message);
  }

  tellAll(message: VmMessage): void {
    for (const instance of [...this.#kept.keys()]) this.tell(instance, message);
  }

  /** Hands on what became of a word of a migration. */
  answer({ instance, migration, word, reply }: Extract<NodeMessage, { readonly type: "word-answered" }>): void {
    const carriedOut = reply.ok ? reply.outcome.ok : null;
    this.tell(instance, { type: "word-answered", migration, word, carriedOut });
  }

  /** A VmActor is gone without having released its instance. */
  crashed(ref: AnyRef): void {
    for (const [instance, kept] of this.#kept) {
      if (kept.ref.path !== ref.path) continue;
      this.#options.ctx.setTimer(`respawn:${instance}`, RESPAWN_MS, { type: "respawn-due", instance });
    }
  }

  /** Makes a VmActor that has crashed anew. What became of the guest it learns from the hypervisor. */
  respawn(id: string, now: { readonly shown: ReadonlyMap<string, Vm>; readonly leaseUntilMs: number } & Lease): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    const shown = now.shown.get(kept.vm.metadata.name)?.status;
    const status = shown?.instance?.id === id ? shown : kept.vm.status;
    const instance = status.instance ?? kept.instance;
    const vm = { ...kept.vm, status };
    this.spawn({ vm, instance, wish: wishOf(vm, now) ?? kept.wish, leaseUntilMs: now.leaseUntilMs });
  }

  /** Its VmActor has released it. */
  forget(instance: string): void {
    this.#kept.delete(instance);
  }
}

/** Whether an instance comes by the migration that the map shows. */
function isSameWay(told: Wish, { migration }: Wish): boolean {
  return told.role === "incoming" && told.migration?.id === migration?.id;
}
