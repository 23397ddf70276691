/**
 * The log store port: what one Raft member must not forget.
 *
 * One durable write a call: hard state and entries go in one transaction, so a crash never separates a vote from its term
 * (hashicorp/raft #661). Drivers: LMDB (`runtime/node/`), the simulated disk. Contract: `test/contract/log-store.ts`.
 */
import type { StoreError } from "./store-error.ts";

/** What one member keeps on disk. `load` first, then `append`. */
export interface LogStore {
  /**
   * Reads everything back, verifying each record's checksum. Called once, before any `append`.
   * @throws {StoreError} `store-corrupt` when a record that was acknowledged cannot be read; never cuts it off.
   */
  load(): LoadedLog;
  /**
   * Makes the write durable, then calls `done`. Calls complete in order. After an error the store accepts nothing more:
   * a failed sync may have dropped pages, so a retry that succeeds proves nothing.
   */
  append(write: LogWrite, done: (error?: StoreError) => void): void;
  /** Releases the files; waits for writes already accepted, then calls `done`. */
  close(done: () => void): void;
}

/** Term and vote, durable before any message that depends on them leaves (Raft §5.1, figure 2). */
export interface HardState {
  readonly term: number;
  /** The member voted for in `term`, or null. */
  readonly vote: string | null;
  /** Highest index known to be committed; a hint that may lag, never ahead of the truth. */
  readonly commit: number;
}

/** One entry of a Raft log. */
export interface LogEntry {
  /** Position in the log, from 1, without gaps. */
  readonly index: number;
  readonly term: number;
  /** `noop` opens a leader's term (Raft §8); `command` carries a payload for the state machine. */
  readonly type: "noop" | "command";
  /** Opaque to Raft and to the store. Empty for `noop`. */
  readonly payload: Uint8Array;
}

/** One write to a Raft log: all of it is kept, or nothing. */
export interface LogWrite {
  readonly hardState?: HardState;
  /** Contiguous. An entry at an existing index replaces it and everything behind it. */
  readonly entries: readonly LogEntry[];
}

/** What a Raft log holds when it is opened. */
export interface LoadedLog {
  readonly hardState: HardState;
  readonly entries: readonly LogEntry[];
  /** What repair did at load, for the operator: a torn tail that was cut, for example. Empty when nothing was wrong. */
  readonly repairs: readonly string[];
}
