/** Raft: consensus on a log of commands. See README.md. */
export {
  allMembers,
  allVoters,
  configurationFault,
  createConfiguration,
  EMPTY_CONFIGURATION,
  isJoint,
  isMember,
  isVoter,
  type Configuration,
} from "./core/configuration.ts";
export { decodeConfiguration, encodeConfiguration } from "./core/configuration-codec.ts";
export { InFlight, type SentAppend, type WindowLimits } from "./core/in-flight.ts";
export { RaftInvariantError } from "./core/invariant.ts";
export { leaveJoint, nextConfiguration, type NextConfiguration } from "./core/membership.ts";
export { messageFault } from "./core/message-check.ts";
export type {
  AppendRequest,
  AppendResponse,
  CommitNotice,
  Heartbeat,
  HeartbeatResponse,
  LogPart,
  LogRequest,
  NewerTerm,
  PreVoteRequest,
  PreVoteResponse,
  RaftMessage,
  ReadRequest,
  ReadResponse,
  SnapshotOffer,
  SnapshotPart,
  SnapshotReport,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from "./core/messages.ts";
export type { Outgoing } from "./core/outbox.ts";
export type { Urgency } from "./core/admission.ts";
export { brokenRules } from "./core/planted-faults.ts";
export type { Essence } from "./core/essence.ts";
export { Progress, type LogMarks, type ProgressState } from "./core/progress.ts";
export { majoritySize, quorumValue, voteResult, type VoteResult } from "./core/quorum.ts";
export { RaftCore, type RaftCoreOptions, type RaftGlance, type RaftView } from "./core/raft-core.ts";
export type { RaftInput } from "./core/raft-input.ts";
export {
  DEFAULT_RAFT_LIMITS,
  DEFAULT_RAFT_PREFERENCES,
  DEFAULT_RAFT_TIMING,
  type RaftLimits,
  type RaftPreferences,
  type RaftTiming,
} from "./core/raft-options.ts";
export { RAFT_RULES, type RaftRules } from "./core/raft-rules.ts";
export { leaseMs, ReadLease } from "./core/read-lease.ts";
export { ReadRounds, type FinishedRound, type PendingRead } from "./core/read-rounds.ts";
export type {
  ChangeMembershipResult,
  ConfigurationInForce,
  Leadership,
  MembershipChange,
  PeerStatus,
  ProposeResult,
  RaftAlarm,
  RaftRole,
  RaftStatus,
  ReadFailure,
  ReadOutcome,
  Ready,
  SnapshotMessage,
  TransferResult,
} from "./core/ready.ts";
export type { RaftRefusal } from "./core/refusals.ts";
export {
  Formation,
  type FormationDecision,
  type FormationOptions,
  type FormationOutput,
  type FormationState,
} from "./formation/formation.ts";
export type { Belonging, FormationMessage } from "./formation/formation-messages.ts";
export { incarnationOf, nodeOf } from "./member-id.ts";
export { RAFT_SPAWN_OPTIONS, raftActor } from "./raft-actor.ts";
export { DEFAULT_SNAPSHOT_OPTIONS, type RaftActorOptions, type SnapshotOptions } from "./raft-actor-options.ts";
export type {
  RaftActorMessage,
  RaftChangeMembership,
  RaftEvent,
  RaftMachineMessage,
  RaftPropose,
  RaftProposeBatch,
  RaftProposeReply,
  RaftTransfer,
  SnapshotNowReply,
} from "./raft-actor-protocol.ts";
export type { RaftActorStatus, RaftMembership, RaftMemberStatus } from "./raft-actor-status.ts";
export type { RaftHost } from "./raft-host.ts";
export type { RefusalReason } from "./refusals.ts";
export type { TraceAction, TracedMessage, TraceEntry, TraceEvent, TraceMessage } from "./trace.ts";
