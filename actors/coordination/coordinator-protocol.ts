/**
 * What actors of a node say to its coordinator, the actor at path `coordinator`, and what it tells them.
 *
 * All of it stays on the node: a tenure is an object that coordinator and holder share.
 */
import type { Ref } from "../../runtime/index.ts";
import type { SessionTerm, Tenure } from "./tenure.ts";

/** What actors of this node ask the coordinator for. */
export type CoordinatorRequest =
  /** Competes for a lease until `drop-claim` or until the holder ends. One claim a lease and node. */
  | { readonly type: "claim-lease"; readonly name: string; readonly holder: Ref<LeaseEvent> }
  /**
   * The holder does not act under `fence` any more, of its own accord or because the lease was lost. The lease goes to
   * node `to` if that has a session, else to whoever comes first. The claim stays.
   */
  | {
      readonly type: "release-lease";
      readonly name: string;
      readonly holder: Ref<LeaseEvent>;
      readonly fence: number;
      readonly to: string | null;
    }
  /** Competes no more; what it holds is released. Answered with `lease-dropped`, at once when no majority is there to agree. */
  | { readonly type: "drop-claim"; readonly name: string; readonly holder: Ref<LeaseEvent> }
  /** Wants a session of this node, until `drop-session` or its own end. */
  | { readonly type: "hold-session"; readonly holder: Ref<SessionEvent> }
  /** The holder does not act under a session that was lost any more. */
  | { readonly type: "release-session"; readonly holder: Ref<SessionEvent>; readonly session: number }
  | { readonly type: "drop-session"; readonly holder: Ref<SessionEvent> }
  /** This node leaves: tells `subscriber`, once, when no majority of the members is there any more, itself counted. */
  | { readonly type: "watch-majority"; readonly subscriber: Ref<MajorityLost> }
  /** Tells `subscriber` at once, and then on every change, who holds a lease as far as this node knows. */
  | { readonly type: "watch-lease"; readonly name: string; readonly subscriber: Ref<LeaseHolder> };

/** What a claimant hears of its lease. */
export type LeaseEvent =
  | { readonly type: "lease-granted"; readonly name: string; readonly tenure: Tenure }
  /**
   * The lease is about to end or has ended: the tenure says which. Told at least `STOP_MS` before the deadline, unless it
   * was taken away or this process stood still. Answer with `release-lease` when nothing acts under it any more.
   */
  | { readonly type: "lease-lost"; readonly name: string; readonly fence: number }
  /**
   * The claim is dropped, and the map shows nothing of it any more; or, without a majority, nothing acts under it and the
   * lease runs out by itself.
   */
  | { readonly type: "lease-dropped"; readonly name: string }
  /** The claim can never succeed and is dropped. */
  | { readonly type: "lease-refused"; readonly name: string; readonly message: string };

/** What happens to the session of this node. */
export type SessionEvent =
  | { readonly type: "session-held"; readonly term: SessionTerm }
  /** As `lease-lost`, for all that is held under the session. Answer with `release-session`. */
  | { readonly type: "session-lost"; readonly session: number };

/** Nothing can be given to anybody any more: the last of a cluster that ends, or one that is cut off, need not wait. */
export interface MajorityLost {
  readonly type: "majority-lost";
}

/** Who holds a lease. */
export interface LeaseHolder {
  readonly type: "lease-holder";
  readonly name: string;
  readonly holder: { readonly node: string; readonly fence: number } | null;
}
