/**
 * Faults put into Raft on purpose, to check that the simulator finds them. Nothing else may import this file.
 *
 * Each breaks one rule of `raft-rules.ts`:
 * - `voteNotPersisted`: the term is written, the vote is not; a member that restarts may vote twice in a term, and two
 *   leaders of a term follow.
 * - `commitEarlierTermByCounting`: figure 8 of the Raft paper; a committed entry is replaced. Seen only when a message may
 *   end between an inherited entry and the new leader's no-op, so run it with `entriesPerMessageMax: 1`.
 */
import { RAFT_RULES, type RaftRules } from "./raft-rules.ts";

export interface RaftFaults {
  readonly voteNotPersisted?: boolean;
  readonly commitEarlierTermByCounting?: boolean;
}

/** The rules of Raft with `faults` planted; pass them as `rules` of a member. */
export function brokenRules(faults: RaftFaults): RaftRules {
  return {
    hardStateToWrite: faults.voteNotPersisted
      ? (hardState) => ({ ...hardState, vote: null })
      : RAFT_RULES.hardStateToWrite,
    mayCommitByCounting: faults.commitEarlierTermByCounting ? () => true : RAFT_RULES.mayCommitByCounting,
  };
}
