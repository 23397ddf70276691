/** What the Raft actor is told and what it tells: to peers, to those who propose, and to its one subscriber. */
import type { LogEntry } from "../../runtime/ports/log-store.ts";
import type { StoreError } from "../../runtime/ports/store-error.ts";
import type { Ref } from "../../runtime/ref.ts";
import type { RaftMessage } from "./messages.ts";
import type { Leadership, RaftAlarm, RaftStatus, ReadFailure } from "./ready.ts";

export type RaftActorMessage =
  /** From the Raft actor of node `from`. */
  | { readonly type: "peer"; readonly from: string; readonly message: RaftMessage }
  | RaftPropose
  /** Asks for an index at which a read is linearizable; the subscriber gets `read-ready` or `read-failed` with `id`. */
  | { readonly type: "read"; readonly id: string }
  /** The subscriber has lost its state: sends it again what it has been sent, from `fromIndex`. */
  | { readonly type: "replay"; readonly fromIndex: number }
  | { readonly type: "status"; readonly replyTo: Ref<RaftStatus> }
  /** From the store; `error` when the write failed. */
  | { readonly type: "persisted"; readonly token: number; readonly error?: StoreError }
  /** The timer of the core's next deadline. */
  | { readonly type: "timeout" };

/** A command for the log. A follower forwards it to the leader it knows. */
export interface RaftPropose {
  readonly type: "propose";
  readonly payload: Uint8Array;
  /** Told once what became of the proposal, unless a message is lost on the way; silence means unknown. */
  readonly replyTo?: Ref<RaftProposeReply>;
  /** How often it was forwarded; absent when it was not. */
  readonly hops?: number;
}

export type RaftProposeReply =
  /** In the leader's log. Not yet committed, and possibly never. */
  | { readonly type: "proposed"; readonly index: number; readonly term: number }
  /** Certainly not in the log. */
  | {
      readonly type: "propose-refused";
      readonly code: "no-leader" | "overloaded" | "too-large" | "store-failed";
      readonly leader: string | null;
    };

/** What the subscriber is told, in this order within one step. */
export type RaftEvent =
  | ({ readonly type: "leadership" } & Leadership)
  /** Entries to apply, no-ops too: in order, without gaps, from index 1 after each start. */
  | { readonly type: "committed"; readonly entries: readonly LogEntry[] }
  /** The read `id` is linearizable on a state that has applied `index`. */
  | { readonly type: "read-ready"; readonly id: string; readonly index: number }
  | { readonly type: "read-failed"; readonly id: string; readonly code: ReadFailure | "store-failed" }
  | { readonly type: "alarm"; readonly alarm: RaftAlarm }
  /** What the store repaired when it was loaded, for the operator. */
  | { readonly type: "store-repaired"; readonly repairs: readonly string[] }
  /** The member is out of service until its node restarts: nothing it says could be kept. */
  | { readonly type: "store-failed"; readonly error: StoreError };
