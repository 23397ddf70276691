/**
 * The log store port: what one Raft member must not forget.
 *
 * One durable write a call. A crash never separates a vote from its term (hashicorp/raft #661), nor the entries of a write from each other,
 * from its reset or from the identity that came with them. Term and vote may be there without the entries that came with them, which
 * is always safe; never the reverse. Drivers: `runtime/node/`, the simulated disk. Contract: `test/contract/log-store.ts`.
 */
import type { StoreError } from "./store-error.ts";

/** What one member keeps on disk. `load` first, then the rest. */
export interface LogStore {
  /**
   * Reads everything back, verifying every checksum. Called once, before any `append`. What a crash tore at the end, and so
   * was acknowledged to nobody, is cut off and told in `repairs`; what may have been acknowledged and cannot be read is
   * told in `damage` and never cut off silently.
   * @throws {StoreError} `store-corrupt` when identity, term or vote cannot be read: then nothing can be said for this member.
   */
  load(): LoadedLog;
  /**
   * Makes the write durable, then calls `done`. Calls complete in order. A disk without room holds the write back until there is
   * room again, and tells so through `onRoom`. After an error the store accepts nothing more: a failed sync may have dropped pages, so a
   * retry that succeeds proves nothing.
   */
  append(write: LogWrite, done: (error?: StoreError) => void): void;
  /**
   * Forgets the entries up to `through`, which a durable snapshot covers. Space is given back some time later; a crash may
   * leave more entries than asked, never fewer. An index at or before the log's base does nothing.
   */
  compact(through: LogPosition): void;
  /** Called with false when writes wait for room on the disk, with true when they go on. At most one listener. */
  onRoom(listener: (hasRoom: boolean) => void): void;
  /** Releases the files; waits for writes already accepted, then calls `done`. */
  close(done: () => void): void;
}

/** Who a member is, minted when its disk was empty. A disk that is lost takes the identity with it (fault 33). */
export interface MemberIdentity {
  /** Id in configurations and messages: `NAME@INCARNATION`. */
  readonly member: string;
  /** Id of the cluster it belongs to, minted when the cluster was formed; null until it belongs to one. */
  readonly cluster: string | null;
}

/** Term and vote, durable before any message that depends on them leaves (Raft §5.1, figure 2). */
export interface HardState {
  readonly term: number;
  /** The member voted for in `term`, or null. */
  readonly vote: string | null;
  /** Highest index known to be committed; a hint that may lag, never ahead of the truth. */
  readonly commit: number;
  /**
   * Present while the member recovers from damage that was found in this term: it does not vote until an entry of a later term
   * is durable here. Kept with the term, since the first write replaces what is damaged and a restart would not see it again.
   */
  readonly damagedTerm?: number;
}

/** A place in a log. Index 0 with term 0 stands before the first entry. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

/** One entry of a Raft log. */
export interface LogEntry {
  /** Position in the log, from 1, without gaps. */
  readonly index: number;
  readonly term: number;
  /**
   * `noop` opens a leader's term (Raft §8); `command` carries a payload for the state machine; `configuration` carries who
   * votes from here on, and counts from when it is in the log, committed or not (Ongaro's dissertation §4.1).
   */
  readonly type: "noop" | "command" | "configuration";
  /** Opaque to the store. Empty for `noop`. */
  readonly payload: Uint8Array;
}

/** One write to a Raft log. */
export interface LogWrite {
  readonly identity?: MemberIdentity;
  readonly hardState?: HardState;
  /** The log begins anew behind this position; all that it held goes. For a snapshot that was installed and is durable. */
  readonly reset?: LogPosition;
  /** Contiguous. An entry at an existing index replaces it and everything behind it. */
  readonly entries: readonly LogEntry[];
  /** Whoever writes leads nobody: only acknowledgements wait for it, elsewhere. A hint of how it may be written, nothing more. */
  readonly fromFollower?: boolean;
}

/** What a Raft log holds when it is opened. */
export interface LoadedLog {
  /** Null on an empty disk. */
  readonly identity: MemberIdentity | null;
  readonly hardState: HardState;
  /** The log holds what comes after it; index 0 when it was never compacted. */
  readonly base: LogPosition;
  readonly entries: readonly LogEntry[];
  /** What repair did at load, for the operator: a torn tail that was cut, for example. Empty when nothing was wrong. */
  readonly repairs: readonly string[];
  /** Null when all is readable. */
  readonly damage: LogDamage | null;
}

/** Entries that cannot be read and may have been acknowledged: the member must not vote until it was refilled. */
export interface LogDamage {
  /** First index that cannot be read; `entries` ends before it. The first write to this index or before replaces what is damaged. */
  readonly fromIndex: number;
  /** What is wrong, and where. */
  readonly message: string;
}

/** A log that holds nothing, as on an empty disk. */
export const EMPTY_LOG: LoadedLog = {
  identity: null,
  hardState: { term: 0, vote: null, commit: 0 },
  base: { index: 0, term: 0 },
  entries: [],
  repairs: [],
  damage: null,
};
