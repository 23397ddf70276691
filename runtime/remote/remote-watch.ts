/**
 * Death watch across nodes. A watch is a message to the other node's kernel; its answer is `terminated`. When the link to
 * that node goes down, every watch on it ends with `node-down`: nothing is known of the actor any more. Its own watches on
 * actors here end then too, without a word, since it has come to the same end of them.
 *
 * Exactly once: a watch has a number that is never used again, and leaves the table with the first that ends it, be it
 * `terminated`, the link's end, or `unwatch`; what still comes for that number finds nothing. It does come, over a link that
 * lasts, since kernel messages are not dropped there.
 */
import type { AnyRef, TerminationReason } from "../ref.ts";
import type { KernelMessage } from "./kernel-message.ts";

export interface RemoteWatchOptions {
  say(node: string, message: KernelMessage): void;
  /** Tells an actor of this node that what it watches is gone. */
  notify(watcher: AnyRef, ref: AnyRef, reason: TerminationReason): void;
  /** Begins and ends the watch of another node's actor on the one at `path` here. */
  watchLocal(path: string, watcher: { readonly node: string; readonly path: string }): void;
  unwatchLocal(path: string, watcher: { readonly node: string; readonly path: string }): void;
}

interface Watch {
  readonly id: number;
  readonly ref: AnyRef;
  readonly watcher: AnyRef;
}

/** A watch of the other node on an actor here. */
type Watched = Extract<KernelMessage, { readonly type: "watch" }>;

/** What there is between this node and a linked one. */
interface Ties {
  /** Who here watches what there: by number, and the number by watch. */
  readonly watches: Map<number, Watch>;
  readonly ids: Map<string, number>;
  /** Who there watches what here. */
  readonly watchers: Map<string, Watched>;
}

export class RemoteWatch {
  readonly #options: RemoteWatchOptions;
  readonly #linked = new Map<string, Ties>();
  #ids = 0;

  constructor(options: RemoteWatchOptions) {
    this.#options = options;
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    const ties = this.#linked.get(ref.node);
    if (ties === undefined) {
      this.#options.notify(watcher, ref, "node-down");
      return;
    }
    const id = ++this.#ids;
    ties.watches.set(id, { id, ref, watcher });
    ties.ids.set(watchKey(ref.path, watcher.path), id);
    this.#options.say(ref.node, { type: "watch", id, path: ref.path, watcher: watcher.path });
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    const ties = this.#linked.get(ref.node);
    const id = ties?.ids.get(watchKey(ref.path, watcher.path));
    if (ties === undefined || id === undefined) return;
    ties.ids.delete(watchKey(ref.path, watcher.path));
    ties.watches.delete(id);
    this.#options.say(ref.node, { type: "unwatch", id, path: ref.path, watcher: watcher.path });
  }

  /** The watched node says that the actor has ended. */
  terminated(node: string, id: number, reason: TerminationReason): void {
    const ties = this.#linked.get(node);
    const watch = ties?.watches.get(id);
    if (ties === undefined || watch === undefined) return;
    ties.watches.delete(id);
    ties.ids.delete(watchKey(watch.ref.path, watch.watcher.path));
    this.#options.notify(watch.watcher, watch.ref, reason);
  }

  /** Another node's actor watches one here from now on. */
  watched(node: string, watched: Watched): void {
    const { path, watcher } = watched;
    this.#linked.get(node)?.watchers.set(watchKey(path, watcher), watched);
    this.#options.watchLocal(path, { node, path: watcher });
  }

  unwatched(node: string, path: string, watcher: string): void {
    this.#linked.get(node)?.watchers.delete(watchKey(path, watcher));
    this.#options.unwatchLocal(path, { node, path: watcher });
  }

  /** Tells an actor of another node that what it watched here is gone. */
  tell(watcher: AnyRef, path: string, reason: TerminationReason): void {
    const watchers = this.#linked.get(watcher.node)?.watchers;
    const watched = watchers?.get(watchKey(path, watcher.path));
    if (watchers === undefined || watched === undefined) return;
    watchers.delete(watchKey(path, watcher.path));
    this.#options.say(watcher.node, { type: "terminated", id: watched.id, reason });
  }

  linkUp(node: string): void {
    this.#linked.set(node, { watches: new Map(), ids: new Map(), watchers: new Map() });
  }

  linkLost(node: string): void {
    const ties = this.#linked.get(node);
    if (ties === undefined) return;
    this.#linked.delete(node);
    for (const { ref, watcher } of ties.watches.values()) this.#options.notify(watcher, ref, "node-down");
    for (const { path, watcher } of ties.watchers.values()) this.#options.unwatchLocal(path, { node, path: watcher });
  }
}

function watchKey(path: string, watcher: string): string {
  return `${path} ${watcher}`;
}
