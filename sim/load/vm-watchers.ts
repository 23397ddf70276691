/**
 * Users who watch VMs, as the API's clients do: they stay at a node until it goes or they want to, go on at another one from the version that they
 * have, and begin anew when that one says that it no longer knows what came after it.
 */
import type { ClusterView, ReplicaRequest, Vm, WatchMessage } from "../../actors/index.ts";
import type { Random, Ref } from "../../runtime/index.ts";
import type { WatchChecker, Watched } from "../checkers/watch-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { watchActor, type WatchOrder } from "./watch-actor.ts";

export interface VmWatchersOptions {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly checker: WatchChecker;
  readonly drawNode: () => SimNode;
}

interface Watcher extends Watched {
  /** Where it watches; null while it is nowhere. */
  at: { readonly node: SimNode; readonly actor: Ref<WatchOrder> } | null;
  /** The last try to begin somewhere. */
  attempt: number;
}

const WATCHERS_MAX = 3;

/** How long a user stays, and stays away. */
const STAY_US = 25_000_000;
const AWAY_MAX_US = 3_000_000;

export class VmWatchers {
  resumed = 0;
  /** Watches that were told that they had missed something. */
  compacted = 0;
  readonly #options: VmWatchersOptions;
  readonly #replicas = new Map<number, Ref<ReplicaRequest>>();
  readonly #watchers: readonly Watcher[];
  #attempts = 0;
  #mayLeave = true;
  #begun = false;

  constructor(options: VmWatchersOptions) {
    this.#options = options;
    this.#watchers = Array.from({ length: 1 + options.random.integer(WATCHERS_MAX) }, (_, at) => ({
      ...{ name: `w${at}`, version: 0, from: null, vms: new Map(), gone: new Map(), seen: new Set() },
      ...{ at: null, attempt: 0 },
    }));
  }

  addReplica(node: number, replica: Ref<ReplicaRequest>): void {
    this.#replicas.set(node, replica);
  }

  onEnd(node: SimNode): void {
    this.#replicas.delete(node.index);
    for (const watcher of this.#watchers) if (watcher.at?.node === node) this.#left(watcher);
  }

  start(): void {
    this.#begun = true;
    for (const watcher of this.#watchers) this.#connectSoon(watcher);
  }

  /** Users stay where they are, as long as they can. */
  settle(): void {
    this.#mayLeave = false;
  }

  /** What watch is not up to date; null when all are. */
  unsettled(served: ReadonlySet<number>, viewOf: (node: number) => ClusterView | undefined): string | null {
    // Of users that a schedule leaves out nothing is asked: a run is made short for what failed in it.
    if (!this.#begun) return null;
    for (const watcher of this.#watchers) {
      const { name, at, from, version } = watcher;
      if (at === null || from === null) return `watch ${name} is at no node`;
      if (!served.has(at.node.index)) {
        this.#leave(watcher);
        return `watch ${name} is at a node that need not be up to date`;
      }
      const applied = viewOf(at.node.index)?.applied ?? 0;
      if (version > applied) return `watch ${name} is at ${version}, its node at ${applied}`;
    }
    return null;
  }

  checkEnd(viewOf: (node: number) => ClusterView | undefined): void {
    for (const watcher of this.#watchers) {
      const view = watcher.at === null ? undefined : viewOf(watcher.at.node.index);
      if (view !== undefined) this.#options.checker.checkEnd(watcher, view.list("Vm") as readonly Vm[]);
    }
  }

  #connectSoon(watcher: Watcher): void {
    const { cluster, random } = this.#options;
    cluster.timeline.after(random.integer(AWAY_MAX_US), () => this.#connect(watcher));
  }

  #connect(watcher: Watcher): void {
    const { cluster, random, drawNode } = this.#options;
    const node = drawNode();
    const { process } = node;
    const replica = this.#replicas.get(node.index);
    if (process === null || replica === undefined) return this.#connectSoon(watcher);
    this.#attempts += 1;
    const attempt = this.#attempts;
    watcher.attempt = attempt;
    const since = watcher.from === null ? null : watcher.version;
    cluster.timeline.note(`watch ${watcher.name} ${node.index} since ${since}`);
    process.life.enter(() => {
      const told = (message: WatchMessage): void => {
        if (watcher.at?.actor === actor) this.#told(watcher, message);
      };
      if (watcher.at !== null || watcher.attempt !== attempt) return;
      const actor = process.system.spawn(watchActor(replica, told), { name: `watch-${attempt}` });
      watcher.at = { node, actor };
      if (since !== null) this.resumed += 1;
      process.system.tell(actor, { type: "watch-from", since });
      cluster.timeline.after(-Math.log(1 - random.next()) * STAY_US, () => {
        if (watcher.at?.actor === actor && this.#mayLeave) this.#leave(watcher);
      });
    });
    // A paused process comes to it when its user is elsewhere.
    if (watcher.at === null) this.#connectSoon(watcher);
  }

  #leave(watcher: Watcher): void {
    const { at } = watcher;
    const process = at?.node.process;
    if (at !== null && process) {
      process.life.enter(() => process.system.tell(at.actor, { type: "stop-watching" }));
    }
    this.#left(watcher);
  }

  #left(watcher: Watcher): void {
    watcher.at = null;
    this.#connectSoon(watcher);
  }

  #told(watcher: Watcher, message: WatchMessage): void {
    const { checker } = this.#options;
    switch (message.type) {
      case "synced":
        return checker.onSynced(watcher, message.version, message.resources);
      case "changes":
        return checker.onChanges(watcher, message);
      case "compacted":
        this.compacted += 1;
        watcher.from = null;
        return this.#leave(watcher);
      default:
        return message satisfies never;
    }
  }
}
