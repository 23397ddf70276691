/** What the Raft actor is told and what it tells: to peers, to those who propose, and to its one subscriber. */
import type { LogEntry } from "../../runtime/ports/log-store.ts";
import type { StoreError } from "../../runtime/ports/store-error.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { RaftMessage } from "./core/messages.ts";
import type { FormationMessage } from "./formation/formation-messages.ts";
import type { RaftActorStatus, RaftMembership } from "./raft-actor-status.ts";
import type { RefusalReason } from "./refusals.ts";
import type {
  ChangeMembershipResult,
  ConfigurationInForce,
  Leadership,
  MembershipChange,
  RaftAlarm,
  ReadFailure,
  TransferResult,
} from "./core/ready.ts";

/** Everything that a Raft actor is told: by peers, by those who ask, by its subscriber, its stores and its timers. */
export type RaftActorMessage =
  /** From the Raft actor of member `from` to member `to`, both ids with incarnations, of cluster `cluster`. */
  | {
      readonly type: "peer";
      readonly cluster: string;
      readonly from: string;
      readonly to: string;
      readonly message: RaftMessage;
    }
  | RaftPropose
  | RaftProposeBatch
  | RaftChangeMembership
  | RaftTransfer
  | RaftMachineMessage
  /** Asks for an index at which a read is linearizable; the subscriber gets `read-ready` or `read-failed` with `id`. */
  | { readonly type: "read"; readonly id: string }
  /** The subscriber has lost its state: sends it again what it has been sent, from `fromIndex`. */
  | { readonly type: "replay"; readonly fromIndex: number }
  /** From the subscriber: whether its node had better not lead while another can (`core/priority.ts`). */
  | { readonly type: "stand-aside"; readonly stands: boolean }
  | { readonly type: "status"; readonly replyTo: Ref<RaftActorStatus> }
  | FormationMessage
  /** From the store; `error` when the write failed. */
  | { readonly type: "persisted"; readonly token: number; readonly error?: StoreError }
  /** From itself, behind all that waited when the first message of a batch was handled: carries out what the batch has led to. */
  | { readonly type: "flush" }
  /** From the snapshot store or the timers of snapshots; only the actor itself makes it. */
  | { readonly type: "resume"; readonly run: () => void }
  /** The timer of the core's next deadline. */
  | { readonly type: "timeout" };

/** A command for the log. A follower forwards it to the leader it knows. */
export interface RaftPropose {
  readonly type: "propose";
  readonly payload: Uint8Array;
  /** Present on what keeps the cluster alive, which a leader takes while it refuses all else as overloaded. Absent: ordinary. */
  readonly urgency?: "vital";
  /** Present on what may wait at the leader for a moment, to share an append with what comes then (`proposals.ts`). Absent: it may not. */
  readonly patient?: true;
  /** Told once what became of the proposal, unless a message is lost on the way; silence means unknown. */
  readonly replyTo?: Ref<RaftProposeReply>;
  /** How often it was forwarded; absent when it was not. */
  readonly hops?: number;
}

/** What became of a proposal, as far as the log goes. */
export type RaftProposeReply =
  /** In the leader's log. Not yet committed, and possibly never. */
  | { readonly type: "proposed"; readonly index: number; readonly term: number }
  /** Certainly not in the log. */
  | {
      readonly type: "propose-refused";
      readonly code: "no-leader" | "overloaded" | "too-large" | "store-failed" | "read-only";
      readonly leader: string | null;
      /** With `overloaded`: when there may be room again, in milliseconds. Absent where nobody knows. */
      readonly retryAfterMs?: number;
    };

/** Many commands at once, for whoever gathers them: appended together or refused together. Not forwarded. */
export interface RaftProposeBatch {
  readonly type: "propose-batch";
  readonly payloads: readonly Uint8Array[];
  readonly replyTo: Ref<RaftProposeReply>;
}

/** Changes who belongs to the cluster, one member at a time. A follower forwards it to the leader it knows. */
export interface RaftChangeMembership {
  readonly type: "change-membership";
  readonly change: MembershipChange;
  readonly replyTo: Ref<ChangeMembershipResult>;
  readonly hops?: number;
}

