/** What the records of a log amount to, one after the other: the entries behind its base. */
import type { LogEntry, LogPosition } from "../../ports/log-store.ts";
import type { LogRecord } from "./batch-reader.ts";
import type { LogBase } from "./log-state.ts";

export class LogReplay {
  base: LogPosition;
  /** The one of index `base.index + 1` first. */
  readonly entries: LogEntry[] = [];
  readonly #baseSequence: number;
  /** Null before the first record. */
  #lastIndex: number | null = null;

  constructor({ index, term, sequence }: LogBase) {
    this.base = { index, term };
    this.#baseSequence = sequence;
  }

  get lastIndex(): number {
    return this.base.index + this.entries.length;
  }

  /** All of them, or none: returns what is wrong, as the end of a sentence about their batch. */
  applyAll(records: readonly LogRecord[], sequence: number): string | null {
    const fault = this.#faultOf(records);
    if (fault !== null) return fault;
    for (const record of records) {
      if (record.type === "entry") this.#apply(record.entry);
      else this.#reset(record.position, sequence);
    }
    return null;
  }

  #faultOf(records: readonly LogRecord[]): string | null {
    let last = this.#lastIndex;
    for (const record of records) {
      if (record.type === "reset") {
        last = record.position.index;
        continue;
      }
      const { index } = record.entry;
      if (last === null && index > this.base.index + 1) {
        return `begins with entry ${index}, but the log begins behind ${this.base.index}`;
      }
      if (last !== null && index > last + 1) return `has entry ${index} behind entry ${last}`;
      last = index;
    }
    return null;
  }

  #apply(entry: LogEntry): void {
    this.#lastIndex = entry.index;
    // What the base covers stays forgotten, and with it what stood behind the entry when it was written.
    this.entries.length = Math.min(this.entries.length, Math.max(0, entry.index - 1 - this.base.index));
    if (entry.index > this.base.index) this.entries.push(entry);
  }

  #reset(position: LogPosition, sequence: number): void {
    this.entries.length = 0;
    this.#lastIndex = position.index;
    // A base that was set later has been compacted to since.
    if (sequence > this.#baseSequence || position.index > this.base.index) this.base = position;
  }
}
