/**
 * Death watch across nodes. A watch is a message to the other node's kernel; its answer is `terminated`. When the link to
 * that node goes down, every watch on it ends with `node-down`: nothing is known of the actor any more. Its own watches on
 * actors here end then too, without a word, since it has come to the same end of them.
 */
import type { Address } from "./ports/address.ts";
import type { LinkEvent, Remoting } from "./ports/remoting.ts";
import type { AnyRef, TerminationReason } from "./ref.ts";
import { WATCH_PATH, type WatchMessage } from "./watch-message.ts";

export interface RemoteWatchOptions {
  readonly node: string;
  readonly remoting: Remoting | undefined;
  /** Tells an actor of this node that what it watches is gone. */
  notify(watcher: AnyRef, ref: AnyRef, reason: TerminationReason): void;
  /** Ends the watch of another node's actor on the one at `path` here. */
  forget(path: string, watcher: Address): void;
}

type Watched = Pick<WatchMessage, "path" | "watcher">;

export class RemoteWatch {
  readonly #options: RemoteWatchOptions;
  readonly #linked = new Set<string>();
  /** By watched node, then by watch: who here watches what there. */
  readonly #watches = new Map<string, Map<string, { readonly ref: AnyRef; readonly watcher: AnyRef }>>();
  /** By watching node, then by watch: who there watches what here. */
  readonly #watchers = new Map<string, Map<string, Watched>>();

  constructor(options: RemoteWatchOptions) {
    this.#options = options;
    options.remoting?.onLink((event) => this.#onLink(event));
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    if (!this.#linked.has(ref.node)) {
      this.#options.notify(watcher, ref, "node-down");
      return;
    }
    ofNode(this.#watches, ref.node).set(watchKey({ path: ref.path, watcher }), { ref, watcher });
    this.#send(ref.node, { type: "watch", path: ref.path, watcher: watcher.toJSON() });
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    if (this.#watches.get(ref.node)?.delete(watchKey({ path: ref.path, watcher })) !== true) return;
    this.#send(ref.node, { type: "unwatch", path: ref.path, watcher: watcher.toJSON() });
  }

  /** The watched node says that the actor has ended. */
  terminated(node: string, message: Watched & { readonly reason: TerminationReason }): void {
    const key = watchKey(message);
    const watch = this.#watches.get(node)?.get(key);
    if (watch === undefined) return;
    this.#watches.get(node)?.delete(key);
    this.#options.notify(watch.watcher, watch.ref, message.reason);
  }

  /** Another node's actor watches one here from now on. */
  watched({ path, watcher }: Watched): void {
    ofNode(this.#watchers, watcher.node).set(watchKey({ path, watcher }), { path, watcher });
  }

  unwatched({ path, watcher }: Watched): void {
    this.#watchers.get(watcher.node)?.delete(watchKey({ path, watcher }));
    this.#options.forget(path, watcher);
  }

  /** Tells an actor of another node that what it watched here is gone. */
  tell(watcher: AnyRef, path: string, reason: TerminationReason): void {
    this.#watchers.get(watcher.node)?.delete(watchKey({ path, watcher }));
    this.#send(watcher.node, { type: "terminated", path, watcher: watcher.toJSON(), reason });
  }

  #send(node: string, message: WatchMessage): void {
    const from = { node: this.#options.node, path: WATCH_PATH };
    this.#options.remoting?.send({ from, to: { node, path: WATCH_PATH }, message });
  }

  #onLink({ type, node }: LinkEvent): void {
    // A link that comes up in place of another one has lost what was on its way, as one that went down before.
    this.#onLinkLost(node);
    if (type === "up") this.#linked.add(node);
  }

  #onLinkLost(node: string): void {
    this.#linked.delete(node);
    const watches = this.#watches.get(node);
    const watchers = this.#watchers.get(node);
    this.#watches.delete(node);
    this.#watchers.delete(node);
    for (const { ref, watcher } of watches?.values() ?? []) this.#options.notify(watcher, ref, "node-down");
    for (const { path, watcher } of watchers?.values() ?? []) this.#options.forget(path, watcher);
  }
}

function ofNode<Value>(nodes: Map<string, Map<string, Value>>, node: string): Map<string, Value> {
  const known = nodes.get(node) ?? new Map<string, Value>();
  nodes.set(node, known);
  return known;
}

function watchKey({ path, watcher }: Watched): string {
  return `${path} ${watcher.path}`;
}
