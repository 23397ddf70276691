/**
 * The users of a cluster beside the load of single requests (`vm-load.ts`): some share VMs, some create many at once, some watch. Which of them a
 * run has is drawn, so that a run with few of them is fast and one without shows what they hide.
 *
 * Each thing that one of them does is an act with draws of its own, as those of the other load: who decides upon it draws aside, and a schedule
 * may leave it out alone.
 */
import type { ClusterView, ReplicaRequest, Vm, VmSpec } from "../../actors/index.ts";
import type { Random, Ref } from "../../runtime/index.ts";
import type { ClientChecker } from "../checkers/client-checker.ts";
import { ClosedNodeChecker } from "../checkers/closed-node-checker.ts";
import { DependencyChecker } from "../checkers/dependency-checker.ts";
import { UpdateChecker } from "../checkers/update-checker.ts";
import { WatchChecker } from "../checkers/watch-checker.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import type { ClientMessage } from "./client-actor.ts";
import type { LoadAct } from "../schedule/load-act.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { ClientDesk } from "./client-desk.ts";
import { ContestedVms } from "./contested-vms.ts";
import { VmBursts } from "./vm-bursts.ts";
import { VmKeepers } from "./vm-keepers.ts";
import { DRAINED, VmDrainers } from "./vm-drainers.ts";
import { STACK, VmStacks } from "./vm-stacks.ts";
import { VmMovers } from "./vm-movers.ts";
import { VmWatchers } from "./vm-watchers.ts";

/** Who uses a cluster that lives for long. */
export interface UsersLife {
  /** How many times longer than in a run of minutes users wait. */
  readonly slower: number;
  /** Whether there are users of each kind. */
  readonly everyKind: boolean;
}

export interface UsersOptions {
  readonly random: Random;
  readonly cluster: Cluster;
  readonly clients: ClientChecker;
  /** Mean pause of a user between two requests, in microseconds. */
  readonly everyUs: number;
  /** Default: users of a run of minutes, of which kinds is drawn. */
  readonly life?: UsersLife;
  /** One of them does something of which nobody told him. */
  readonly onAct: (act: UsersAct) => void;
  /** Gives some VMs a disk. */
  readonly furnish: (vm: string, spec: VmSpec) => VmSpec;
}

/** What they do of their own will. */
export type UsersAct = Extract<LoadAct, { readonly type: (typeof ACTS)[number] }>;

const ACTS = ["update", "watch", "burst", "move", "keep", "stack", "drain"] as const;

const USERS_ACTS: ReadonlySet<string> = new Set(ACTS);

export function isUsersAct(act: LoadAct): act is UsersAct {
  return USERS_ACTS.has(act.type);
}

/** What users of all kinds have. */
export interface UserOptions {
  /** Of what they are. */
  readonly random: Random;
  /** Of what they decide upon. */
  readonly deciding: Random;
  readonly cluster: Cluster;
  readonly drawNode: (random: Random) => SimNode;
  /** As `UsersLife` has it. */
  readonly slower: number;
  readonly onAct: (act: UsersAct) => void;
}

/** Shares of runs that have users of a kind. */
const SHARE = { shared: 0.6, watchers: 0.6, bursts: 0.15, movers: 0.6, keepers: 0.5, stacks: 0.25, drainers: 0.3 };

export class Users {
  readonly #options: UsersOptions;
  readonly #desk: ClientDesk;
  readonly #updates: UpdateChecker;
  readonly #watches: WatchChecker;
  readonly #shared: ContestedVms | null;
  readonly #watchers: VmWatchers | null;
  readonly #bursts: VmBursts | null;
  readonly #movers: VmMovers | null;
  readonly #keepers: VmKeepers | null;
  readonly #stacks: VmStacks | null;
  readonly #drainers: VmDrainers | null;
  readonly #dependencies: DependencyChecker;
  readonly #closed: ClosedNodeChecker;
  /** Null: all. */
  #nodes: readonly number[] | null = null;