/** Hands leadership to the node's member, or to the best one. `force` skips the wait for it to catch up. */
export interface RaftTransfer {
  readonly type: "transfer";
  readonly to: string | null;
  readonly force: boolean;
  readonly replyTo: Ref<TransferResult>;
  readonly hops?: number;
}

/** What the subscriber, which holds the machine, says about snapshots of it. */
export type RaftMachineMessage =
  /** Answers `take-snapshot`: it holds a view of its state as of `index`, whatever it applies from now on. */
  | { readonly type: "snapshot-taken"; readonly request: number; readonly index: number }
  /** Answers `next-chunk`. `last`: no chunk follows; the view is dropped. */
  | {
      readonly type: "snapshot-chunk";
      readonly request: number;
      readonly number: number;
      readonly bytes: Uint8Array;
      readonly last: boolean;
    }
  /**
   * Asks for a snapshot now, whatever the log's size. The answer comes when it is durable. `compact`: all of the log that it covers
   * is dropped then, without a trailing window, and a snapshot that covers everything already will do.
   */
  | { readonly type: "snapshot-now"; readonly compact?: boolean; readonly replyTo: Ref<SnapshotNowReply> };

/** What became of a `snapshot-now`: durable, or why there is none. */
export type SnapshotNowReply =
  | { readonly ok: true; readonly index: number; readonly sizeBytes: number }
  | {
      readonly ok: false;
      readonly code: "snapshot-under-way" | "store-failed" | "nothing-to-snapshot";
      readonly message: string;
    };

/** What the subscriber is told, in this order within one step. */
export type RaftEvent =
  | ({ readonly type: "leadership" } & Leadership)
  /** Entries to apply, all types: in order, without gaps; after a start from index 1, or behind what was restored. */
  | { readonly type: "committed"; readonly entries: readonly LogEntry[] }
  /** The read `id` is linearizable on a state that has applied `index`. */
  | { readonly type: "read-ready"; readonly id: string; readonly index: number }
  | { readonly type: "read-failed"; readonly id: string; readonly code: ReadFailure | "store-failed" }
  | { readonly type: "alarm"; readonly alarm: RaftAlarm }
  | ({ readonly type: "configuration" } & ConfigurationInForce)
  /** Take a view of the state as it is now, and answer `snapshot-taken`. */
  | { readonly type: "take-snapshot"; readonly request: number }
  /** The chunk before is durable: answer `snapshot-chunk` with the next one, from number 0. */
  | { readonly type: "next-chunk"; readonly request: number; readonly number: number }
  /** Nobody wants that view any more. */
  | { readonly type: "drop-snapshot"; readonly request: number }
  /**
   * A part of a snapshot that replaces the state: all parts come in order, before any entry behind `index`, which is where the
   * state stands after the last one. A restore may begin anew from number 0.
   */
  | {
      readonly type: "restore";
      readonly index: number;
      readonly number: number;
      readonly bytes: Uint8Array;
      readonly last: boolean;
    }
  /** The disk has no room: nothing can be written until it has; reads go on. */
  | { readonly type: "read-only"; readonly readOnly: boolean }
  /** What the member is to its cluster has changed. `message` says in words what it means and what would help. */
  | {
      readonly type: "membership";
      readonly membership: RaftMembership;
      readonly cluster: string | null;
      readonly message: string;
    }
  /** The first message of its kind that was refused, from that member; all of them are counted in the status. */
  | {
      readonly type: "peer-refused";
      readonly reason: RefusalReason;
      readonly from: string;
      readonly message: string;
    }
  /** A snapshot was made here, or taken over from the leader. */
  | {
      readonly type: "snapshot";
      readonly index: number;
      readonly sizeBytes: number;
      readonly origin: "made" | "received";
    }
  /** The store did not take a snapshot: the member goes on without one and tries again. Told once, and once more after one was kept. */
  | { readonly type: "snapshot-refused"; readonly error: StoreError; readonly message: string }
  /** Entries on disk that cannot be read and may have been acknowledged: the member does not vote until it was refilled. */
  | { readonly type: "store-damaged"; readonly fromIndex: number; readonly message: string }
  /** What the store repaired when it was loaded, for the operator. */
  | { readonly type: "store-repaired"; readonly repairs: readonly string[] }
  /** The member is out of service until its node restarts: nothing it says could be kept. */
  | { readonly type: "store-failed"; readonly error: StoreError };
