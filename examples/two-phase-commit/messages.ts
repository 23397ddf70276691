/** What the actors of a transaction say to each other. Who may get what stands at each actor. */
import type { Ref } from "../../library/index.ts";

export type Decision = "commit" | "abort";

/** A value for one key, at each of these nodes or at none of them. */
export interface Transaction {
  readonly id: string;
  readonly key: string;
  readonly participants: readonly string[];
}

export type CoordinatorMessage =
  | { readonly type: "begin"; readonly transaction: Transaction; readonly replyTo: Ref<Told> }
  | { readonly type: "vote"; readonly id: string; readonly from: string; readonly yes: boolean }
  /** A participant that has voted yes wants to know what became of it. */
  | { readonly type: "asked"; readonly id: string; readonly from: string }
  /** The decision to commit is on the disk. */
  | { readonly type: "durable"; readonly id: string }
  /** Votes are missing for too long. */
  | { readonly type: "late"; readonly id: string };

/** What whoever began it is told. */
export interface Told {
  readonly id: string;
  readonly decision: Decision;
}

export type DecisionsCommand =
  | { readonly type: "commit"; readonly transaction: Transaction; readonly replyTo: Ref<CoordinatorMessage> }
  /** The coordinator knows nothing of it (any more). */
  | { readonly type: "asked"; readonly id: string; readonly from: string }
  | { readonly type: "acknowledged"; readonly id: string; readonly from: string }
  /** Time to tell again who has not acknowledged. */
  | { readonly type: "retry" };

export type ParticipantCommand =
  | { readonly type: "prepare"; readonly id: string; readonly key: string; readonly coordinator: string }
  | { readonly type: Decision; readonly id: string; readonly coordinator: string }
  /** Time to ask what became of that which was promised. */
  | { readonly type: "retry" };

/** How long an answer is waited for before it is asked for again, or given up. */
export const RETRY_MS = 500;
export const VOTES_WITHIN_MS = 1000;
