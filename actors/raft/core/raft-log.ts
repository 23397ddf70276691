/**
 * The log of one member, in memory, with the marks that order it:
 *
 *     base ≤ snapshot ≤ applied ≤ commit ≤ last,  durable ≤ last
 *
 * Entries up to `base` are compacted away; a durable snapshot of the machine covers them. Their terms are unknown here, and what
 * is unknown is never a conflict (fault 11): all that was compacted was committed.
 *
 * `durable` is what a finished write holds. A write in flight is remembered by its last index only, and a truncation
 * lowers that mark: what a write holds of entries that have been replaced since never counts as durable (fault 27, ABA).
 * `commit` may be ahead of `durable` at a leader only: a quorum of others has what its own disk is still writing.
 *
 * Positions begin at 1; index 0 with term 0 stands before the first entry.
 *
 * Source: Ongaro's dissertation §3.5 (matching), §5.1 and figure 5.3 (snapshots), §10.2.1 (writing while replicating).
 */
import type { LogEntry, LogPosition } from "../../../runtime/ports/log-store.ts";
import { EntryChunks } from "./entry-chunks.ts";
import { entryEssence, type Essence } from "./essence.ts";
import { invariant } from "./invariant.ts";
import { RAFT_RULES, type RaftRules } from "./raft-rules.ts";

export interface BatchLimits {
  readonly entriesPerMessageMax: number;
  readonly bytesPerMessageMax: number;
}

/** How much stays behind a snapshot, for followers that are a little behind: whichever is reached first. */
export interface TrailingLimits {
  readonly trailingEntries: number;
  readonly trailingBytesMax: number;
}

/** Hears of every `configuration` entry that enters or leaves the log behind what it begins with: it counts as long as it is in it. */
export interface ConfigurationListener {
  appended(entry: LogEntry): void;
  /** The entries from `index` on are gone. */
  truncated(index: number): void;
  /** The log begins behind `index` now. */
  compacted(index: number): void;
}

/** What an entry costs in memory beside its payload, about. */
export const ENTRY_OVERHEAD_BYTES = 128;

/** What a log begins with: all of it is on disk. */
export interface RaftLogOptions {
  readonly base: LogPosition;
  readonly entries: readonly LogEntry[];
  /** The newest durable snapshot of the machine; index 0 when there is none. */
  readonly snapshot: LogPosition;
  readonly configurations?: ConfigurationListener;
  /** Only to plant a fault. */
  readonly rules?: RaftRules;
}

/** What a write must hold: `reset` first, if present, then the entries. */
export interface Unsaved {
  readonly reset?: LogPosition;
  readonly entries: readonly LogEntry[];
}

/** `stale`: all of it was committed here already. `kept`: the log agrees with it, and stays. `reset`: the log begins anew behind it. */
export type SnapshotOutcome = "stale" | "kept" | "reset";

export class RaftLog {
  readonly #held: EntryChunks;
  readonly #configurations: ConfigurationListener | undefined;
  readonly #rules: RaftRules;
  #base: LogPosition;
  #snapshot: LogPosition;
  #applied: number;
  #commit: number;
  #durable: number;
  #uncommittedBytes: number;
  /** Last index of the write in flight that is still in this log; 0 when there is none. */
  #writing = 0;
  /** First index that no write holds. */
  #unsavedFrom: number;
  /** No write holds yet that the log begins behind this. */
  #unsavedReset: LogPosition | null = null;

  /**
   * Log and snapshot are written one after the other, so a crash between leaves a snapshot that is ahead of the log: the log
   * then begins anew behind it, as it was about to. The other way round something is lost (fault 24).
   * @throws {RaftInvariantError} when entries are missing, or begin behind a state that no snapshot holds.
   */
  constructor({ base, entries, snapshot, configurations, rules = RAFT_RULES }: RaftLogOptions) {
    invariant(
      snapshot.index >= base.index,
      () => `The log begins behind index ${base.index}, but the newest snapshot is as of index ${snapshot.index}`,
    );
    this.#configurations = configurations;
    this.#rules = rules;
    this.#held = new EntryChunks(base.index + 1);
    for (const entry of entries) {
      const wanted = this.#held.lastIndex + 1;
      invariant(entry.index === wanted, () => `The log has index ${entry.index} where ${wanted} belongs`);
      this.#held.push(entry);
    }
    this.#base = base;
    this.#snapshot = base;
    this.#applied = base.index;
    this.#commit = base.index;
    this.#durable = this.#held.lastIndex;
    this.#unsavedFrom = this.#durable + 1;
    this.#uncommittedBytes = this.#held.bytes;
    if (snapshot.index > base.index) this.installSnapshot(snapshot);
  }

