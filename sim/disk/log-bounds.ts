/**
 * Which indexes a log store takes, as of what it has accepted, which is ahead of what is durable: a caller that leaves a gap, or writes
 * where the log is compacted, is wrong at the call, as the port says.
 */
import type { LoadedLog, LogPosition, LogWrite } from "../../runtime/index.ts";

export class LogBounds {
  #baseIndex = 0;
  #lastIndex = 0;

  begin({ base, entries }: LoadedLog): void {
    this.#baseIndex = base.index;
    this.#lastIndex = base.index + entries.length;
  }

  /** @throws {RangeError} */
  append({ reset, entries }: LogWrite): void {
    const base = reset?.index ?? this.#baseIndex;
    const last = reset?.index ?? this.#lastIndex;
    const [first] = entries;
    if (first !== undefined && (first.index <= base || first.index > last + 1)) {
      throw new RangeError(`LogStore.append: index ${first.index} is not one of ${base + 1} to ${last + 1}`);
    }
    this.#baseIndex = base;
    this.#lastIndex = first === undefined ? last : first.index + entries.length - 1;
  }

  /** False when there is nothing to do. @throws {RangeError} */
  compact(through: LogPosition): boolean {
    if (through.index > this.#lastIndex) {
      throw new RangeError(`LogStore.compact: index ${through.index} is behind the last, ${this.#lastIndex}`);
    }
    if (through.index <= this.#baseIndex) return false;
    this.#baseIndex = through.index;
    return true;
  }
}
