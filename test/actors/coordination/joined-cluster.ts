/** Nodes that have joined one cluster, in virtual time, each with a log that outlives its process. */
import { jsonCodec, stateless, type ActorSystem } from "../../../runtime/index.ts";
import {
  COORDINATOR_PATH,
  joinCluster,
  type Cluster,
  type ClusterView,
  type CoordinatorRequest,
  type JoinClusterOptions,
  type LeadershipChange,
  type ReplicaRequest,
} from "../../../actors/index.ts";
import {
  createManualCluster,
  createMemoryLog,
  createMemorySnapshots,
  type ManualCluster,
  type ManualWorld,
  type MemoryLog,
  type MemorySnapshots,
} from "../../../runtime/testkit/index.ts";

export class JoinedCluster {
  readonly network: ManualCluster;
  readonly names: readonly string[];
  readonly views: Map<string, ClusterView> = new Map();
  readonly crashes: string[] = [];
  /** What `joinCluster` returned, by node. */
  readonly joined: Map<string, Cluster> = new Map();
  readonly #disks = new Map<string, { readonly log: MemoryLog; readonly snapshots: MemorySnapshots }>();
  readonly #start: (system: ActorSystem, world: ManualWorld) => void;

  /** @param start spawns what runs on each node beside the members' actors, again after a restart. */
  constructor(names: readonly string[], start: (system: ActorSystem, world: ManualWorld) => void = () => {}) {
    this.names = names;
    this.#start = start;
    this.network = createManualCluster(names, {
      delayMs: 1,
      system: () => ({ onCrash: ({ ref, error }) => void this.crashes.push(`${ref.toString()}: ${String(error)}`) }),
    });
    for (const name of names) this.#join(this.network.system(name));
  }

  get world(): ManualWorld {
    return this.network.world;
  }

  system(node: string): ActorSystem {
    return this.network.system(node);
  }

  /** The map as a node that runs sees it. */
  view(node: string): ClusterView {
    const view = this.views.get(node);
    if (view === undefined) throw new Error(`Node "${node}" has applied nothing`);
    return view;
  }

  tellCoordinator(node: string, request: CoordinatorRequest): void {
    const system = this.system(node);
    system.tell(system.refAt<CoordinatorRequest>({ node, path: COORDINATOR_PATH }), request);
  }

  /** The node that leads the log, by its own word. */
  leader(): string {
    let leading: string | undefined;
    for (const node of this.names) {
      const system = this.system(node);
      const subscriber = system.spawn(
        stateless<LeadershipChange>("leadership", ({ isLeader }) => void (isLeader && (leading = node))),
      );
      system.tell(system.refAt<ReplicaRequest>({ node, path: "replica" }), { type: "watch-leadership", subscriber });
    }
    this.until("a node leads", () => leading !== undefined);
    return leading as string;
  }

  /** Lets time pass until it holds. @throws when it does not in time. */
  until(what: string, holds: () => boolean, withinMs = 20_000): void {
    if (!this.world.advanceUntil(holds, withinMs)) throw new Error(`Not within ${withinMs} ms: ${what}`);
  }

  /** Cuts a node off from all others; they notice at once. */
  cutOff(node: string): void {
    for (const other of this.names) if (other !== node) this.network.cut(node, other);
  }

  heal(node: string): void {
    for (const other of this.names) if (other !== node) this.network.heal(node, other);
  }

  crash(node: string): void {
    this.network.crash(node);
    this.views.delete(node);
  }

  restart(node: string): void {
    this.#join(this.network.restart(node));
  }

  close(): void {
    this.network.close();
  }

  #join(system: ActorSystem): void {
    const { node } = system;
    const later = (run: () => void): void => void this.world.clock.setTimer(0, run);
    const empty = { log: createMemoryLog({ later }), snapshots: createMemorySnapshots({ later }) };
    const disk = this.#disks.get(node) ?? empty;
    this.#disks.set(node, disk);
    const options: JoinClusterOptions = {
      members: this.names,
      store: disk.log.open(),
      snapshots: disk.snapshots.open(),
      codec: jsonCodec,
      logger: { log: () => {} },
      onApply: (view) => void this.views.set(node, view),
    };
    this.joined.set(node, joinCluster(system, options));
    this.#start(system, this.world);
  }
}