  /** The log holds what comes after it. */
  get base(): LogPosition {
    return this.#base;
  }
  /** As of where the newest snapshot is. */
  get snapshot(): LogPosition {
    return this.#snapshot;
  }
  get applied(): number {
    return this.#applied;
  }
  get commit(): number {
    return this.#commit;
  }
  get durable(): number {
    return this.#durable;
  }
  get lastIndex(): number {
    return this.#held.lastIndex;
  }
  get lastTerm(): number {
    return this.#held.at(this.#held.lastIndex)?.term ?? this.#base.term;
  }
  /** Of all payloads that are held. */
  get bytes(): number {
    return this.#held.bytes;
  }
  /** What it costs in memory, about. */
  get memoryBytes(): number {
    return this.#held.bytes + ENTRY_OVERHEAD_BYTES * (this.lastIndex - this.#base.index);
  }
  /** Of all payloads behind `commit`, whoever led when they came. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }
  get hasUnsaved(): boolean {
    return this.#unsavedReset !== null || this.#unsavedFrom <= this.lastIndex;
  }

  /** The term at `index`, 0 at index 0; undefined beyond the log, and where it is compacted away. */
  termAt(index: number): number | undefined {
    return index === this.#base.index ? this.#base.term : this.#held.at(index)?.term;
  }

  /** Whether a leader's log that has `term` at `index` equals this one up to there: what is compacted was committed, so it does. */
  matches(index: number, term: number): boolean {
    return index < this.#base.index ? this.#rules.compactedMatches() : this.termAt(index) === term;
  }

  /** Entries from `from` to `to`, both included, as far as they are here. */
  entries(from: number, to: number): readonly LogEntry[] {
    return this.#held.slice(from, to);
  }

  /** Entries from `from` that fit into one message; at least one if there is one. */
  batch(from: number, limits: BatchLimits): readonly LogEntry[] {
    const endMax = Math.min(this.lastIndex, from + limits.entriesPerMessageMax - 1);
    let to = from;
    let bytes = this.#held.at(from)?.payload.length ?? 0;
    while (to < endMax) {
      bytes += this.#held.at(to + 1)?.payload.length ?? 0;
      if (bytes > limits.bytesPerMessageMax) break;
      to += 1;
    }
    return this.#held.slice(from, to);
  }

  /** A leader's own entry at the end. */
  append(entry: Omit<LogEntry, "index">): LogEntry {
    const placed: LogEntry = { index: this.lastIndex + 1, term: entry.term, type: entry.type, payload: entry.payload };
    this.#push(placed);
    return placed;
  }

