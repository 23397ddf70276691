/**
 * The two rules of Raft that a simulation must be seen to depend on, each asked at exactly one spot. The core always runs
 * on `RAFT_RULES`, except where `planted-faults.ts` replaces one to check that the checker sees it.
 */
import type { HardState } from "../../../runtime/ports/log-store.ts";

/** Rules that only a test replaces, to see that their absence is found. */
export interface RaftRules {
  /** What of the hard state a write makes durable (Raft §5.1). */
  readonly hardStateToWrite: (hardState: HardState) => HardState;
  /** Whether a leader of `term` may commit an entry of `entryTerm` because a quorum has it (Raft §5.4.2). */
  readonly mayCommitByCounting: (entryTerm: number, term: number) => boolean;
}

export const RAFT_RULES: RaftRules = {
  hardStateToWrite: (hardState) => hardState,
  mayCommitByCounting: (entryTerm, term) => entryTerm === term,
};
