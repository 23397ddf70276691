/**
 * What can only be a bug in applying: the replica must not go on, since every other one is about to do the same.
 *
 * An expected refusal is never this; it is an `Outcome` with a code.
 */
export class ClusterInvariantError extends Error {
  override readonly name = "ClusterInvariantError";
}

export function invariant(holds: boolean, describe: () => string): asserts holds {
  if (!holds) throw new ClusterInvariantError(describe());
}
