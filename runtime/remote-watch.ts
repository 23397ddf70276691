/**
 * Death watch across nodes. A watch is a message to the other node's kernel; its answer is `terminated`. When the link to
 * that node goes down, every watch on it ends with `node-down`: nothing is known of the actor any more.
 */
import type { TerminationReason } from "./behavior.ts";
import type { Address, LinkEvent, Remoting } from "./ports/remoting.ts";
import type { AnyRef } from "./ref.ts";

/** The path that kernels talk to each other on; no actor can have this name. */
export const WATCH_PATH = "$watch";

export type WatchMessage =
  /** The sender's actor `watcher` wants to know when `path` ends here. */
  | { readonly type: "watch"; readonly path: string; readonly watcher: Address }
  | { readonly type: "unwatch"; readonly path: string; readonly watcher: Address }
  /** `path` of the sending node has ended; `watcher` is an actor here. */
  | {
      readonly type: "terminated";
      readonly path: string;
      readonly watcher: Address;
      readonly reason: TerminationReason;
    };

export class RemoteWatch {
  readonly #node: string;
  readonly #remoting: Remoting | undefined;
  readonly #linked = new Set<string>();
  /** By watched node, then by watch: who here watches what there. */
  readonly #watches = new Map<string, Map<string, { readonly ref: AnyRef; readonly watcher: AnyRef }>>();
  readonly #notify: (watcher: AnyRef, ref: AnyRef, reason: TerminationReason) => void;

  constructor(
    node: string,
    remoting: Remoting | undefined,
    notify: (watcher: AnyRef, ref: AnyRef, reason: TerminationReason) => void,
  ) {
    this.#node = node;
    this.#remoting = remoting;
    this.#notify = notify;
    remoting?.onLink((event) => this.#onLink(event));
  }

  watch(ref: AnyRef, watcher: AnyRef): void {
    if (!this.#linked.has(ref.node)) {
      this.#notify(watcher, ref, "node-down");
      return;
    }
    const ofNode = this.#watches.get(ref.node) ?? new Map();
    this.#watches.set(ref.node, ofNode);
    ofNode.set(watchKey(ref, watcher), { ref, watcher });
    this.send(ref.node, { type: "watch", path: ref.path, watcher: { node: this.#node, path: watcher.path } });
  }

  unwatch(ref: AnyRef, watcher: AnyRef): void {
    if (this.#watches.get(ref.node)?.delete(watchKey(ref, watcher)) !== true) return;
    this.send(ref.node, { type: "unwatch", path: ref.path, watcher: { node: this.#node, path: watcher.path } });
  }

  /** The watched node says that the actor has ended. */
  terminated(node: string, message: { path: string; watcher: Address; reason: TerminationReason }): void {
    const key = watchKey({ path: message.path }, message.watcher);
    const watch = this.#watches.get(node)?.get(key);
    if (watch === undefined) return;
    this.#watches.get(node)?.delete(key);
    this.#notify(watch.watcher, watch.ref, message.reason);
  }

  send(node: string, message: WatchMessage): void {
    const from = { node: this.#node, path: WATCH_PATH };
    this.#remoting?.send({ from, to: { node, path: WATCH_PATH }, message });
  }

  #onLink(event: LinkEvent): void {
    if (event.type === "up") {
      this.#linked.add(event.node);
      return;
    }
    this.#linked.delete(event.node);
    const lost = this.#watches.get(event.node);
    this.#watches.delete(event.node);
    for (const { ref, watcher } of lost?.values() ?? []) this.#notify(watcher, ref, "node-down");
  }
}

function watchKey(watched: { readonly path: string }, watcher: { readonly path: string }): string {
  return `${watched.path} ${watcher.path}`;
}
