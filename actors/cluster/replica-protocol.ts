/**
 * What others say to the replica, the actor that holds this node's copy of the map (`replica-actor.ts`).
 *
 * Every node has one at path `replica`. Any node serves any request: writes go through Raft wherever its leader is, and the
 * answer comes when this node has applied the command, so a client that stays with a node reads its own writes.
 */
import type { Ref } from "../../runtime/index.ts";
import type { CoordinationNews, CoordinationSelection } from "../coordination/coordination-news.ts";
import type { SnapshotNowReply } from "../raft/raft-actor-protocol.ts";
import type { RaftMembership } from "../raft/raft-actor-status.ts";
import type { RaftPreferences } from "../raft/core/raft-options.ts";
import type { ChangeMembershipResult, MembershipChange, PeerStatus, TransferResult } from "../raft/core/ready.ts";
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
  | { readonly type: "status"; readonly replyTo: Ref<ReplicaStatus> }
  | ChangeMembership
  | TransferLeadership
  /** Makes a snapshot of this node's copy and compacts its log behind it, with `compact` all of it. Answered when the snapshot is durable. */
  | { readonly type: "snapshot-now"; readonly compact?: boolean; readonly replyTo: Ref<SnapshotReply> };

/** By type, so that a new request cannot be forgotten here. */
const REQUESTS: Readonly<Record<ReplicaRequest["type"], true>> = {
  propose: true,
  read: true,
  subscribe: true,
  unsubscribe: true,
  "subscribe-coordination": true,
  "watch-leadership": true,
  status: true,
  "change-membership": true,
  "transfer-leadership": true,
  "snapshot-now": true,
};

/** Whether a message of another node is one of those that it may send. */
export function isReplicaRequest(message: unknown): message is ReplicaRequest {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  return typeof message.type === "string" && Object.hasOwn(REQUESTS, message.type);
}

/**
 * Changes who belongs to the cluster; any node takes it to the leader. Once the change is committed and the configuration is simple
 * again, the leader records it as an Event, once.
 */
export interface ChangeMembership {
  readonly type: "change-membership";
  /** `member` is an id (`NAME@INCARNATION`), or the name of a node that belongs to the configuration. */
  readonly change: MembershipChange;
  /** Who asked for it, for the Event: the name of a user, a node, a tool. */
  readonly by: string;
  readonly replyTo: Ref<ChangeMembershipReply>;
  /** How often it was taken on to another node; absent when it was not. */
  readonly hops?: number;
}

/** Hands leadership to another node. */
export interface TransferLeadership {
  readonly type: "transfer-leadership";
  /** A node's name or a member's id; null for whoever is the furthest. */
  readonly to: string | null;
  /** Does not wait until that one has caught up. */
  readonly force: boolean;
  readonly replyTo: Ref<TransferReply>;
}

/** `ok` means that the change is in the leader's log and in force, not yet that it is committed; `status` shows when it is. */
export type ChangeMembershipReply = ChangeMembershipResult | Unavailable;

export type TransferReply = TransferResult | Unavailable;

export type SnapshotReply = SnapshotNowReply | Unavailable;

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

/**
 * `no-leader`: nothing is known of the fate of a proposal; it may still be applied, at most once. `read-only`: the leader's disk
 * has no room, and nobody else took over in time; the same is true of the proposal's fate. `overloaded`: too much waits at the leader or at
 * this node; nothing was proposed, and it may be repeated.
 */
export type Unavailable = {
  readonly ok: false;
  readonly code: "no-leader" | "overloaded" | "store-failed" | "read-only";
  readonly message: string;
  /** With `overloaded`, where it is known: when there may be room again, in milliseconds. */
  readonly retryAfterMs?: number;
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
  /** What all members can apply, by this node's map (`cluster-level.ts`). */
  readonly level: number;
  /** What this node's software can apply. Absent in what older software says, which can apply level 1. */
  readonly softwareLevel?: number;
  /** Id of this node's member, `NAME@INCARNATION`; empty when Raft did not answer. */
  readonly member: string;
  /** Who belongs to the cluster as this node knows it; by name. Empty when Raft did not answer. */
  readonly members: readonly MemberStatus[];
  /** The configuration in force at this node; null when Raft did not answer. */
  readonly configuration: ConfigurationStatus | null;
  /** What this node's member was started with; null when Raft did not answer. */
  readonly preferences: RaftPreferences | null;
  /** The disk has no room: nothing can be written here until it has. */
  readonly readOnly: boolean;
  /** Damage was found on disk: the member does not vote until it is refilled. */
  readonly recovering: boolean;
  /** The log holds what comes after this index; a snapshot holds the rest. */
  readonly base: number;
  /** The member that leadership is being handed to. */
  readonly transferringTo: string | null;
  /** Id of the Raft cluster, minted when it was formed; null until the node belongs to one. */
  readonly cluster: string | null;
  /** What the node is to that cluster. */
  readonly membership: RaftMembership;
  /** Ids of nodes without a cluster that lately asked here: they may be added. */
  readonly waiting: readonly string[];
  /** Of the newest snapshot; 0 without one. */
  readonly snapshotIndex: number;
  readonly snapshotBytes: number;
}

export interface ConfigurationStatus {
  /** Of the log entry that holds it. */
  readonly index: number;
  readonly committed: boolean;
  /** A change is under way: two majorities are needed. */
  readonly joint: boolean;
}

export interface MemberStatus {
  /** `NAME@INCARNATION`. */
  readonly member: string;
  readonly node: string;
  /** `leaving`: it votes until the change that is under way is done, and then is a learner or no member any more. */
  readonly role: "voter" | "learner" | "leaving";
  /** Where it is reached, if it was added while the cluster ran. */
  readonly address: string | null;
  /** What the leader knows of it; null at any other node, and for the leader itself. */
  readonly progress: MemberProgress | null;
}

export interface MemberProgress extends Pick<PeerStatus, "match" | "next" | "state"> {
  /** Milliseconds since the leader last heard of it. */
  readonly heardAgoMs: number;
}
