/**
 * The actors of one cluster member, put together: the same in production and in the simulator.
 *
 * Spawned youngest last, so that a stopping system ends them in reverse: the node first, consensus last.
 */
import type {
  ActorSystem,
  Hypervisor,
  Logger,
  LogStore,
  PayloadCodec,
  Prober,
  Ref,
  StoreError,
} from "../runtime/index.ts";
import { LEASE_MS, RENEW_MS, type LeaseRule } from "./cluster/lease.ts";
import { replicaActor, REPLICA_SPAWN_OPTIONS, type ClusterView } from "./cluster/replica-actor.ts";
import type { ReplicaMessage } from "./cluster/replica-message.ts";
import { leaderActor, LEADER_SPAWN_OPTIONS } from "./controller/leader-actor.ts";
import { NODE_SPAWN_OPTIONS, nodeActor } from "./node/node-actor.ts";
import {
  raftActor,
  RAFT_SPAWN_OPTIONS,
  type RaftActorMessage,
  type RaftLimits,
  type RaftRules,
  type RaftTiming,
  type RaftView,
} from "./raft/index.ts";
import type { NodeSpec } from "./resources/index.ts";

export interface MemberOptions {
  /** Names of all members, this one among them. */
  readonly members: readonly string[];
  /** What this node says of itself when it registers. */
  readonly spec: NodeSpec;
  readonly store: LogStore;
  readonly codec: PayloadCodec;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  readonly logger: Logger;
  readonly raftTiming?: Partial<RaftTiming>;
  readonly raftLimits?: Partial<RaftLimits>;
  /** For the simulator: rules with a planted fault, and looks inside for its checkers. */
  readonly raftRules?: RaftRules;
  readonly leaseRule?: LeaseRule;
  readonly onRaftStart?: (view: RaftView) => void;
  readonly onApply?: (view: ClusterView) => void;
  /** The log can no longer be read or kept; whoever runs the process should end it. */
  readonly onStoreFailed?: (error: StoreError) => void;
}

export interface Member {
  readonly replica: Ref<ReplicaMessage>;
}

/** Spawns them. A log that cannot be read is told through `onStoreFailed`. */
export function spawnMember(system: ActorSystem, options: MemberOptions): Member {
  const { spec, hypervisor, prober, logger, codec } = options;
  const raft = system.refAt<RaftActorMessage>({ node: system.node, path: "raft" });
  const replicaOptions = {
    raft,
    codec,
    logger,
    ...optional("onApply", options.onApply),
    ...optional("onStoreFailed", options.onStoreFailed),
  };
  const replica = system.spawn(replicaActor(replicaOptions), REPLICA_SPAWN_OPTIONS);
  system.spawn(
    raftActor({
      voters: options.members,
      store: options.store,
      subscriber: replica,
      ...optional("timing", options.raftTiming),
      ...optional("limits", options.raftLimits),
      ...optional("rules", options.raftRules),
      ...optional("onStart", options.onRaftStart),
    }),
    RAFT_SPAWN_OPTIONS,
  );
  system.spawn(leaderActor({ replica, ...optional("leaseRule", options.leaseRule) }), LEADER_SPAWN_OPTIONS);
  const lease = { leaseMs: LEASE_MS, renewMs: RENEW_MS };
  const node = nodeActor({ name: system.node, spec, hypervisor, prober, logger, replica, lease });
  system.spawn(node, NODE_SPAWN_OPTIONS);
  return { replica };
}

/** An optional property, absent rather than undefined. */
function optional<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });
}
