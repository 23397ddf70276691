/**
 * One JSON-able object for each step of a member: rich enough to check a run against a specification of Raft.
 *
 * The names of the actions are those of Ongaro's raft.tla where it has one; docs/raft-trace.md says which is which and how a checker
 * reads them. Entries are told without their payloads, which no rule of consensus looks at.
 */
import type { LogPosition } from "../../runtime/ports/log-store.ts";
import type { Configuration } from "./core/configuration.ts";
import type { RaftMessage } from "./core/messages.ts";
import type { RaftRole } from "./core/ready.ts";

export interface TraceEvent {
  /** The member's monotonic clock, in milliseconds. */
  readonly atMs: number;
  readonly member: string;
  readonly cluster: string;
  readonly action: TraceAction;
  /** What the member is after the step. */
  readonly term: number;
  readonly role: RaftRole;
  readonly leader: string | null;
  readonly vote: string | null;
  readonly commit: number;
  readonly durable: number;
  readonly last: LogPosition;
  /** The log holds what comes after it. */
  readonly base: number;
  readonly configuration: Configuration;
  /** The message that was received; entries without payloads. */
  readonly received?: TraceMessage;
  /** What the step has put into the log: from its first index, everything that was there before is gone. */
  readonly appended?: readonly TraceEntry[];
  /** Messages that left since the last event of this member. */
  readonly sent?: readonly TraceMessage[];
}

export type TraceAction =
  | "Restart"
  | "Timeout"
  | "BecomeLeader"
  | "StepDown"
  | "UpdateTerm"
  | "ClientRequest"
  | "ChangeConfiguration"
  | "Receive"
  | "AdvanceCommitIndex"
  | "Persisted"
  | "InstallSnapshot"
  | "Compact"
  | "DropMessage"
  | "Send";

export interface TraceEntry extends LogPosition {
  readonly type: "noop" | "command" | "configuration";
}

export interface TraceMessage {
  readonly from: string;
  readonly to: string;
  readonly message: RaftMessage;
}