  constructor(options: UsersOptions) {
    const { random, cluster, clients, everyUs, life = { slower: 1, everyKind: false } } = options;
    this.#options = options;
    this.#desk = new ClientDesk(cluster);
    this.#updates = new UpdateChecker(cluster.timeline);
    this.#watches = new WatchChecker(cluster.timeline);
    const [desk, updates, checker] = [this.#desk, this.#updates, this.#watches];
    const drawn = <Kind>(share: number, make: (shared: UserOptions) => Kind): Kind | null => {
      const [own, deciding] = [random.fork(), random.fork()];
      const drawNode = (from: Random): SimNode => this.#drawNode(from);
      const { slower, everyKind } = life;
      const isThere = random.next() < share || everyKind;
      return isThere ? make({ random: own, deciding, cluster, drawNode, slower, onAct: options.onAct }) : null;
    };
    this.#shared = drawn(SHARE.shared, (shared) => new ContestedVms({ ...shared, desk, clients, updates, everyUs }));
    this.#watchers = drawn(SHARE.watchers, (shared) => new VmWatchers({ ...shared, checker }));
    this.#bursts = drawn(SHARE.bursts, (shared) => new VmBursts({ ...shared, desk, clients }));
    this.#movers = drawn(SHARE.movers, (shared) => new VmMovers({ ...shared, desk, furnish: options.furnish }));
    this.#keepers = drawn(SHARE.keepers, (shared) => new VmKeepers({ ...shared, desk }));
    this.#stacks = drawn(SHARE.stacks, (shared) => new VmStacks({ ...shared, desk }));
    this.#drainers = drawn(SHARE.drainers, (shared) => new VmDrainers({ ...shared, desk }));
    this.#dependencies = new DependencyChecker(cluster.timeline, STACK);
    this.#closed = new ClosedNodeChecker(cluster.timeline, DRAINED);
    if (this.#watchers !== null) clients.onChanged = (version) => checker.onAcknowledged(version);
  }

  add(node: number, client: Ref<ClientMessage>, replica: Ref<ReplicaRequest>): void {
    this.#desk.add(node, client);
    this.#watchers?.addReplica(node, replica);
  }

  /** A replica has applied one entry more. */
  onApply(view: ClusterView): void {
    if (this.#stacks !== null) this.#dependencies.onApply(view);
    if (this.#drainers !== null) this.#closed.onApply(view);
  }

  onEnd(node: SimNode): void {
    this.#desk.onEnd(node);
    this.#watchers?.onEnd(node);
  }

  /** `scheduled`: they do what `perform` is told of, and by themselves otherwise. */
  start(load: Schedule["load"]): void {
    const [drainers, stacks] = [this.#drainers, this.#stacks];
    const all = [this.#shared, this.#watchers, this.#bursts, this.#movers, this.#keepers, stacks, drainers];
    for (const users of all) users?.start(load);
  }

  /** Does what was recorded, or has just been drawn. False where this run has no such users, or it is not possible now. */
  perform(act: UsersAct): boolean {
    switch (act.type) {
      case "update":
        return this.#shared?.perform(act) === true;
      case "watch":
        return this.#watchers?.perform(act) === true;
      case "burst":
        return this.#bursts?.perform(act) === true;
      case "move":
        return this.#movers?.perform(act) === true;
      case "keep":
        return this.#keepers?.perform(act) === true;
      case "stack":
        return this.#stacks?.perform(act) === true;
      case "drain":
        return this.#drainers?.perform(act) === true;
      default:
        return act satisfies never;
    }
  }

  stop(): void {
    this.#watchers?.settle();
    const [drainers, stacks] = [this.#drainers, this.#stacks];
    for (const users of [this.#shared, this.#bursts, this.#movers, this.#keepers, stacks, drainers]) users?.stop();
  }

  /** From now on these nodes only are asked. */
  keepTo(nodes: ReadonlySet<number>): void {
    this.#nodes = [...nodes];
  }

  /** Faults are over: what is not as it must be by now. `served`: nodes that must be up to date. */
  unsettled(served: ReadonlySet<number>, viewOf: (node: number) => ClusterView | undefined): string | null {
    return this.#watchers?.unsettled(served, viewOf) ?? null;
  }

  /** Faults are over: which node is not yet empty, or open again. Asked first: what is closed keeps VMs waiting. */
  unsettledNodes(view: ClusterView, leader: SimNode): string | null {
    return this.#drainers?.unsettled(view, leader) ?? null;
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
      "VMs applied that wait for others": this.#stacks?.applied ?? 0,
      "VMs placed that require others": this.#dependencies.placed,
      "drains begun": this.#drainers?.taken.drain ?? 0,
      "drains taken back": this.#drainers?.taken.undrain ?? 0,
      "moves by stop and start": this.#drainers?.taken.cold ?? 0,
      "VMs begun beside drains": this.#closed.placed,
      "VMs paused": this.#movers?.taken.pause ?? 0,
      "VMs restarted": this.#movers?.taken.restart ?? 0,
      "migrations begun": this.#movers?.taken.migrate ?? 0,
      "checkpoints asked for": this.#keepers?.taken.checkpoint ?? 0,
      "clones asked for": this.#keepers?.taken.clone ?? 0,
      "restores asked for": this.#keepers?.taken.restore ?? 0,
      "migrations cancelled": this.#movers?.taken.cancel ?? 0,
    };
  }

  #drawNode(random: Random): SimNode {
    const { cluster } = this.#options;
    const all = this.#nodes ?? cluster.nodes.map(({ index }) => index);
    return cluster.node(all[random.integer(all.length)] as number);
  }
}
