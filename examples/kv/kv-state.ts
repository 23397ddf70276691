/**
 * The map that the machine keeps, with views of it as it was: a snapshot is written while the store goes on.
 *
 * While a view is open the base does not change: what is written meanwhile lies in an overlay, which lookups ask first.
 * When the view is closed, each later change takes a few keys of the overlay along into the base, so nothing ever stops to copy.
 * One view is open at a time; opening another closes the one before.
 */

/** Keys of the overlay that a change folds into the base: more than one, so that the overlay shrinks while it is written to. */
const FOLDED_A_CHANGE = 8;

export interface KvView {
  /** The next entries, at least `bytes` bytes of keys and values if there are as many; empty at the end. */
  next(bytes: number): readonly (readonly [string, string])[];
  close(): void;
}

export class KvState {
  #base = new Map<string, string>();
  /** Newer than the base; null: deleted. */
  readonly #overlay = new Map<string, string | null>();
  /** The one that is open. */
  #view: object | null = null;

  get(key: string): string | undefined {
    if (this.#overlay.size > 0) {
      const newer = this.#overlay.get(key);
      if (newer !== undefined) return newer ?? undefined;
    }
    return this.#base.get(key);
  }

  set(key: string, value: string): void {
    this.#write(key, value);
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const was = this.get(key) !== undefined;
    this.#write(key, null);
    return was;
  }

  /** As it is now, whatever is written from now on. */
  view(): KvView {
    this.#foldAll();
    const view = {};
    this.#view = view;
    const entries = this.#base.entries();
    return {
      next: (bytes) => {
        if (this.#view !== view) throw new Error("Cannot read a view of the store: it is closed");
        const chunk: [string, string][] = [];
        for (let size = 0; size < bytes;) {
          const { value: entry, done } = entries.next();
          if (done === true) break;
          chunk.push(entry);
          size += entry[0].length + entry[1].length;
        }
        return chunk;
      },
      close: () => {
        if (this.#view === view) this.#view = null;
      },
    };
  }

  /** Forgets all; an open view is closed. */
  clear(): void {
    this.#base = new Map();
    this.#overlay.clear();
    this.#view = null;
  }

  #write(key: string, value: string | null): void {
    if (this.#view === null && this.#overlay.size > 0) this.#fold(FOLDED_A_CHANGE);
    if (this.#view !== null || this.#overlay.size > 0) this.#overlay.set(key, value);
    else if (value === null) this.#base.delete(key);
    else this.#base.set(key, value);
  }

  #foldAll(): void {
    this.#view = null;
    this.#fold(this.#overlay.size);
  }

  #fold(count: number): void {
    let left = count;
    for (const [key, value] of this.#overlay) {
      if (left-- === 0) return;
      this.#overlay.delete(key);
      if (value === null) this.#base.delete(key);
      else this.#base.set(key, value);
    }
  }
}
