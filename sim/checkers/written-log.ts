/**
 * A member's log as it was written, synced or not; and every entry that was ever written anywhere, to compare it with.
 *
 * For log matching it is enough that an entry (index, term) has the same content and the same predecessor's term wherever it is
 * written; by induction so has everything before it.
 */
import type { LogEntry, LogPosition, LogWrite } from "../../runtime/index.ts";
import { sameEntry } from "./committed-log.ts";

export class WrittenLog {
  #base: LogPosition;
  readonly #entries: LogEntry[];

  constructor(base: LogPosition, entries: readonly LogEntry[]) {
    this.#base = base;
    this.#entries = [...entries];
  }

  /**
   * Takes a write; `onEntry` hears of each of its entries, with the term of the one before. Answers how many entries had to go for it, but
   * for those that a reset takes away.
   */
  write({ reset, entries }: LogWrite, onEntry: (entry: LogEntry, previousTerm: number) => void): number {
    if (reset !== undefined) {
      this.#base = reset;
      this.#entries.length = 0;
    }
    const [first] = entries;
    const replaced = first === undefined ? 0 : this.#base.index + this.#entries.length + 1 - first.index;
    for (const entry of entries) {
      const at = entry.index - 1 - this.#base.index;
      this.#entries.length = Math.min(this.#entries.length, Math.max(0, at));
      onEntry(entry, this.#entries[at - 1]?.term ?? this.#base.term);
      this.#entries.push(entry);
    }
    return Math.max(0, replaced);
  }

  /** Entries up to `base` are gone. */
  compact(base: LogPosition): void {
    if (base.index <= this.#base.index) return;
    this.#entries.splice(0, base.index - this.#base.index);
    this.#base = base;
  }

  /** How many entries behind `index` hold a configuration. */
  configurationsBehind(index: number): number {
    let count = 0;
    for (let at = this.#entries.length - 1; at >= 0 && (this.#entries[at] as LogEntry).index > index; at--) {
      if (this.#entries[at]?.type === "configuration") count += 1;
    }
    return count;
  }
}

/** An entry as it was first written by anybody. */
interface Known {
  readonly entry: LogEntry;
  readonly previousTerm: number;
}

/** Forgotten in pieces of this many. */
const PIECE = 5000;

export class KnownEntries {
  readonly #byIndex = new Map<number, Known[]>();
  #forgotten = 0;

  /** Whether it is new, or equal to what is known. */
  agrees(entry: LogEntry, previousTerm: number): boolean {
    const known = this.#byIndex.get(entry.index);
    if (known === undefined) {
      this.#byIndex.set(entry.index, [{ entry, previousTerm }]);
      return true;
    }
    const same = known.find((one) => one.entry.term === entry.term);
    if (same === undefined) known.push({ entry, previousTerm });
    return same === undefined || (same.previousTerm === previousTerm && sameEntry(same.entry, entry));
  }

  /** Nobody has an entry up to `index` any more, so nobody will write one. */
  forget(index: number): void {
    if (index - this.#forgotten < PIECE) return;
    for (let at = this.#forgotten + 1; at <= index; at++) this.#byIndex.delete(at);
    this.#forgotten = index;
  }
}
