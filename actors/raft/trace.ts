/**
 * One JSON-able object for each action of a member: rich enough to check a run against a specification of Raft.
 *
 * The names of the actions are those of Ongaro's raft.tla where it has one; docs/raft-trace.md says which is which and how a checker
 * reads them. Entries are told without their payloads, which no rule of consensus looks at.
 */
import type { LogPosition } from "../../runtime/ports/log-store.ts";
import type { Configuration } from "./core/configuration.ts";
import type { RaftMessage } from "./core/messages.ts";
import type { RaftRole } from "./core/ready.ts";

/** What a member did, and what it is after that. */
export interface TraceEvent {
  /** Counts the events of one life of a member, from 1. */
  readonly number: number;
  /** The member's monotonic clock, in milliseconds. */
  readonly atMs: number;
  readonly member: string;
  readonly cluster: string;
  readonly action: TraceAction;
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
  /** Of the entry that holds the configuration. */
  readonly configurationIndex: number;
  /** What the action has put into the log: from its first index on, all that was there before is gone. Absent when nothing was. */
  readonly appended?: readonly TraceEntry[];
  /** The message that was received, for the `Handle…`, `Receive` and `DropMessage` actions. */
  readonly received?: TraceMessage;
  /** The message that left, for the actions `RequestVote`, `AppendEntries` and `Send`. */
  readonly sent?: TraceMessage;
}

/** What a member did, by the names of raft.tla where it has one; docs/raft-trace.md. */
export type TraceAction =
  /** The member takes part again, or for the first time, with what is on its disk. */
  | "Restart"
  /** It has heard no leader for too long, or was asked to campaign. */
  | "Timeout"
  | "BecomeLeader"
  | "StepDown"
  /** Commands are in the leader's log. */
  | "ClientRequest"
  | "ChangeConfiguration"
  | "AdvanceCommitIndex"
  | "RequestVote"
  | "AppendEntries"
  /** Any other message that leaves. */
  | "Send"
  | "HandleRequestVoteRequest"
  | "HandleRequestVoteResponse"
  | "HandleAppendEntriesRequest"
  | "HandleAppendEntriesResponse"
  /** Any other message that arrives. */
  | "Receive"
  /** A message that was refused before the core saw it. */
  | "DropMessage"
  /** A write is durable. */
  | "Persist"
  | "InstallSnapshot";

/** An entry of a log without its payload. */
export interface TraceEntry extends LogPosition {
  readonly type: "noop" | "command" | "configuration";
}

/** A message between two members. */
export interface TraceMessage {
  readonly from: string;
  readonly to: string;
  /** As it was sent; entries and parts of snapshots without their bytes. */
  readonly message: TracedMessage;
}

/** A Raft message whose bytes are left out. */
export type TracedMessage = Omit<Record<string, unknown>, "type" | "term"> & Pick<RaftMessage, "type" | "term">;
