/**
 * Users who watch VMs, as the API's clients do: they stay at a node until it goes or they want to, go on at another one from the version that they
 * have, and begin anew when that one says that it no longer knows what came after it.
 */
import type { ClusterView, ReplicaRequest, Vm, WatchMessage } from "../../actors/index.ts";
import type { Random, Ref } from "../../runtime/index.ts";
import type { WatchChecker, Watched } from "../checkers/watch-checker.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { CHANCES } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { UserOptions, UsersAct } from "./users.ts";
import { watchActor, type WatchOrder } from "./watch-actor.ts";

export interface VmWatchersOptions extends UserOptions {
  readonly checker: WatchChecker;
}

type WatchAct = Extract<UsersAct, { readonly type: "watch" }>;

interface Watcher extends Watched {
  /** Which user it is. */
  readonly user: number;
  /** He has begun to watch somewhere: of users that a schedule leaves out nothing is asked. */
  hasBegun: boolean;
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
  #decides = false;
  /** Faults are over: users stay where they are as long as they can, and come back by themselves. */
  #isSettling = false;
  readonly #settling: Random;

  constructor(options: VmWatchersOptions) {
    this.#options = options;
    this.#watchers = Array.from({ length: 1 + options.random.integer(WATCHERS_MAX) }, (_, at) => ({
      ...{ name: `w${at}`, version: 0, from: null, vms: new Map(), gone: new Map(), seen: new Set() },
      ...{ at: null, attempt: 0, user: at, hasBegun: false },
    }));
    this.#settling = options.random.fork();
  }

  addReplica(node: number, replica: Ref<ReplicaRequest>): void {
    this.#replicas.set(node, replica);
  }

  onEnd(node: SimNode): void {
    this.#replicas.delete(node.index);
    for (const watcher of this.#watchers) if (watcher.at?.node === node) this.#left(watcher);
  }

  /** `scheduled`: they come and go when `perform` is told to. */
  start(load: Schedule["load"]): void {
    this.#decides = load === "drawn";
    for (const watcher of this.#watchers) this.#connectSoon(watcher);
  }

  /** False when there is no such user, nobody to watch at, or he is where he is, or nowhere, already. */
  perform({ user, node }: WatchAct): boolean {
    const watcher = this.#watchers[user];
    if (watcher === undefined || this.#isSettling) return false;
    if (node === null) return watcher.at !== null && this.#leave(watcher);
    const at = this.#options.cluster.nodes[node];
    return at !== undefined && this.#connect(watcher, at);
  }

  settle(): void {
    this.#isSettling = true;
    for (const watcher of this.#watchers) if (watcher.hasBegun && watcher.at === null) this.#connectSoon(watcher);
  }

  /** What watch is not up to date; null when all are. */
  unsettled(served: ReadonlySet<number>, viewOf: (node: number) => ClusterView | undefined): string | null {
    for (const watcher of this.#watchers) {
      if (!watcher.hasBegun) continue;
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
    const { cluster, deciding, drawNode, onAct } = this.#options;
    if (this.#isSettling) {
      const random = this.#settling;
      const connect = (): void => {
        if (watcher.at === null && !this.#connect(watcher, drawNode(random))) this.#connectSoon(watcher);
      };
      cluster.timeline.after(random.integer(AWAY_MAX_US), connect);
    } else if (this.#decides) {
      const decide = (): void => {
        if (this.#isSettling || watcher.at !== null) return;
        const act: WatchAct = {
          ...{ type: "watch", user: watcher.user, node: drawNode(deciding).index },
          chance: deciding.integer(CHANCES),
        };
        if (this.perform(act)) onAct(act);
        else this.#connectSoon(watcher);
      };
      cluster.timeline.afterAside(deciding.integer(AWAY_MAX_US), decide, "load");
    }
  }

  /** False when nobody is there, or he watches already. */
  #connect(watcher: Watcher, node: SimNode): boolean {
    const { cluster } = this.#options;
    const { process } = node;
    const replica = this.#replicas.get(node.index);
    if (process === null || replica === undefined || watcher.at !== null) return false;
    this.#attempts += 1;
    const attempt = this.#attempts;
    watcher.attempt = attempt;
    watcher.hasBegun = true;
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
      this.#leaveSoon(watcher, actor);
    });
    // A paused process comes to it when its user is elsewhere.
    if (watcher.at === null) this.#connectSoon(watcher);
    return true;
  }

  #leaveSoon(watcher: Watcher, actor: Ref<WatchOrder>): void {
    const { cluster, deciding, slower, onAct } = this.#options;
    if (!this.#decides || this.#isSettling) return;
    const decide = (): void => {
      if (this.#isSettling || watcher.at?.actor !== actor) return;
      const act: WatchAct = { type: "watch", user: watcher.user, node: null, chance: deciding.integer(CHANCES) };
      if (this.perform(act)) onAct(act);
    };
    cluster.timeline.afterAside(-Math.log(1 - deciding.next()) * STAY_US * slower, decide, "load");
  }

  #leave(watcher: Watcher): true {
    const { at } = watcher;
    const process = at?.node.process;
    if (at !== null && process) {
      process.life.enter(() => process.system.tell(at.actor, { type: "stop-watching" }));
    }
    this.#left(watcher);
    return true;
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
        this.#leave(watcher);
        return;
      default:
        return message satisfies never;
    }
  }
}
