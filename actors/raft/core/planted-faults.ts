/**
 * Faults of real systems, put into Raft on purpose to check that the simulator finds them. Nothing else may import this file.
 *
 * By their number in the list of this project; what each is and how it is found stands in docs/seeds-to-find.md. Here are those that
 * break a rule of `raft-rules.ts`; the simulator itself plants those of disks, snapshots and machines.
 */
import { decodeConfiguration } from "./configuration-codec.ts";
import { isJoint, isVoter, type Configuration } from "./configuration.ts";
import { leaveJoint } from "./membership.ts";
import { majoritySize, voteResult } from "./quorum.ts";
import { RAFT_RULES, type RaftRules } from "./raft-rules.ts";

/** By number of the fault: the rules that are not as they should be. */
const BROKEN: Readonly<Record<number, Partial<RaftRules>>> = {
  // Figure 8 of the Raft paper. Seen only when a message may end between an inherited entry and the new leader's no-op.
  1: { mayCommitByCounting: () => true },
  // The algorithm of the dissertation's §4.1 as it was published: one member at a time, at once, in whatever term.
  2: { wayTo: atOnce, mayChangeMembers: () => true },
  6: { endsWithTerm: () => false },
  7: { agreedIndex: ({ voters }, matchOf) => matchOf(voters[voters.length - majoritySize(voters)] ?? "") },
  8: { agreedIndex: (configuration, matchOf) => RAFT_RULES.agreedIndex(everybodyAlike(configuration), matchOf) },
  // The partial order of vectors: what is not less in both counts as up to date.
  9: {
    isUpToDate: (candidate, own) =>
      candidate.lastTerm > own.lastTerm ||
      candidate.lastIndex > own.lastIndex ||
      (candidate.lastTerm === own.lastTerm && candidate.lastIndex === own.lastIndex),
  },
  10: { isHeld: () => false },
  11: { compactedMatches: () => false },
  12: { mayServeReads: () => true },
  13: { nextRound: () => 1 },
  14: { mayServeReads: (commit) => commit > 0 },
  15: { mayAnswerAtOnce: () => true },
  // Does harm only where there are two: together with a fault that elects them.
  17: { toleratesSecondLeader: () => true },
  18: { isHeld: (_, heldTerm) => heldTerm !== undefined },
  19: { ownMatch: ({ lastIndex }) => lastIndex },
  25: { agreesWithSnapshot: (heldTerm) => heldTerm !== undefined },
  27: { stillWritten: (writing) => writing },
  29: { electionResult: (configuration, votes) => voteResult({ ...configuration, votersOutgoing: [] }, votes) },
  30: { knownCommitted: ({ leaderCommit, durable }) => Math.min(leaderCommit, durable) },
  31: { mustRecover: () => false },
  32: { countsAtStart: ({ payload }) => !isJoint(decodeConfiguration(payload)) },
  34: { mayVoteFor: (candidate, configuration) => isVoter(configuration, candidate) },
  // Those of liveness do harm only where another fault does not end.
  35: { pollsFirst: () => false, keepsToLeader: () => false },
  36: { leadsUntilMs: ({ diskMs }) => diskMs },
  37: { answersEarlierTerm: () => false },
  38: { pollNeedsLog: () => false },
  41: { leadsUntilMs: ({ quorumMs }) => quorumMs },
  44: { insists: () => true },
  46: { outlivesSnapshots: () => false },
};

/** The rules of Raft with these faults planted, by number; pass them as `rules` of a member. Numbers of other faults change nothing. */
export function brokenRules(faults: readonly number[]): RaftRules {
  return Object.assign({}, RAFT_RULES, ...faults.map((fault) => BROKEN[fault])) as RaftRules;
}

function atOnce(next: Configuration): Configuration {
  const left = leaveJoint(next);
  return left.ok ? left.configuration : next;
}

/** Learners count like voters, and the outgoing half not at all. */
function everybodyAlike({ voters, learners, ...others }: Configuration): Configuration {
  return { ...others, voters: [...voters, ...learners], votersOutgoing: [], learners };
}
