/**
 * Joins an actor system to a cluster: consensus, the replicated state, groups and the coordinator. All that a library user
 * needs for leases, singletons and shards; `spawnMember` puts the rest of a VM node on top.
 */
import {
  spawnReceptionist,
  type ActorSystem,
  type Logger,
  type LogStore,
  type PayloadCodec,
  type Ref,
  type SnapshotStore,
  type StoreError,
} from "../runtime/index.ts";
import { clusterReadinessActor, type ClusterReadiness } from "./cluster-readiness.ts";
import type { ClusterLimits } from "./cluster/cluster-state.ts";
import { KnownVoters } from "./cluster/known-voters.ts";
import type { LeaseRule } from "./cluster/lease.ts";
import { replicaActor, REPLICA_SPAWN_OPTIONS, type ClusterView } from "./cluster/replica-actor.ts";
import type { ReplicaRequest } from "./cluster/replica-protocol.ts";
import { coordinatorActor, COORDINATOR_SPAWN_OPTIONS } from "./coordination/coordinator-actor.ts";
import type { CoordinatorRequest } from "./coordination/coordinator-protocol.ts";
import type { HoldRule } from "./coordination/tenure.ts";
import { preferencesFault } from "./raft/core/priority.ts";
import type { ConfigurationInForce } from "./raft/core/ready.ts";
import {
  raftActor,
  RAFT_SPAWN_OPTIONS,
  type RaftActorMessage,
  type RaftLimits,
  type RaftPreferences,
  type RaftRules,
  type RaftTiming,
  type RaftView,
  type SnapshotOptions,
} from "./raft/index.ts";

/** What a node brings along to join a cluster; a ready-made world has it as `cluster`. */
export interface JoinClusterOptions {
  /** Names of the nodes that make the cluster, this one among them, the same at all of them; later, whom to ask about it. */
  readonly members: readonly string[];
  /** Where this node keeps its log. */
  readonly store: LogStore;
  /** Where this node keeps snapshots of the replicated state. */
  readonly snapshots: SnapshotStore;
  /** Encodes commands for the log; the same at all members. */
  readonly codec: PayloadCodec;
  readonly logger: Logger;
  readonly raftTiming?: Partial<RaftTiming>;
  readonly raftLimits?: Partial<RaftLimits>;
  /**
   * Who had better lead, and whether reads go under leases; the latter the same at all members, and only where clocks can be relied on
   * (docs/operations.md). Default: all are equal, and every linearizable read takes a round of heartbeats.
   */
  readonly preferences?: Partial<RaftPreferences>;
  /** When snapshots are made, and how fast they travel. */
  readonly snapshotting?: Partial<SnapshotOptions>;
  /** The log can no longer be read or kept; whoever runs the process should end it. Default: it lives on, refusing. */
  readonly onStoreFailed?: (error: StoreError) => void;
  /** Another configuration is in force at this node; its `addresses` say where members that were added later are reached. */
  readonly onConfiguration?: (inForce: ConfigurationInForce) => void;
  /** For the simulator: rules with a planted fault, and looks inside for its checkers. */
  readonly raftRules?: RaftRules;
  readonly leaseRule?: LeaseRule;
  readonly holdRule?: HoldRule;
  /** The same at all members: a small cluster that forgets as a large one does. Default: as in production. */
  readonly stateLimits?: Partial<ClusterLimits>;
  readonly onRaftStart?: (view: RaftView) => void;
  readonly onApply?: (view: ClusterView) => void;
}

/** The actors of this node that speak for the cluster. */
export interface Cluster {
  /** This node's copy of the replicated state. */
  readonly replica: Ref<ReplicaRequest>;
  /** Where actors of this node claim leases; singletons and shards do so by themselves. */
  readonly coordinator: Ref<CoordinatorRequest>;
  /**
   * Resolves when this node can use the cluster: it is linked with a majority, and a leader has confirmed a read of its replica.
   * Says so at once when it can already; a cluster may lose its leader right after. After `timeoutMs`, and some 250 ms at most
   * to find out why, it resolves with what is missing. Rejects for a system that has stopped; `RangeError` for a timeout that is none.
   */
  ready(options: { readonly timeoutMs: number }): Promise<ClusterReadiness>;
  /** `ready` for whoever cannot wait for a promise, such as a simulated world. @throws what `ready` rejects with. */
  whenReady(options: { readonly timeoutMs: number }, done: (readiness: ClusterReadiness) => void): void;
}

