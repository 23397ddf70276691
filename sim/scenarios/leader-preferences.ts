/** Which nodes had better lead (`actors/raft/core/priority.ts`), by the seed: mostly any; in some runs there are preferences, and reluctance. */

/** Shares of runs. */
const PREFERRED = 0.2;
const RELUCTANT = 0.15;

/** The least there is: who has it waits a whole election timeout longer than the others before it polls. */
const LEAST = -10;

/**
 * Priorities of the nodes, in turn; `drawn` lies in [0, 1).
 *
 * Where every other node is reluctant, those who poll first may lack what only a reluctant one has, again and again: so they must not win polls
 * that they would not win elections after (fault 38).
 */
export function prioritiesFrom(drawn: number): readonly number[] {
  if (drawn < PREFERRED) return [0, 1, -1, 3];
  return drawn < PREFERRED + RELUCTANT ? [0, LEAST] : [0];
}
