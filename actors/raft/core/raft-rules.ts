/**
 * The rules of Raft that a simulation must be seen to depend on: each a pure decision, asked at exactly one spot of the core. The
 * core always runs on `RAFT_RULES`, except where `planted-faults.ts` replaces one to check that the checkers see it.
 *
 * A rule is here when leaving it out is a fault that a real system had. What lies in a disk, a snapshot or a machine is broken by
 * the simulator's own disks and machines instead (`sim/planted-store.ts`), so the core has no switch for it.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import type { Configuration } from "./configuration.ts";
import { quorumValue, voteResult, type VoteResult } from "./quorum.ts";

/** How much a log holds, as a vote compares it. */
export interface LogEnd {
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** How far a follower knows the log to go that its leader has committed. */
export interface KnownCommit {
  /** What the leader has told. */
  readonly leaderCommit: number;
  /** Up to where the leader's appends have shown the logs to be equal. */
  readonly matched: number;
  /** What is on the own disk. */
  readonly durable: number;
}

/** Rules that only a test replaces, to see that their absence is found. */
export interface RaftRules {
  // ── Elections ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether a candidate's log is at least as up to date as the own (Raft §5.4.1). */
  readonly isUpToDate: (candidate: LogEnd, own: LogEnd) => boolean;
  /** Whether to vote for a member at all, given who belongs as far as is known here (dissertation §4.1). */
  readonly mayVoteFor: (candidate: string, configuration: Configuration) => boolean;
  /** What has become of an election (dissertation §4.3). */
  readonly electionResult: (configuration: Configuration, votes: ReadonlyMap<string, boolean>) => VoteResult;
  /** Whether a leader or candidate is none any more when its term is over (Raft §5.1). */
  readonly endsWithTerm: () => boolean;
  /** Whether to follow a second leader of a term as if nothing were wrong. */
  readonly toleratesSecondLeader: () => boolean;
  /** Whether a member whose disk lost entries waits with its vote until a later leader's log has replaced them. */
  readonly mustRecover: () => boolean;

  // ── Elections that end ────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether to poll before a term is raised (dissertation §9.6). */
  readonly pollsFirst: () => boolean;
  /** Whether a poll asks for a log as good as the voter's (fault 38). */
  readonly pollNeedsLog: () => boolean;
  /** Whether to keep to a leader that was heard lately, whoever asks for a vote (dissertation §4.2.3). */
  readonly keepsToLeader: (wasHeard: boolean) => boolean;
  /** Whether of two polls that cross the one of the lower name refuses the other: while it is fresh (fault 44). */
  readonly insists: (isFresh: boolean) => boolean;
  /** Whether whoever asks for a vote in an earlier term is told the later one (fault 37). */
  readonly answersEarlierTerm: () => boolean;
  /** Until when a leader may lead: after that it has not heard a quorum, or could not write, for too long (dissertation §6.2, §10.2.1). */
  readonly leadsUntilMs: (until: { readonly quorumMs: number; readonly diskMs: number }) => number;

  // ── The log ───────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether an entry of an append stands in the log already, given the term there, if any (Raft §5.3). */
  readonly isHeld: (entry: LogEntry, heldTerm: number | undefined) => boolean;
  /** Whether a position that is compacted away counts as equal to the leader's: it was committed. */
  readonly compactedMatches: () => boolean;
  /** Whether the log goes on behind a leader's snapshot, given the terms there (dissertation §5.3). */
  readonly agreesWithSnapshot: (heldTerm: number | undefined, term: number) => boolean;
  /** Up to where a write in flight still counts when the log is truncated from `index`. */
  readonly stillWritten: (writing: number, index: number) => number;
  /** Whether a configuration in the log on disk counts when a member starts (dissertation §4.1). */
  readonly countsAtStart: (entry: LogEntry) => boolean;
  /** Whether a member goes on, with its log alone, whose snapshots cannot be written (fault 46). */
  readonly outlivesSnapshots: () => boolean;

  // ── Commit ────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** What a quorum has on disk (dissertation §4.3). */
  readonly agreedIndex: (configuration: Configuration, matchOf: (voter: string) => number) => number;
  /** What a leader's own log counts for. */
  readonly ownMatch: (log: { readonly durable: number; readonly lastIndex: number }) => number;
  /** Whether a leader of `term` may commit an entry of `entryTerm` because a quorum has it (Raft §5.4.2). */
  readonly mayCommitByCounting: (entryTerm: number, term: number) => boolean;
  /** Up to where a follower may commit. */
  readonly knownCommitted: (known: KnownCommit) => number;

  // ── Membership ────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether a leader whose term begins at `firstIndex` may change members (Ongaro to raft-dev, 2015). */
  readonly mayChangeMembers: (commit: number, firstIndex: number) => boolean;
  /** What a leader puts into its log for a change: the joint configuration, if the voters change (dissertation §4.3). */
  readonly wayTo: (next: Configuration) => Configuration;

  // ── Reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Whether the commit index of a leader whose term begins at `firstIndex` is the cluster's (dissertation §6.4). */
  readonly mayServeReads: (commit: number, firstIndex: number) => boolean;
  /** Whether a leader answers a read without asking a quorum (dissertation §6.4.1). */
  readonly mayAnswerAtOnce: (holdsLease: boolean) => boolean;
  /** The number of the round of heartbeats behind `round`. */
  readonly nextRound: (round: number) => number;
}

export const RAFT_RULES: RaftRules = {
  // Lexicographic, term first: not each number by itself (fault 9).
  isUpToDate: (candidate, own) =>
    candidate.lastTerm === own.lastTerm ? candidate.lastIndex >= own.lastIndex : candidate.lastTerm > own.lastTerm,
  mayVoteFor: () => true,
  electionResult: voteResult,
  endsWithTerm: () => true,
  toleratesSecondLeader: () => false,
  mustRecover: () => true,

  pollsFirst: () => true,
  pollNeedsLog: () => true,
  keepsToLeader: (wasHeard) => wasHeard,
  insists: (isFresh) => isFresh,
  answersEarlierTerm: () => true,
  leadsUntilMs: ({ quorumMs, diskMs }) => Math.min(quorumMs, diskMs),

  isHeld: (entry, heldTerm) => entry.term === heldTerm,
  compactedMatches: () => true,
  agreesWithSnapshot: (heldTerm, term) => heldTerm === term,
  stillWritten: (writing, index) => Math.min(writing, index - 1),
  countsAtStart: () => true,
  outlivesSnapshots: () => true,

  agreedIndex: quorumValue,
  ownMatch: ({ durable }) => durable,
  mayCommitByCounting: (entryTerm, term) => entryTerm === term,
  knownCommitted: ({ leaderCommit, matched, durable }) => Math.min(leaderCommit, matched, durable),

  mayChangeMembers: (commit, firstIndex) => commit >= firstIndex,
  wayTo: (next) => next,

  mayServeReads: (commit, firstIndex) => commit >= firstIndex,
  mayAnswerAtOnce: (holdsLease) => holdsLease,
  nextRound: (round) => round + 1,
};
