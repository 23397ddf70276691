/**
 * A mirror: the part of the map that an actor watches, kept by it from what its subscription says.
 *
 * For actors that decide by the state of many resources. What one change means to its owner, the owner reads from the
 * message; the mirror only stays equal to the replica.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import type { Kind, Node, Vm } from "../resources/index.ts";
import type { ReplicaRequest, WatchMessage } from "./replica-protocol.ts";

export class MapMirror {
  readonly vms = new Map<string, Vm>();
  readonly nodes = new Map<string, Node>();
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
      this.vms.clear();
      this.nodes.clear();
      for (const resource of message.resources) {
        if (resource.kind === "Vm") this.vms.set(resource.metadata.name, resource);
        else if (resource.kind === "Node") this.nodes.set(resource.metadata.name, resource);
      }
      return;
    }
    for (const { type, resource } of message.changes) {
      if (resource.kind === "Event") continue;
      const { name } = resource.metadata;
      if (type === "delete") (resource.kind === "Vm" ? this.vms : this.nodes).delete(name);
      else if (resource.kind === "Vm") this.vms.set(name, resource);
      else this.nodes.set(name, resource);
    }
  }
}
