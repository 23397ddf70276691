/** The change feed: what changed at which index, as far back as memory is given to it, to resume a watch from. */
import type { Change } from "./replica-protocol.ts";

export interface VersionedChanges {
  readonly version: number;
  readonly changes: readonly Change[];
}

/**
 * Changes that are remembered: at least half an hour of an idle cluster of five nodes, seconds of a busy one; some 10 MB,
 * since resources share their specs. Whoever was away for longer is told `compacted` and reads again.
 */
const FEED_CHANGES_MAX = 10_000;

export class ChangeFeed {
  readonly #max: number;
  /** Oldest first, from `#head` on. */
  #entries: VersionedChanges[] = [];
  #head = 0;
  #changes = 0;
  #oldest = 0;

  constructor(max: number = FEED_CHANGES_MAX) {
    this.#max = max;
  }

  /** The earliest version after which every change is still known. */
  get oldest(): number {
    return this.#oldest;
  }

  push(entry: VersionedChanges): void {
    if (entry.changes.length === 0) return;
    this.#entries.push(entry);
    this.#changes += entry.changes.length;
    while (this.#changes > this.#max) this.#forgetOldest();
    if (this.#head > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The state jumped to `version`: what changed until then is not known. */
  jump(version: number): void {
    this.#entries = [];
    this.#head = 0;
    this.#changes = 0;
    this.#oldest = version;
  }

  /** All that changed after `version`; null when some of it is forgotten. */
  since(version: number): readonly VersionedChanges[] | null {
    if (version < this.#oldest) return null;
    return this.#entries.slice(this.#firstAfter(version));
  }

  #forgetOldest(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#head += 1;
    this.#changes -= entry.changes.length;
    this.#oldest = entry.version;
  }

  #firstAfter(version: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.version ?? 0) > version) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
