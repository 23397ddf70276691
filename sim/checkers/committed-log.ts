/** The one log of the cluster: each index as it was first committed. It never changes; whoever commits must agree. */
import type { LogEntry } from "../../runtime/index.ts";
import type { Timeline } from "../timeline.ts";

interface Committed {
  readonly entry: LogEntry;
  /** The term of the leader that committed it: a leader knows of a commit before anybody else. */
  readonly term: number;
}

export class CommittedLog {
  readonly #timeline: Timeline;
  readonly #entries: Committed[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get lastIndex(): number {
    return this.#entries.length;
  }

  entryAt(index: number): LogEntry | undefined {
    return this.#entries[index - 1]?.entry;
  }

  /** The last entry that was committed in a term before `term`: a leader of `term` must have it. */
  lastBeforeTerm(term: number): Committed | undefined {
    return this.#entries.findLast((committed) => committed.term < term);
  }

  /** True when the index is committed for the first time. */
  add(entry: LogEntry, by: { readonly node: number; readonly term: number }): boolean {
    const before = this.#entries[entry.index - 1];
    if (before === undefined) {
      this.#entries.push({ entry, term: by.term });
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
