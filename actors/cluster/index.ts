/** The replicated map and the actor that keeps it. See README.md. */
export type { Command, CommandOf, Observation, Outcome, Proposal, RefusalCode } from "./commands.ts";
export { ChangeFeed, type VersionedChanges } from "./change-feed.ts";
export { ClusterInvariantError } from "./cluster-invariant.ts";
export { ClusterState, type Applied, type ClusterLimits } from "./cluster-state.ts";
export { DRIFT_BOUND, GRACE_MS, LEASE_MS, LEASE_RULE, RENEW_MS, type LeaseRule } from "./lease.ts";
export { brokenLeaseRule, type LeaseFaults } from "./planted-faults.ts";
export { PROPOSALS_MAX } from "./proposer.ts";
export { READS_MAX } from "./reader.ts";
export { REPLICA_SPAWN_OPTIONS, replicaActor, type ClusterView, type ReplicaOptions } from "./replica-actor.ts";
export type { ReplicaMessage } from "./replica-message.ts";
export type {
  Change,
  ChangeMembership,
  ChangeMembershipReply,
  ConfigurationStatus,
  LeadershipChange,
  MemberProgress,
  MemberStatus,
  ProposeReply,
  Query,
  ReadReply,
  ReplicaRequest,
  ReplicaStatus,
  Selection,
  SnapshotReply,
  TransferLeadership,
  TransferReply,
  Unavailable,
  WatchMessage,
} from "./replica-protocol.ts";
export { SESSIONS_MAX } from "../raft/sessions/session-table.ts";
export { VCPU_OVERCOMMIT } from "./rooms.ts";