  /**
   * A follower's part of Raft §5.3: what is here already stays, even behind these entries, because the message may be an
   * old one (fault 10); only an entry of another term and what follows it goes. The entry before the first must match.
   * Returns the first index that is new here, or one beyond the last when nothing is.
   */
  merge(entries: readonly LogEntry[]): number {
    let at = 0;
    while (at < entries.length && this.#holds(entries[at] as LogEntry)) at += 1;
    const firstNew = entries[at]?.index ?? this.lastIndex + 1;
    if (firstNew <= this.lastIndex) this.#truncateFrom(firstNew);
    for (; at < entries.length; at++) {
      const entry = entries[at] as LogEntry;
      invariant(entry.index === this.lastIndex + 1, () => `Index ${entry.index} follows ${this.lastIndex}`);
      this.#push(entry);
    }
    return firstNew;
  }

  /**
   * The last position at or before `index` whose term is at most `term`: where two logs can at best agree, when the one
   * is known to have `term` at `index`. Skips a whole term a step, so a long conflict costs a round trip a term, not one
   * an entry (fault 43). Ends at the base: what comes before is not known, whatever its term.
   */
  lastPositionUpTo(index: number, term: number): LogPosition {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index && (this.termAt(at) ?? 0) > term) at -= 1;
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  commitTo(index: number): void {
    invariant(index >= this.#commit, () => `Commit would go back from ${this.#commit} to ${index}`);
    invariant(index <= this.lastIndex, () => `Commit ${index} is beyond the log, which ends at ${this.lastIndex}`);
    this.#advanceCommit(index);
  }

  /** What no write holds yet; the caller writes it and then calls `markDurable`. */
  takeUnsaved(): Unsaved {
    const entries = this.entries(this.#unsavedFrom, this.lastIndex);
    const reset = this.#unsavedReset;
    this.#unsavedReset = null;
    this.#writing = this.lastIndex;
    this.#unsavedFrom = this.lastIndex + 1;
    return reset ? { reset, entries } : { entries };
  }

  /** The write that `takeUnsaved` began has finished. */
  markDurable(): void {
    this.#durable = Math.max(this.#durable, this.#writing);
    this.#writing = 0;
  }

  /** Committed entries, each once, in order. */
  takeCommitted(): readonly LogEntry[] {
    const committed = this.entries(this.#applied + 1, this.#commit);
    this.#applied = this.#commit;
    return committed;
  }

  /**
   * A durable snapshot of a leader's machine takes the place of what it covers. An entry that conflicts with it at its last
   * index goes, with all others, or the leader would send snapshots for ever (fault 25); where the entry agrees, what
   * follows it stays, since it may have been acknowledged. What is not durable yet was acknowledged to nobody, and may go.
   * What is covered never comes out of `takeCommitted` again (fault 26). After a reset the configuration in force is the snapshot's.
   */
  installSnapshot(snapshot: LogPosition): SnapshotOutcome {
    const { index, term } = snapshot;
    if (index <= this.#commit) return "stale";
    this.#snapshot = snapshot;
    this.#applied = index;
    this.#advanceCommit(index);
    if (index <= this.#durable && this.#rules.agreesWithSnapshot(this.termAt(index), term)) return "kept";
    this.#held.reset(index + 1);
    this.#base = snapshot;
    this.#durable = index;
    this.#writing = 0;
    this.#unsavedFrom = index + 1;
    this.#uncommittedBytes = 0;
    this.#unsavedReset = snapshot;
    return "reset";
  }

  /** The machine's own snapshot as of `index` is durable. False when a newer one is known. */
  noteSnapshot(index: number): boolean {
    if (index <= this.#snapshot.index) return false;
    const term = this.termAt(index);
    invariant(
      index <= this.#applied && term !== undefined,
      () => `A snapshot is as of index ${index}, but only ${this.#applied} is applied`,
    );
    this.#snapshot = { index, term };
    return true;
  }

  /**
   * Drops what the newest snapshot covers, less the trailing window and less what is not durable here, and nothing behind `keepFrom`.
   * Returns the new base, or undefined when there is nothing to drop.
   */
  compact({ trailingEntries, trailingBytesMax }: TrailingLimits, keepFrom = Infinity): LogPosition | undefined {
    const covered = this.#unsavedReset ? this.#base.index : Math.min(this.#snapshot.index, this.#durable, keepFrom - 1);
    const lowest = Math.max(this.#base.index, covered - trailingEntries);
    let index = covered;
    let bytes = 0;
    while (index > lowest) {
      bytes += this.#held.at(index)?.payload.length ?? 0;
      if (bytes > trailingBytesMax) break;
      index -= 1;
    }
    const term = this.termAt(index);
    if (index <= this.#base.index || term === undefined) return undefined;
    this.#held.dropBefore(index + 1);
    this.#base = { index, term };
    this.#configurations?.compacted(index);
    return this.#base;
  }

  /** `essence.ts`. Sizes follow from the entries. */
  essence(): Essence {
    const marks = [this.#applied, this.#commit, this.#durable, this.#writing, this.#unsavedFrom];
    const entries = this.entries(this.#base.index + 1, this.lastIndex).map(entryEssence);
    return [this.#base, this.#snapshot, this.#unsavedReset, ...marks, entries];
  }

  #advanceCommit(index: number): void {
    for (let at = this.#commit + 1; at <= index; at++) {
      this.#uncommittedBytes -= this.#held.at(at)?.payload.length ?? 0;
    }
    this.#commit = index;
  }

  #push(entry: LogEntry): void {
    this.#held.push(entry);
    this.#uncommittedBytes += entry.payload.length;
    if (entry.type === "configuration") this.#configurations?.appended(entry);
  }

  /** Whether this very entry is here, or was before it was compacted. */
  #holds(entry: LogEntry): boolean {
    return entry.index < this.#base.index || this.#rules.isHeld(entry, this.termAt(entry.index));
  }

  #truncateFrom(index: number): void {
    invariant(index > this.#commit, () => `Index ${index} is committed (up to ${this.#commit}) and would be replaced`);
    for (let at = index; at <= this.lastIndex; at++) {
      this.#uncommittedBytes -= this.#held.at(at)?.payload.length ?? 0;
    }
    this.#held.truncateFrom(index);
    this.#configurations?.truncated(index);
    this.#durable = Math.min(this.#durable, index - 1);
    this.#writing = this.#rules.stillWritten(this.#writing, index);
    this.#unsavedFrom = Math.min(this.#unsavedFrom, index);
  }
}
