/**
 * A mirror: the part of the map that an actor watches, kept by it from what its subscription says.
 *
 * For actors that decide by the state of many resources. What one change means to its owner, the owner reads from the
 * message; the mirror only stays equal to the replica.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import type { Checkpoint, Kind, Node, Resource, Vm } from "../resources/index.ts";
import type { ReplicaRequest, WatchMessage } from "./replica-protocol.ts";

export class MapMirror {
  readonly vms = new Map<string, Vm>();
  readonly nodes = new Map<string, Node>();
  readonly checkpoints = new Map<string, Checkpoint>();
  readonly #kinds: readonly Kind[];
  readonly #replica: Ref<ReplicaRequest>;

  constructor(options: { readonly kinds: readonly Kind[]; readonly replica: Ref<ReplicaRequest> }) {
    this.#kinds = options.kinds;
    this.#replica = options.replica;
  }

  /** Asks for the whole selection and all that follows. */
  subscribe<Message>(ctx: Context<Message>, subscriber: Ref<WatchMessage>): void {
    ctx.tell(this.#replica, { type: "subscribe", subscriber, selection: { kinds: this.#kinds } });
  }

  take(message: Exclude<WatchMessage, { readonly type: "compacted" }>): void {
    if (message.type === "synced") {
      for (const kept of [this.vms, this.nodes, this.checkpoints]) kept.clear();
      for (const resource of message.resources) this.#put(resource);
      return;
    }
    for (const { type, resource } of message.changes) {
      if (type === "put") this.#put(resource);
      else this.#delete(resource);
    }
  }

  #put(resource: Resource): void {
    const { name } = resource.metadata;
    if (resource.kind === "Vm") this.vms.set(name, resource);
    else if (resource.kind === "Node") this.nodes.set(name, resource);
    else if (resource.kind === "Checkpoint") this.checkpoints.set(name, resource);
  }

  #delete({ kind, metadata: { name } }: Resource): void {
    if (kind === "Vm") this.vms.delete(name);
    else if (kind === "Node") this.nodes.delete(name);
    else if (kind === "Checkpoint") this.checkpoints.delete(name);
  }
}
