/** Sessions, leases with fences, and shards, in the replicated state; who holds them on a node. See README.md. */
export type { CoordinationCommand, CoordinationCommandOf, SessionId, ShardMove } from "./coordination-commands.ts";
export type { CoordinationNews, CoordinationSelection } from "./coordination-news.ts";
export type {
  CoordinationChange,
  CoordinationKind,
  CoordinationRecord,
  EntityRecord,
  LeaseRecord,
  RegionRecord,
  SessionRecord,
  ShardRecord,
  ShardTypeRecord,
} from "./coordination-record.ts";
export { CoordinationTables } from "./coordination-tables.ts";
export { COORDINATOR_PATH, COORDINATOR_SPAWN_OPTIONS, coordinatorActor } from "./coordinator-actor.ts";
export type {
  CoordinatorRequest,
  LeaseEvent,
  LeaseHolder,
  MajorityLost,
  SessionEvent,
} from "./coordinator-protocol.ts";
export { FenceGate } from "./fence-gate.ts";
export { guarded } from "./guarded.ts";
export { brokenHoldRule, brokenShardRules, type CoordinationFaults } from "./planted-faults.ts";
export { planShards, SHARD_MOVES_MAX } from "./plan-shards.ts";
export { fenced, SessionTerm, Tenure } from "./tenure.ts";
