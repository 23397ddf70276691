/** What a node of the store says of itself, as JSON. */
import type { RaftActorStatus } from "../../actors/raft/raft-actor-status.ts";

export interface KvStatus {
  readonly node: string;
  /** Name of the node that leads, as far as this one knows. */
  readonly leader: string | null;
  /** Where the leader serves clients, `HOST:PORT`. */
  readonly leaderAddress: string | null;
  /** Where the log is kept. */
  readonly store: string;
  /** Null when Raft did not answer in time. */
  readonly raft: RaftActorStatus | null;
}
