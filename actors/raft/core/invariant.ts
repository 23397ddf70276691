/**
 * What can only be a bug, or a disk that lies: the member must not go on. Its actor crashes, and nothing is answered
 * from a state that is known to be wrong (fault 17: two leaders of a term tolerated in silence).
 */
export class RaftInvariantError extends Error {
  override readonly name = "RaftInvariantError";
}

export function invariant(holds: boolean, describe: () => string): asserts holds {
  if (!holds) throw new RaftInvariantError(describe());
}
