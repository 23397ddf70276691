/**
 * What a quorum has agreed on. Pure functions over a configuration; no list is kept sorted between calls, because a
 * progress list that lost its order once committed without a quorum (fault 7, openraft #1802).
 *
 * A quorum is a majority, or, of a joint configuration, a majority of each half (Ongaro's dissertation §4.3): what it has
 * reached is the lesser of the two. An empty half has reached everything and votes for everything, so that a simple
 * configuration is the joint one with nobody outgoing. Whoever counts must therefore make sure that there is somebody: a
 * configuration without voters elects and commits nothing because nobody campaigns in it (`election-roles.ts`).
 *
 * Source: etcd-io/raft `quorum/majority.go`, `quorum/joint.go`.
 */
import type { Configuration } from "./configuration.ts";

/** What has become of an election so far. */
export type VoteResult = "won" | "lost" | "pending";

/** The least number of voters that share one with every other such number. */
export function majoritySize(voters: readonly string[]): number {
  return Math.floor(voters.length / 2) + 1;
}

/**
 * The highest number that a quorum has reached: the committed index of match indexes, the confirmed round of
 * acknowledged rounds, the time since when a quorum has been heard. Infinity when the configuration has no voters.
 */
export function quorumValue(configuration: Configuration, valueOf: (voter: string) => number): number {
  const incoming = majorityValue(configuration.voters, valueOf);
  if (configuration.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(configuration.votersOutgoing, valueOf));
}

/** Won when both halves are, lost when one of them is. Counts voters only; a vote of anybody else is in the map for nothing. */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<string, boolean>): VoteResult {
  const incoming = majorityVote(configuration.voters, votes);
  const outgoing = majorityVote(configuration.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

/** The highest number that more than half have at least. Asked on each acknowledgement: one small list of numbers, sorted as it fills. */
function majorityValue(voters: readonly string[], valueOf: (voter: string) => number): number {
  if (voters.length === 0) return Infinity;
  const descending: number[] = [];
  for (const voter of voters) {
    const value = valueOf(voter);
    let at = descending.length;
    descending.push(value);
    for (; at > 0; at--) {
      const before = descending[at - 1] as number;
      if (before >= value) break;
      descending[at] = before;
    }
    descending[at] = value;
  }
  return descending[majoritySize(voters) - 1] as number;
}

function majorityVote(voters: readonly string[], votes: ReadonlyMap<string, boolean>): VoteResult {
  if (voters.length === 0) return "won";
  const wanted = majoritySize(voters);
  let granted = 0;
  let open = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) open += 1;
    else if (vote) granted += 1;
  }
  if (granted >= wanted) return "won";
  return granted + open < wanted ? "lost" : "pending";
}
