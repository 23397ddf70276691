/**
 * What an embedder replicates: a state that moves only by commands, the same at every member.
 *
 * Everything here is called by the machine actor, one call at a time. `apply` must be deterministic: no clock, no randomness, nothing that
 * is not in the state or in the command, or the members drift apart. What it means must never change either: members of two
 * versions apply the same log. An `apply` that throws is a bug that every member meets; the actor crashes, on purpose.
 */

/** Where in the log a command stands. */
export interface AppliedAt {
  /** Index of the entry; grows, but commands that were gathered into one entry share it. */
  readonly index: number;
  /** Counts the commands of that entry from 0: (index, position) is unique and grows. */
  readonly position: number;
  /**
   * Replicated time in milliseconds: how long the cluster has had a leader, at least; never ahead of the real time that went by since
   * the cluster began, never going back. It moves in steps of some 10 s and stands still while nothing is written.
   */
  readonly timeMs: number;
}

/** The state, in the hands of the machine actor. Whatever one of these throws ends the actor and, by its supervision, the system. */
export interface StateMachine {
  /**
   * Carries out a command. The bytes belong to the log and must not be modified; keeping a view on them keeps the whole entry alive.
   * The reply of a command with a session is remembered as long as the session is, so it should be small.
   */
  apply(command: Uint8Array, at: AppliedAt): Uint8Array;
  /** Answers from the state as it is; changes nothing. */
  query(query: Uint8Array): Uint8Array;
  /** The state as of now, whatever is applied later. Must be cheap: the actor serves nobody meanwhile. */
  snapshot(): MachineSnapshot;
  /** Begins to replace the state. The present one stays until `finish`; a restore that is not finished has no effect. */
  restore(): MachineRestore;
}

/** A state that stands still while it is written down. */
export interface MachineSnapshot {
  /** The next part, of any size up to some MiB; null after the last. Made when it is asked for. */
  next(): Uint8Array | null;
}

/** A state that is being put together from a snapshot. */
export interface MachineRestore {
  /** Takes the parts that `MachineSnapshot.next` gave, in order and as they were cut. */
  add(part: Uint8Array): void;
  /** All parts are there: from now on the state is what they say. */
  finish(): void;
}
