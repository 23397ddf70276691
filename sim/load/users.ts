/**
 * The users of a cluster beside the load of single requests (`vm-load.ts`): some share VMs, some create many at once, some watch. Which of them a
 * run has is drawn, so that a run with few of them is fast and one without shows what they hide.
 */
import type { ClusterView, ReplicaRequest, Vm } from "../../actors/index.ts";
import type { Random, Ref } from "../../runtime/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import { UpdateChecker } from "../checkers/update-checker.ts";
import { WatchChecker } from "../checkers/watch-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientMessage } from "./client-actor.ts";
import { CHANCES, type LoadAct, type UsersKind } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { ClientDesk } from "./client-desk.ts";
import { ContestedVms } from "./contested-vms.ts";
import { VmBursts } from "./vm-bursts.ts";
import { VmWatchers } from "./vm-watchers.ts";

export interface UsersOptions {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly clients: ClientChecker;
  /** Mean pause of a user between two requests, in microseconds. */
  readonly everyUs: number;
  /** VMs of the largest burst. */
  readonly burstMax: number;
  /** Users of a kind begin of whom nobody told them to. */
  readonly onAct: (act: UsersAct) => void;
}

export type UsersAct = Extract<LoadAct, { readonly type: "users" }>;

/** Shares of runs that have users of a kind. */
const SHARE = { shared: 0.6, watchers: 0.6, bursts: 0.15 };

export class Users {
  readonly #options: UsersOptions;
  readonly #desk: ClientDesk;
  readonly #updates: UpdateChecker;
  readonly #watches: WatchChecker;
  readonly #shared: ContestedVms | null;
  readonly #watchers: VmWatchers | null;
  readonly #bursts: VmBursts | null;
  /** Null: all. */
  #nodes: readonly number[] | null = null;

  constructor(options: UsersOptions) {
    const { random, cluster, clients, everyUs, burstMax } = options;
    this.#options = options;
    this.#desk = new ClientDesk(cluster);
    this.#updates = new UpdateChecker(cluster.timeline);
    this.#watches = new WatchChecker(cluster.timeline);
    const [desk, updates, checker] = [this.#desk, this.#updates, this.#watches];
    const drawn = <Kind>(share: number, make: (own: Random, drawNode: () => SimNode) => Kind): Kind | null => {
      const [own, nodes] = [random.fork(), random.fork()];
      return random.next() < share ? make(own, () => this.#drawNode(nodes)) : null;
    };
    this.#shared = drawn(
      SHARE.shared,
      (own, drawNode) => new ContestedVms({ random: own, cluster, desk, clients, updates, everyUs, drawNode }),
    );
    this.#watchers = drawn(SHARE.watchers, (own, drawNode) => {
      return new VmWatchers({ random: own, cluster, checker, drawNode });
    });
    this.#bursts = drawn(SHARE.bursts, (own, drawNode) => {
      return new VmBursts({ random: own, cluster, desk, clients, drawNode, sizeMax: burstMax });
    });
    if (this.#watchers !== null) clients.onChanged = (version) => checker.onAcknowledged(version);
  }

  add(node: number, client: Ref<ClientMessage>, replica: Ref<ReplicaRequest>): void {
    this.#desk.add(node, client);
    this.#watchers?.addReplica(node, replica);
  }

  onEnd(node: SimNode): void {
    this.#desk.onEnd(node);
    this.#watchers?.onEnd(node);
  }

  /** `scheduled`: users of a kind begin when `perform` is told to, and by themselves otherwise. */
  start(load: Schedule["load"]): void {
    if (load === "scheduled") return;
    const { cluster, random, onAct } = this.#options;
    const kinds = { shared: this.#shared, watchers: this.#watchers, bursts: this.#bursts };
    for (const [kind, users] of Object.entries(kinds)) {
      const act: UsersAct = { type: "users", kind: kind as UsersKind, chance: random.integer(CHANCES) };
      const begin = (): void => {
        if (this.perform(act)) onAct(act);
      };
      if (users !== null) cluster.timeline.afterAside(0, begin, "load");
    }
  }

  /** Has users of a kind begin. False where this run has none. */
  perform({ kind }: UsersAct): boolean {
    const users = kind === "shared" ? this.#shared : kind === "watchers" ? this.#watchers : this.#bursts;
    users?.start();
    return users !== null;
  }

  stop(): void {
    this.#shared?.stop();
    this.#watchers?.settle();
    this.#bursts?.stop();
  }

  /** From now on these nodes only are asked. */
  keepTo(nodes: ReadonlySet<number>): void {
    this.#nodes = [...nodes];
  }

  /** Faults are over: what is not as it must be by now. `served`: nodes that must be up to date. */
  unsettled(served: ReadonlySet<number>, viewOf: (node: number) => ClusterView | undefined): string | null {
    return this.#watchers?.unsettled(served, viewOf) ?? null;
  }

  /** `view`: the map of who leads. */
  checkEnd(view: ClusterView, viewOf: (node: number) => ClusterView | undefined): void {
    this.#shared?.checkEnd(view.list("Vm") as readonly Vm[]);
    this.#watchers?.checkEnd(viewOf);
  }

  marks(): Readonly<Record<string, number>> {
    return {
      "users' requests": this.#desk.sent,
      "updates of what is shared": this.#updates.acknowledged,
      "updates in conflict": this.#updates.conflicts,
      "requests said again": this.#shared?.repeated ?? 0,
      "changes watched": this.#watches.changes,
      "watches resumed": this.#watchers?.resumed ?? 0,
      "watches told of a gap": this.#watchers?.compacted ?? 0,
      "bursts of VMs": this.#bursts?.bursts ?? 0,
    };
  }

  #drawNode(random: Random): SimNode {
    const { cluster } = this.#options;
    const all = this.#nodes ?? cluster.nodes.map(({ index }) => index);
    return cluster.node(all[random.integer(all.length)] as number);
  }
}
