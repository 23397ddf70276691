/**
 * The replica: this node's copy of the map. It applies what Raft commits, answers proposals and reads, and feeds watches.
 *
 *     committed entries ──▶ apply ──▶ feed and watchers ──▶ answers to proposals ──▶ reads that waited for the index
 *
 * Watchers are told before proposers are answered, so whoever does both sees the effect of a command before its outcome.
 * A crash in applying is a bug that every replica meets; the actor must not be restarted but escalate, see
 * `REPLICA_SPAWN_OPTIONS`. After a failed store it refuses everything but local reads. What it holds: `replica.ts`.
 */
import type { Behavior, Logger, PayloadCodec, Ref, SpawnOptions, StoreError } from "../../runtime/index.ts";
import type { CoordinationTables } from "../coordination/coordination-tables.ts";
import type { ConfigurationInForce } from "../raft/core/ready.ts";
import type { RaftActorMessage } from "../raft/raft-actor-protocol.ts";
import type { Kind, Resource } from "../resources/index.ts";
import type { ClusterLimits } from "./cluster-state.ts";
import { Replica } from "./replica.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import { isReplicaRequest } from "./replica-protocol.ts";

export interface ReplicaOptions {
  readonly raft: Ref<RaftActorMessage>;
  /** Encodes proposals for the log; all members must use the same. */
  readonly codec: PayloadCodec;
  readonly logger: Logger;
  /** How much the state remembers; all members must have the same. Default: see `ClusterLimits`. */
  readonly limits?: Partial<ClusterLimits>;
  /** Called after each index that was applied or restored. For checkers. */
  onApply?(view: ClusterView): void;
  /** Called once when the log can no longer be kept, so that the process can end. Default: it lives on, refusing. */
  onStoreFailed?(error: StoreError): void;
  /** Called whenever another configuration is in force at this node: who belongs to the cluster, and where they are reached. */
  onConfiguration?(inForce: ConfigurationInForce): void;
}

/** A look at the map; valid as long as its replica. */
export interface ClusterView {
  readonly applied: number;
  readonly fingerprint: string;
  /** What all members can apply (`cluster-level.ts`). */
  readonly level: number;
  get(kind: Kind, name: string): Resource | undefined;
  list(kind: Kind): readonly Resource[];
  /** Sessions of nodes, leases and shards; for reading only. */
  readonly coordination: CoordinationTables;
}

/** A mailbox so large that Raft's entries are never dropped before proposals are refused. */
export const REPLICA_SPAWN_OPTIONS: SpawnOptions = {
  name: "replica",
  supervision: { onCrash: "escalate" },
  mailbox: { capacity: 1_000_000 },
  // A slow peer must not hold up what the others wait for.
  onPressure: "ignore",
};

export function replicaActor(options: ReplicaOptions): Behavior<Replica, ReplicaMessage> {
  return {
    name: "replica",
    init: (ctx) => new Replica(options, ctx),
    // What Raft says, and its own timers, can only come from this node.
    accepts: isReplicaRequest,
    receive: (replica, message) => {
      replica.handle(message);
      return replica;
    },
    onSignal: (replica, signal) => {
      if (signal.type === "terminated") replica.forget(signal.ref);
      return replica;
    },
  };
}
