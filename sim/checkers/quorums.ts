/**
 * Quorums as the checkers count them: on their own, since what they check must not count for them.
 *
 * Subsets of at most a dozen members are tried one by one; that is fewer than ten thousand, and only when a configuration changes.
 */
import type { Configuration } from "../../actors/raft/index.ts";

/** Whether these members can elect and commit: a majority of each half. A configuration without voters can do nothing. */
export function isQuorum({ voters, votersOutgoing }: Configuration, has: (member: string) => boolean): boolean {
  return (
    voters.length > 0 && isMajority(voters, has) && (votersOutgoing.length === 0 || isMajority(votersOutgoing, has))
  );
}

function isMajority(voters: readonly string[], has: (member: string) => boolean): boolean {
  return voters.filter(has).length * 2 > voters.length;
}

/** Voters of either half, each once. */
export function votersOf({ voters, votersOutgoing }: Configuration): readonly string[] {
  return [...new Set([...voters, ...votersOutgoing])];
}

/** Everybody who belongs to it, each once. */
export function membersOf(configuration: Configuration): readonly string[] {
  return [...votersOf(configuration), ...configuration.learners];
}

/** A quorum of the one and a quorum of the other without a common member; null when there are none such. */
export function disjointQuorums(one: Configuration, other: Configuration): readonly [string[], string[]] | null {
  const members = [...new Set([...votersOf(one), ...votersOf(other)])];
  for (let set = 0; set < 2 ** members.length; set++) {
    const isIn = (member: string): boolean => (set & (1 << members.indexOf(member))) !== 0;
    if (isQuorum(one, isIn) && isQuorum(other, (member) => !isIn(member))) {
      return [members.filter(isIn), members.filter((member) => !isIn(member))];
    }
  }
  return null;
}

export function describeConfiguration({ voters, votersOutgoing, learners }: Configuration): string {
  const incoming = votersOutgoing.length > 0 ? `${names(votersOutgoing)} → ${names(voters)}` : names(voters);
  return learners.length > 0 ? `${incoming}, learners ${names(learners)}` : incoming;
}

/** Without incarnations, where no two members of a name are in it. */
function names(members: readonly string[]): string {
  return `{${members.map((member) => member.replace(/@.*/, "")).join(" ")}}`;
}
