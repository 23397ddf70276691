/**
 * The one log of the cluster: each index as it was first committed. It never changes; whoever commits must agree.
 *
 * Entries that every member has compacted away are forgotten some time later, so that a long run does not need all of them.
 */
import type { LogEntry } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

interface Committed {
  readonly entry: LogEntry;
  /** The term of the leader that committed it: a leader knows of a commit before anybody else. */
  readonly term: number;
}

/** Entries that are kept though nobody has them any more: for answers that speak of them late. */
const KEPT = 20_000;

/** Forgotten in pieces of this many. */
const PIECE = 5000;

export class CommittedLog {
  readonly #timeline: Timeline;
  #entries: Committed[] = [];
  /** Index of the last that was forgotten. */
  #base = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get lastIndex(): number {
    return this.#base + this.#entries.length;
  }

  /** The first index that is still known. */
  get firstIndex(): number {
    return this.#base + 1;
  }

  entryAt(index: number): LogEntry | undefined {
    return this.#entries[index - 1 - this.#base]?.entry;
  }

  /** The last entry that was committed in a term before `term`: a leader of `term` must have it. */
  lastBeforeTerm(term: number): Committed | undefined {
    return this.#entries.findLast((committed) => committed.term < term);
  }

  /** What stands behind that index was lost with a quorum. */
  cutBack(through: number): void {
    this.#entries.length = Math.max(0, Math.min(this.#entries.length, through - this.#base));
  }

  /** True when the index is committed for the first time. */
  add(entry: LogEntry, by: { readonly node: number; readonly term: number }): boolean {
    if (entry.index <= this.#base) return false;
    const before = this.#entries[entry.index - 1 - this.#base];
    if (before === undefined) {
      if (entry.index !== this.lastIndex + 1) {
        const message = `Node ${by.node} commits index ${entry.index}; up to ${this.lastIndex} was committed before`;
        this.#timeline.fail("committed-in-order", message);
      } else this.#entries.push({ entry, term: by.term });
      return true;
    }
    if (!sameEntry(before.entry, entry)) {
      this.#timeline.fail(
        "committed-changes",
        `Index ${entry.index} was committed in term ${before.entry.term}; node ${by.node} commits one of term ${entry.term}`,
      );
    }
    return false;
  }

  /** Nobody has the entries up to `index` in a log any more. */
  forget(index: number): void {
    const count = Math.min(index, this.lastIndex - KEPT) - this.#base;
    if (count < PIECE) return;
    this.#entries = this.#entries.slice(count);
    this.#base += count;
  }
}

/** Entries are mostly handed around as the same object. */
export function sameEntry(one: LogEntry, other: LogEntry): boolean {
  if (one === other) return true;
  if (one.term !== other.term || one.type !== other.type) return false;
  const { payload } = other;
  return (
    one.payload === payload ||
    (one.payload.length === payload.length && one.payload.every((byte, at) => byte === payload[at]))
  );
}