/**
 * Spawns the actors of one member, consensus first, so that a stopping system ends it last.
 * @throws when the system has joined a cluster already; `RangeError` when this node is no member, one is named twice, or a preference is
 * none; `TypeError` for options that lack `members` or a port.
 */
export function joinCluster(system: ActorSystem, options: JoinClusterOptions): Cluster {
  checkPorts(system.node, options);
  const { codec, logger } = options;
  checkMembers(system.node, options.members);
  checkPreferences(system.node, options.preferences);
  const raft = system.refAt<RaftActorMessage>({ node: system.node, path: "raft" });
  const voters = new KnownVoters(options.members);
  const replicaOptions = {
    raft,
    codec,
    logger,
    ...optional("limits", options.stateLimits),
    ...optional("onApply", options.onApply),
    ...optional("onStoreFailed", options.onStoreFailed),
    onConfiguration: (inForce: ConfigurationInForce) => {
      voters.follow(inForce.configuration);
      options.onConfiguration?.(inForce);
    },
  };
  const replica = system.spawn(replicaActor(replicaOptions), REPLICA_SPAWN_OPTIONS);
  system.spawn(
    raftActor({
      voters: options.members,
      store: options.store,
      snapshots: options.snapshots,
      subscriber: replica,
      ...optional("preferences", options.preferences),
      ...optional("snapshotting", options.snapshotting),
      ...optional("timing", options.raftTiming),
      ...optional("limits", options.raftLimits),
      ...optional("rules", options.raftRules),
      ...optional("onStart", options.onRaftStart),
    }),
    RAFT_SPAWN_OPTIONS,
  );
  spawnReceptionist(system);
  const coordinatorOptions = {
    replica,
    voters,
    ...optional("leaseRule", options.leaseRule),
    ...optional("holdRule", options.holdRule),
  };
  const coordinator = system.spawn(coordinatorActor(coordinatorOptions), COORDINATOR_SPAWN_OPTIONS);
  const whenReady: Cluster["whenReady"] = ({ timeoutMs }, done) => {
    if (!(timeoutMs > 0)) {
      throw new RangeError(
        `Cannot wait for the cluster of node "${system.node}": timeoutMs is ${timeoutMs}, wanted more than 0`,
      );
    }
    system.spawn(clusterReadinessActor({ voters, replica, timeoutMs, done }), {
      supervision: { onCrash: "stop" },
    });
  };
  const ready: Cluster["ready"] = (limits) => new Promise((resolve) => whenReady(limits, resolve));
  return { replica, coordinator, ready, whenReady };
}

/** A JavaScript caller is not held to the types, and a world without a data folder has no `cluster`. */
function checkPorts(node: string, options: JoinClusterOptions | undefined): void {
  const refuse = (what: string): never => {
    const helps = "a world with a data folder brings all of them as world.cluster";
    throw new TypeError(`Cannot join a cluster as node "${node}": ${what}; ${helps}`);
  };
  if (typeof options !== "object" || options === null) return refuse("it is given no options");
  const lacking = (["members", "store", "snapshots", "codec", "logger"] as const).find(
    (name) => typeof options[name] !== "object",
  );
  if (lacking !== undefined || !Array.isArray(options.members)) refuse(`it is given no ${lacking ?? "members"}`);
}

/** A node that is no member would vote in a quorum of which the others know nothing. */
function checkMembers(node: string, members: readonly string[]): void {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot join a cluster as node "${node}": ${why}`);
  };
  if (!members.includes(node)) refuse(`its members are ${members.map((name) => `"${name}"`).join(", ") || "none"}`);
  const double = members.find((name, at) => members.indexOf(name) !== at);
  if (double !== undefined) refuse(`member "${double}" is named twice`);
}

function checkPreferences(node: string, { priority = 0, leaseReads = false }: Partial<RaftPreferences> = {}): void {
  const fault = preferencesFault({ priority, leaseReads });
  if (fault !== null) throw new RangeError(`Cannot join a cluster as node "${node}": ${fault}`);
}

/** An optional property, absent rather than undefined. */
function optional<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}
