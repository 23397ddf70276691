/**
 * Who votes. Everything that counts members takes a configuration.
 *
 * A configuration is simple, or joint while a change is under way: then two majorities are needed, one of `voters` (the
 * incoming half) and one of `votersOutgoing` (Ongaro's dissertation §4.3). It counts from when it is in the log, committed or not.
 *
 * Votes are asked of and counted from voters only, but answered to anybody: during a change of membership a candidate may
 * be rightly elected that this member's own configuration does not know yet (fault 34).
 */

/** Members by id, each list sorted and without doubles. */
export interface Configuration {
  /** The incoming half, or all voters. Empty only at a member that has not been told of any cluster. */
  readonly voters: readonly string[];
  /** Voters of the configuration that is being left; empty when it is not joint. */
  readonly votersOutgoing: readonly string[];
  /** Get the log and do not vote. */
  readonly learners: readonly string[];
  /** Voters of the outgoing half that become learners when the joint configuration is left. */
  readonly learnersNext: readonly string[];
  /** Whether the leader leaves a joint configuration by itself once it is committed. */
  readonly autoLeave: boolean;
  /** Where members are reached, by member id, for those that were added while the cluster ran. Opaque to consensus. */
  readonly addresses: Readonly<Record<string, string>>;
}

export const EMPTY_CONFIGURATION: Configuration = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
  addresses: {},
};

/** A simple configuration. @throws {RangeError} when there is no voter or one is named twice; counted twice, it would be a quorum by itself. */
export function createConfiguration(voters: readonly string[]): Configuration {
  if (voters.length === 0) throw new RangeError("Cannot make a Raft configuration: no voters, wanted at least one");
  const sorted = voters.toSorted();
  const double = sorted.find((voter, at) => voter === sorted[at + 1]);
  if (double !== undefined) throw new RangeError(`Cannot make a Raft configuration: voter "${double}" is named twice`);
  return { ...EMPTY_CONFIGURATION, voters: sorted };
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** Whether a member votes in either half. */
export function isVoter(configuration: Configuration, member: string): boolean {
  return configuration.voters.includes(member) || configuration.votersOutgoing.includes(member);
}
