/**
 * Who votes. Everything that counts members takes a configuration, so a change of membership changes no other file.
 *
 * Votes are asked of and counted from voters only, but answered to anybody: during a change of membership a candidate may
 * be rightly elected that this member's own configuration does not know yet (fault 34).
 */
export interface Configuration {
  /** Names of nodes, sorted, without doubles, at least one. */
  readonly voters: readonly string[];
}

/** @throws {RangeError} when there is no voter or one is named twice; counted twice, it would be a quorum by itself. */
export function createConfiguration(voters: readonly string[]): Configuration {
  if (voters.length === 0) throw new RangeError("Cannot make a Raft configuration: no voters, wanted at least one");
  const sorted = voters.toSorted();
  const double = sorted.find((voter, at) => voter === sorted[at + 1]);
  if (double !== undefined) throw new RangeError(`Cannot make a Raft configuration: voter "${double}" is named twice`);
  return { voters: sorted };
}

export function isVoter(configuration: Configuration, node: string): boolean {
  return configuration.voters.includes(node);
}
