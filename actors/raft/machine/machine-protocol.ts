/**
 * What others say to the machine actor, which holds this node's copy of a replicated state machine (`machine-actor.ts`).
 *
 * Requests come in batches, and so do their answers: each reply carries the id that its request was given, batches may be answered
 * in parts and in another order. Every request is answered once, at its deadline at the latest.
 */
import type { Ref } from "../../../runtime/index.ts";
import type { SessionUse } from "../sessions/session-table.ts";

/** What any node may ask of a machine actor. */
export type MachineRequest = ExecuteBatch | QueryBatch;

/** Whether a message of another node is one of those that it may send. */
export function isMachineRequest(message: unknown): message is MachineRequest {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  return message.type === "execute" || message.type === "query";
}

/** Commands for the log. Each acts on its own; those of a batch that are carried out are so in order. */
export interface ExecuteBatch {
  readonly type: "execute";
  readonly commands: readonly MachineCommand[];
  /** After that what is not answered is answered `unknown`, or `not-leader` if it has not left. No positive number: at once. */
  readonly timeoutMs: number;
  /**
   * What a node that does not lead does: takes them to the leader, waiting for one if need be, or refuses and names the leader. What was
   * taken to one that died meanwhile is taken to the next by itself, if all commands of the batch have sessions.
   */
  readonly elsewhere: "forward" | "refuse";
  readonly replyTo: Ref<MachineReplies>;
}

/** One command of a batch. */
export interface MachineCommand {
  /** Chosen by whoever asks; unique among what it waits for. */
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Makes a repetition harmless. Without, the command acts as often as it is sent and arrives. */
  readonly session?: SessionUse;
}

/** Questions to the state; any node answers them. */
export interface QueryBatch {
  readonly type: "query";
  readonly queries: readonly { readonly id: number; readonly bytes: Uint8Array }[];
  /**
   * `linearizable` sees every command that was answered before the question was asked: the leader confirms it by a round of heartbeats, or
   * under its lease where its voters keep leases (`leaseReads`). `stale` sees what this node has, and is never given without being named.
   */
  readonly consistency: "linearizable" | "stale";
  readonly timeoutMs: number;
  readonly replyTo: Ref<MachineReplies>;
}

/** Answers to some of the requests of one or several batches. */
export interface MachineReplies {
  readonly type: "replies";
  readonly replies: readonly MachineReply[];
}

/** What became of one command or query. */
export type MachineReply =
  /** `index`: of the entry that carried the command out, the first time; for a query, what was applied when it was answered. */
  | { readonly id: number; readonly ok: true; readonly index: number; readonly bytes: Uint8Array }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: MachineFailure;
      /** The node that leads as far as this one knows. */
      readonly leader: string | null;
      /** What this node has applied. */
      readonly index: number;
    };

/** Why there is no answer. */
export type MachineFailure =
  /** It may have been carried out, or be so later. Never said of a query. */
  | "unknown"
  /** From here on: this attempt was not carried out and never will be; an earlier one of the same session and sequence may have been. */
  | "not-leader"
  | "overloaded"
  | "too-large"
  /** The leader's disk has no room. */
  | "read-only"
  /** This node's store is out of service until it restarts. */
  | "store-failed"
  /** Its session is forgotten and it may have acted before: ask the state what became of it, then make it anew, with `index` as `after`. */
  | "session-expired"
  /** A later sequence of its session has acted. */
  | "session-moved-on"
  /** A session's name is not 1 to 64 printable ASCII characters, or a number is no whole one below 2^48. */
  | "invalid-session"
  /** No leader confirmed a linearizable query in time. */
  | "unavailable";
