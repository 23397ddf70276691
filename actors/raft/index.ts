/** Raft: consensus on a log of commands. See README.md. */
export { createConfiguration, type Configuration } from "./core/configuration.ts";
export { RaftInvariantError } from "./core/invariant.ts";
export type { RaftMessage } from "./core/messages.ts";
export type { Outgoing } from "./core/outbox.ts";
export { brokenRules, type RaftFaults } from "./core/planted-faults.ts";
export { RAFT_SPAWN_OPTIONS, raftActor } from "./raft-actor.ts";
export type { RaftActorOptions, SnapshotOptions } from "./raft-actor-options.ts";
export type { RaftActorStatus, RaftMembership, RaftMemberStatus } from "./raft-actor-status.ts";
export type { RaftActorMessage, RaftEvent, RaftPropose, RaftProposeReply } from "./raft-actor-protocol.ts";
export { RaftCore, type RaftCoreOptions, type RaftInput, type RaftView } from "./core/raft-core.ts";
export { DEFAULT_RAFT_LIMITS, DEFAULT_RAFT_TIMING, type RaftLimits, type RaftTiming } from "./core/raft-options.ts";
export { RAFT_RULES, type RaftRules } from "./core/raft-rules.ts";
export type {
  Leadership,
  PeerStatus,
  ProposeResult,
  RaftAlarm,
  RaftRole,
  RaftStatus,
  ReadFailure,
  ReadOutcome,
  Ready,
} from "./core/ready.ts";
