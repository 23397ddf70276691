/**
 * What a majority has agreed on. Pure functions over a configuration; no list is kept sorted between calls, because a
 * progress list that lost its order once committed without a quorum (openraft #1802).
 *
 * Source: etcd-io/raft `quorum/majority.go`.
 */
import type { Configuration } from "./configuration.ts";

export type VoteResult = "won" | "lost" | "pending";

export function quorumSize(configuration: Configuration): number {
  return Math.floor(configuration.voters.length / 2) + 1;
}

/**
 * The highest number that a quorum has reached: the committed index of match indexes, the confirmed round of
 * acknowledged rounds, the time since when a quorum has been heard.
 */
export function quorumValue(configuration: Configuration, valueOf: (voter: string) => number): number {
  const descending = configuration.voters.map(valueOf).toSorted((a, b) => b - a);
  const value = descending[quorumSize(configuration) - 1];
  if (value === undefined) throw new RangeError("Cannot count a quorum: the configuration has no voters");
  return value;
}

/** Counts voters only; a vote of anybody else is in the map for nothing. */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<string, boolean>): VoteResult {
  const wanted = quorumSize(configuration);
  const granted = configuration.voters.filter((voter) => votes.get(voter) === true).length;
  const refused = configuration.voters.filter((voter) => votes.get(voter) === false).length;
  if (granted >= wanted) return "won";
  return configuration.voters.length - refused < wanted ? "lost" : "pending";
}
