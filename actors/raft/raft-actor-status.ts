/** What the Raft actor says of itself and of its cluster: what the core knows, and what only its host does. */
import type { RaftPreferences } from "./core/raft-options.ts";
import type { RaftStatus } from "./core/ready.ts";
import type { RaftRefusal } from "./core/refusals.ts";
import type { RefusalReason } from "./refusals.ts";

/** What a node is to its cluster. */
export type RaftMembership =
  /** There is no cluster yet, or none that answers. */
  | "forming"
  /** A voter. */
  | "member"
  /** Gets the log and does not vote. */
  | "learner"
  /** There is a cluster and this node was never in it: it waits to be added. */
  | "not-a-member"
  /** The cluster knows this node with another disk, which is lost: it waits to be added as a new member. */
  | "disk-lost"
  /** It was a member and is none any more. */
  | "removed";

/** What a Raft actor says of itself: the status of its core, and what only its host knows. */
export interface RaftActorStatus extends RaftStatus {
  readonly node: string;
  /** Name of the leader's node; `leader` is its member id. */
  readonly leaderNode: string | null;
  /** Null until the node belongs to one. */
  readonly cluster: string | null;
  readonly membership: RaftMembership;
  /** Everybody in the configuration in force, voters first, then by id. */
  readonly members: readonly RaftMemberStatus[];
  /** Nodes without a cluster that said hello here lately: an operator may add them. Ids. */
  readonly waiting: readonly string[];
  /** What this member was started with: who had better lead, and whether it keeps leases for reads. */
  readonly preferences: RaftPreferences;
  /** The disk has no room. */
  readonly readOnly: boolean;
  /** Index of the newest snapshot, 0 without one. */
  readonly snapshotIndex: number;
  readonly snapshotBytes: number;
  /** Messages of other members that were refused, by reason; reasons that never were are absent. */
  readonly refused: Readonly<Partial<Record<RefusalReason | RaftRefusal, number>>>;
}

/** One member of the configuration in force, as the member that is asked knows it. */
export interface RaftMemberStatus {
  readonly id: string;
  readonly node: string;
  readonly incarnation: string;
  /** `leaving`: votes until the joint configuration is left, and then no more. */
  readonly votes: "voter" | "learner" | "leaving";
  readonly isLeader: boolean;
  /** Where it is reached; empty when it is one of those that every node is started with. */
  readonly address: string;
  /** Last index known to be on its disk; null where this is not known, which is anywhere but at the leader. */
  readonly match: number | null;
  readonly state: "probe" | "replicate" | "snapshot" | null;
  /** Milliseconds since the leader heard of it. */
  readonly heardMsAgo: number | null;
  /**
   * `ok`; `behind`: over 1,000 entries short of the leader's log or taking a snapshot; `silent`: not heard of for an election timeout;
   * `unknown`: this member does not lead.
   */
  readonly health: "ok" | "behind" | "silent" | "unknown";
}
