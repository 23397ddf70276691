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
  /** Who asked for the change that led here, as it was told; opaque to consensus. Absent when nobody was named. */
  readonly askedBy?: string;
}

/** Of a member that has not been told of any cluster. */
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

/** Whether a change is under way, so that two majorities are needed. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** Whether a member votes in either half. */
export function isVoter(configuration: Configuration, member: string): boolean {
  return configuration.voters.includes(member) || configuration.votersOutgoing.includes(member);
}

/** Whether a member gets the log: as a voter of either half or a learner. */
export function isMember(configuration: Configuration, member: string): boolean {
  return isVoter(configuration, member) || configuration.learners.includes(member);
}

/** Voters of both halves, each once. */
export function allVoters(configuration: Configuration): readonly string[] {
  const { voters, votersOutgoing } = configuration;
  if (votersOutgoing.length === 0) return voters;
  return [...new Set([...voters, ...votersOutgoing])].toSorted();
}

/** Everybody who gets the log, each once. */
export function allMembers(configuration: Configuration): readonly string[] {
  return [...allVoters(configuration), ...configuration.learners];
}

/** What is wrong with a configuration, or null: lists out of order or with doubles, a member with two parts, a half without the other. */
export function configurationFault(configuration: Configuration): string | null {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave, addresses } = configuration;
  for (const [name, list] of Object.entries({ voters, votersOutgoing, learners, learnersNext })) {
    const fault = list.find((member, at) => member === "" || (at > 0 && member <= (list[at - 1] as string)));
    if (fault !== undefined) return `${name} has "${fault}" out of order, twice or without a name`;
  }
  const both = learners.find((member) => isVoter(configuration, member));
  if (both !== undefined) return `"${both}" is a voter and a learner`;
  const next = learnersNext.find((member) => !votersOutgoing.includes(member) || voters.includes(member));
  if (next !== undefined) return `"${next}" is to become a learner, but is no voter of the outgoing half alone`;
  if (!isJoint(configuration) && autoLeave) return "it is not joint, and is to be left";
  if (voters.length === 0 && allMembers(configuration).length > 0) return "it has members and no voter";
  const stranger = Object.keys(addresses).find((member) => !isMember(configuration, member));
  return stranger === undefined ? null : `it has an address of "${stranger}", who is no member`;
}
