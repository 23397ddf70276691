/**
 * What members say to each other. Every message carries its sender's term, or the term that is asked for; a receiver in a
 * later term answers `newer-term` or not at all.
 *
 * Messages may be lost, repeated, delayed and reordered. What makes an answer belong to its question is in the message:
 * the term, `sequence` for appends, `round` for heartbeats, `token` for reads. Tags and fields are only ever added.
 *
 * Source: Ongaro's dissertation, figures 3.1, 6.4 and section 9.6; etcd-io/raft `raftpb/raft.proto`.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import type { FinishedSnapshot } from "../../../runtime/ports/snapshot-store.ts";

/** Everything that members say to each other. */
export type RaftMessage =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | CommitNotice
  | NewerTerm
  | ReadRequest
  | ReadResponse
  | TimeoutNow
  | SnapshotOffer
  | SnapshotPart
  | SnapshotReport
  | LogRequest
  | LogPart;

/** Would you vote for me in `term`? Changes nothing at either side, so an unelectable member disturbs nobody. */
export interface PreVoteRequest {
  readonly type: "pre-vote-request";
  /** The sender's term plus one. */
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** Answers a poll. */
export interface PreVoteResponse {
  readonly type: "pre-vote-response";
  /** Granted: the term asked for. Refused: the sender's own, from which the candidate learns a later one. */
  readonly term: number;
  readonly granted: boolean;
  /** Refused, and the log here is better than the candidate's. */
  readonly isAhead?: true;
}

/** Vote for me in `term`, where my own vote is durable. */
export interface VoteRequest {
  readonly type: "vote-request";
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader itself asked for this election: who hears that leader may vote all the same. */
  readonly transfer: boolean;
}

/** Answers a request for a vote; leaves only once the vote is durable. */
export interface VoteResponse {
  readonly type: "vote-response";
  readonly term: number;
  readonly granted: boolean;
}

/** Put these entries behind (`previousIndex`, `previousTerm`). Empty only to show that the logs are equal up to there. */
export interface AppendRequest {
  readonly type: "append";
  readonly term: number;
  /** Counts this leader's appends to all members of this term; the answer repeats it. */
  readonly sequence: number;
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly LogEntry[];
  readonly commit: number;
}

/** Answers an append; a success leaves only once the entries are durable. */
export type AppendResponse =
  /** The log equals the leader's up to `match`, on disk. */
  | {
      readonly type: "append-response";
      readonly term: number;
      readonly sequence: number;
      readonly ok: true;
      readonly match: number;
      /** As in a heartbeat's answer. One that is news makes the leader send a heartbeat, also where appends flow. */
      readonly priority?: number;
    }
  /** The previous entry is not here. The logs can only agree at or before `hintIndex`, whose term here is `hintTerm`. */
  | {
      readonly type: "append-response";
      readonly term: number;
      readonly sequence: number;
      readonly ok: false;
      readonly hintIndex: number;
      readonly hintTerm: number;
    };

/** I lead. Carries no log position, so it can claim none (fault 30). */
export interface Heartbeat {
  readonly type: "heartbeat";
  readonly term: number;
  readonly commit: number;
  /** The newest round of reads; an answer with it was given after that round began. */
  readonly round: number;
}

/** Answers a heartbeat. */
export interface HeartbeatResponse {
  readonly type: "heartbeat-response";
  readonly term: number;
  readonly round: number;
  /** Last index that the sender knows to equal this leader's log; after a restart less than it once acknowledged. */
  readonly matched: number;
  /** The sender votes for nobody for the shortest election timeout from now (`read-lease.ts`). */
  readonly keepsLease?: true;
  /** Absent: 0 (`priority.ts`). */
  readonly priority?: number;
}

/** The commit index has moved and there is nothing to append that would say so. Not answered. */
export interface CommitNotice {
  readonly type: "commit";
  readonly term: number;
  readonly commit: number;
}

/** Your message is of an earlier term: step down, or you will never be heard here again. */
export interface NewerTerm {
  readonly type: "newer-term";
  readonly term: number;
}

/** A follower asks for an index at which a read is linearizable. */
export interface ReadRequest {
  readonly type: "read-request";
  readonly term: number;
  /** Unique over the restarts of the asking member, so an answer to its former self is never taken. */
  readonly token: string;
}

/** Answers a read request. */
export interface ReadResponse {
  readonly type: "read-response";
  readonly term: number;
  readonly token: string;
  /** Null: refused, ask again later. */
  readonly index: number | null;
}

/** Campaign now, without a poll: the leader hands over, and you have all of its log (Ongaro's dissertation §3.10). */
export interface TimeoutNow {
  readonly type: "timeout-now";
  readonly term: number;
}

/** The entries you need are compacted: take this snapshot instead. Answered by a report, which says from which chunk on. */
export interface SnapshotOffer {
  readonly type: "snapshot-offer";
  readonly term: number;
  readonly snapshot: FinishedSnapshot;
}

/** One chunk of a snapshot. */
export interface SnapshotPart {
  readonly type: "snapshot-part";
  readonly term: number;
  readonly id: string;
  /** Number of the chunk, from 0. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
}

/** What the receiver of a snapshot has on disk. */
export interface SnapshotReport {
  readonly type: "snapshot-report";
  readonly term: number;
  readonly id: string;
  /** The chunk that it wants next. Equal to the number of chunks: it has all of them. */
  readonly next: number;
  /** `installed`: its log begins behind the snapshot. `refused`: it does not want this one, or could not keep it. */
  readonly state: "receiving" | "installed" | "refused";
}

/** A candidate that is refused again and again asks a voter for its better log (`log-adoption.ts`). */
export interface LogRequest {
  readonly type: "log-request";
  readonly term: number;
  /** Where the sender's log ends. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Up to where the logs agree at best. */
  readonly previousIndex: number;
  readonly previousTerm: number;
}

/** Answers a request for the log: entries behind (`previousIndex`, `previousTerm`), of a log that does not lead. */
export interface LogPart {
  readonly type: "log-part";
  readonly term: number;
  /** Where the sender's log ends. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly LogEntry[];
}
