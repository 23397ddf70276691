/**
 * What others say to the replica, the actor that holds this node's copy of the map (`replica-actor.ts`).
 *
 * Every node has one at path `replica`. Any node serves any request: writes go through Raft wherever its leader is, and the
 * answer comes when this node has applied the command, so a client that stays with a node reads its own writes.
 */
import type { Ref } from "../../runtime/index.ts";
import type { CoordinationNews, CoordinationSelection } from "../coordination/coordination-news.ts";
import type { Kind, Resource } from "../resources/index.ts";
import type { Command, Outcome } from "./commands.ts";

export type ReplicaRequest =
  /** Proposes a command, exactly once, retrying over leader changes until `timeoutMs` has passed. */
  | {
      readonly type: "propose";
      readonly command: Command;
      readonly timeoutMs: number;
      readonly replyTo: Ref<ProposeReply>;
    }
  /** Reads one resource or all of a kind. */
  | { readonly type: "read"; readonly query: Query; readonly timeoutMs: number; readonly replyTo: Ref<ReadReply> }
  /** Streams changes to `subscriber`: first `synced` with the whole selection or, with `since`, what came after that version. */
  | {
      readonly type: "subscribe";
      readonly subscriber: Ref<WatchMessage>;
      readonly selection: Selection;
      readonly since?: number;
    }
  | { readonly type: "unsubscribe"; readonly subscriber: Ref<WatchMessage> }
  /** Streams sessions, leases and shards to `subscriber`: first what stands, then each change. It must stand on this node. */
  | {
      readonly type: "subscribe-coordination";
      readonly subscriber: Ref<CoordinationNews>;
      readonly selection: CoordinationSelection;
    }
  /** Tells `subscriber` at once, and then on every change, whether this node leads. */
  | { readonly type: "watch-leadership"; readonly subscriber: Ref<LeadershipChange> }
  | { readonly type: "status"; readonly replyTo: Ref<ReplicaStatus> };

/** Whether this node leads: only once its replica has applied an entry of the term, so the map is what it must act on. */
export interface LeadershipChange {
  readonly type: "leadership";
  readonly isLeader: boolean;
  /** The latest term in which this node led, or leads; 0 for none. */
  readonly term: number;
}

export interface Query {
  readonly kind: Kind;
  /** One resource; without it, all of the kind. */
  readonly name?: string;
  /** `linearizable` sees every write that was answered before the read began; `local` may be stale, but answers without a leader. */
  readonly consistency: "linearizable" | "local";
}

export interface Selection {
  /** Empty: every kind. */
  readonly kinds: readonly Kind[];
  readonly name?: string;
}

/** `no-leader`: nothing is known of the fate of a proposal; it may still be applied, at most once. */
export type Unavailable = {
  readonly ok: false;
  readonly code: "no-leader" | "overloaded" | "store-failed";
  readonly message: string;
};

export type ProposeReply = { readonly ok: true; readonly outcome: Outcome } | Unavailable;

export type ReadReply =
  | { readonly ok: true; readonly version: number; readonly resources: readonly Resource[] }
  | Unavailable;

export type WatchMessage =
  /** The whole selection as of `version`; what follows are changes to it. */
  | { readonly type: "synced"; readonly version: number; readonly resources: readonly Resource[] }
  | { readonly type: "changes"; readonly version: number; readonly changes: readonly Change[] }
  /** `since` lies before what this node remembers: read again, then watch from there. */
  | { readonly type: "compacted"; readonly oldest: number };

export type Change =
  | { readonly type: "put"; readonly resource: Resource }
  /** The last state before it went. */
  | { readonly type: "delete"; readonly resource: Resource };

export interface ReplicaStatus {
  readonly node: string;
  readonly role: "leader" | "follower" | "candidate" | "pre-candidate";
  readonly leader: string | null;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  readonly lastIndex: number;
  /** Empty when the store works. */
  readonly storeError: string;
}
