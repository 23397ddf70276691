/**
 * Drains: one drain actor for each node that the map wants emptied, on the leader only. It watches nodes alone, so that a cluster that drains none pays
 * for none.
 */
import type { AnyRef, Behavior, Context, Ref } from "../../runtime/index.ts";
import type { ReplicaRequest, WatchMessage } from "../cluster/replica-protocol.ts";
import type { Node, Resource } from "../resources/index.ts";
import { drainActor } from "./drain-actor.ts";

export interface DrainsOptions {
  readonly replica: Ref<ReplicaRequest>;
}

export function drainsActor(options: DrainsOptions): Behavior<Drains, WatchMessage> {
  return {
    name: "drains",
    init: (ctx) => new Drains(options, ctx),
    receive: (drains, message) => {
      drains.handle(message);
      return drains;
    },
  };
}

class Drains {
  readonly #replica: Ref<ReplicaRequest>;
  readonly #ctx: Context<WatchMessage>;
  /** By node. */
  readonly #drains = new Map<string, { readonly id: number; readonly ref: AnyRef }>();

  constructor({ replica }: DrainsOptions, ctx: Context<WatchMessage>) {
    this.#replica = replica;
    this.#ctx = ctx;
    this.#subscribe();
  }

  handle(message: WatchMessage): void {
    switch (message.type) {
      case "synced": {
        const known = new Set(message.resources.map(({ metadata }) => metadata.name));
        for (const node of [...this.#drains.keys()]) if (!known.has(node)) this.#stop(node);
        for (const resource of message.resources) this.#see(resource);
        return;
      }
      case "changes":
        for (const { type, resource } of message.changes) {
          if (type === "put") this.#see(resource);
          else this.#stop(resource.metadata.name);
        }
        return;
      case "compacted":
        this.#subscribe();
        return;
      default:
        message satisfies never;
    }
  }

  #subscribe(): void {
    this.#ctx.tell(this.#replica, { type: "subscribe", subscriber: this.#ctx.self, selection: { kinds: ["Node"] } });
  }

  #see(resource: Resource): void {
    const { name } = resource.metadata;
    const { drain } = (resource as Node).status;
    const known = this.#drains.get(name);
    if (drain?.phase !== "draining") return this.#stop(name);
    if (known?.id === drain.id) return;
    this.#stop(name);
    const behavior = drainActor({ replica: this.#replica, node: name, drain });
    const ref = this.#ctx.spawn(behavior, { name: `${name}-${drain.id}`, supervision: { onCrash: "restart" } });
    this.#drains.set(name, { id: drain.id, ref });
  }

  #stop(node: string): void {
    const known = this.#drains.get(node);
    if (known === undefined) return;
    this.#ctx.stop(known.ref);
    this.#drains.delete(node);
  }
}
