/**
 * The log of one member, in memory, with the four marks that order it:
 *
 *     applied ≤ commit ≤ durable ≤ last
 *
 * `durable` is what a finished write holds. A write in flight is remembered by its last index only, and a truncation
 * lowers that mark: what a write holds of entries that have been replaced since never counts as durable (fault 27, ABA).
 *
 * Positions begin at 1; index 0 with term 0 stands before the first entry. All entries are kept: there are no snapshots.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import { invariant } from "./invariant.ts";

export interface BatchLimits {
  readonly entriesPerMessageMax: number;
  readonly bytesPerMessageMax: number;
}

export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

export class RaftLog {
  readonly #entries: LogEntry[];
  #applied = 0;
  #commit = 0;
  #durable: number;
  /** Last index of the write in flight that is still in this log; 0 when there is none. */
  #writing = 0;
  /** First index that no write holds. */
  #unsavedFrom: number;

  /** `entries` are on disk already. */
  constructor(entries: readonly LogEntry[]) {
    const gap = entries.findIndex((entry, at) => entry.index !== at + 1);
    invariant(gap < 0, () => `The log has index ${entries[gap]?.index} at position ${gap + 1}`);
    this.#entries = [...entries];
    this.#durable = entries.length;
    this.#unsavedFrom = entries.length + 1;
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
    return this.#entries.length;
  }
  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? 0;
  }
  get hasUnsaved(): boolean {
    return this.#unsavedFrom <= this.lastIndex;
  }

  /** The term at `index`, 0 at index 0, undefined beyond the log. */
  termAt(index: number): number | undefined {
    return index === 0 ? 0 : this.#entries[index - 1]?.term;
  }

  matches(index: number, term: number): boolean {
    return this.termAt(index) === term;
  }

  /** Entries from `from` to `to`, both included. */
  entries(from: number, to: number): readonly LogEntry[] {
    return this.#entries.slice(from - 1, to);
  }

  /** Entries from `from` that fit into one message; at least one if there is one. */
  batch(from: number, limits: BatchLimits): readonly LogEntry[] {
    let to = from;
    let bytes = this.#entries[from - 1]?.payload.length ?? 0;
    while (to < this.lastIndex && to - from + 1 < limits.entriesPerMessageMax) {
      bytes += this.#entries[to]?.payload.length ?? 0;
      if (bytes > limits.bytesPerMessageMax) break;
      to += 1;
    }
    return this.entries(from, to);
  }

  /** A leader's own entry at the end. */
  append(entry: Omit<LogEntry, "index">): LogEntry {
    const placed: LogEntry = { index: this.lastIndex + 1, term: entry.term, type: entry.type, payload: entry.payload };
    this.#entries.push(placed);
    return placed;
  }

  /**
   * A follower's part of Raft §5.3: what is here already stays, even behind these entries, because the message may be an
   * old one (fault 10); only an entry of another term and what follows it goes. The entry before the first must match.
   */
  merge(entries: readonly LogEntry[]): void {
    const firstNew = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    if (firstNew < 0) return;
    for (const entry of entries.slice(firstNew)) {
      if (entry.index <= this.lastIndex) this.#truncateFrom(entry.index);
      invariant(entry.index === this.lastIndex + 1, () => `Index ${entry.index} follows ${this.lastIndex}`);
      this.#entries.push(entry);
    }
  }

  /**
   * The last position at or before `index` whose term is at most `term`: where two logs can at best agree, when the one
   * is known to have `term` at `index`. Skips a whole term a step, so a long conflict costs a round trip a term, not one
   * an entry (fault 43).
   */
  lastPositionUpTo(index: number, term: number): LogPosition {
    let at = Math.min(index, this.lastIndex);
    while (at > 0 && (this.termAt(at) ?? 0) > term) at -= 1;
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  commitTo(index: number): void {
    invariant(index >= this.#commit, () => `Commit would go back from ${this.#commit} to ${index}`);
    invariant(
      index <= this.#durable,
      () => `Commit ${index} is beyond the durable log, which ends at ${this.#durable}`,
    );
    this.#commit = index;
  }

  /** Entries that no write holds yet; the caller writes them and then calls `markDurable`. */
  takeUnsaved(): readonly LogEntry[] {
    const unsaved = this.entries(this.#unsavedFrom, this.lastIndex);
    this.#writing = this.lastIndex;
    this.#unsavedFrom = this.lastIndex + 1;
    return unsaved;
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

  #truncateFrom(index: number): void {
    invariant(index > this.#commit, () => `Index ${index} is committed (up to ${this.#commit}) and would be replaced`);
    this.#entries.length = index - 1;
    this.#durable = Math.min(this.#durable, index - 1);
    this.#writing = Math.min(this.#writing, index - 1);
    this.#unsavedFrom = Math.min(this.#unsavedFrom, index);
  }
}
