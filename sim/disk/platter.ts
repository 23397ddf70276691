/**
 * What of one member's log is durable: identity, term and vote, the base, the entries behind it, and what of them has rotted.
 *
 * It belongs to one identity. A disk that is lost takes its platter along; the checkers keep it, since a quorum that once had an entry had
 * it all the same.
 */
import {
  EMPTY_LOG,
  type HardState,
  type LoadedLog,
  type LogDamage,
  type LogEntry,
  type LogPosition,
  type LogWrite,
  type MemberIdentity,
} from "../../runtime/index.ts";

export class Platter {
  identity: MemberIdentity | null = null;
  hardState: HardState = EMPTY_LOG.hardState;
  base: LogPosition = EMPTY_LOG.base;
  /** First index that cannot be read; null when all can be. */
  rottenFrom: number | null = null;
  /** Identity, term and vote, which stand together, cannot be read. */
  isStateRotten = false;
  /** Whoever reads the log now knows of it; a process that runs on may go on to append behind what it cannot see. */
  #isRotTold = false;
  readonly #entries: LogEntry[] = [];
  /** What was durable here before it rotted, as `INDEX TERM`. */
  readonly #rotted = new Set<string>();
  #repairs: string[] = [];

  get lastIndex(): number {
    return this.base.index + this.#entries.length;
  }

  /** Whether anything was ever written. */
  get isEmpty(): boolean {
    return this.identity === null && this.lastIndex === 0 && this.hardState.term === 0;
  }

  /** The durable entry at `index`, whether it could be read or not. Undefined before the base and beyond the end. */
  entryAt(index: number): LogEntry | undefined {
    return this.#entries[index - 1 - this.base.index];
  }

  /**
   * Whether an entry is durable here, or was until it rotted: who acknowledged it then does not vote before it has it again. One
   * before the base is, by the snapshot that stands for it.
   */
  holds({ index, term }: LogPosition): boolean {
    return index < this.base.index || this.termAt(index) === term || this.#rotted.has(`${index} ${term}`);
  }

  termAt(index: number): number | undefined {
    return index === this.base.index ? this.base.term : this.entryAt(index)?.term;
  }

  /** Null when it was carried out; otherwise what is wrong with it. */
  write({ identity, hardState, reset, entries }: LogWrite): string | null {
    if (identity !== undefined) this.identity = identity;
    if (hardState !== undefined) this.hardState = hardState;
    if (reset !== undefined) {
      this.base = reset;
      this.#entries.length = 0;
      this.#heal();
    }
    const first = entries[0];
    if (first === undefined) return null;
    const kept = first.index - 1 - this.base.index;
    const { rottenFrom } = this;
    const readable = rottenFrom !== null && this.#isRotTold ? rottenFrom - 1 : this.lastIndex;
    if (kept < 0 || first.index > readable + 1) {
      return `index ${first.index}, where ${this.base.index + 1} to ${readable + 1} could be written`;
    }
    if (rottenFrom !== null && first.index <= rottenFrom) this.#heal();
    this.#entries.length = kept;
    for (const entry of entries) this.#entries.push(entry);
    return null;
  }

  /** Null when it was carried out; otherwise what is wrong with it. */
  compact(through: LogPosition): string | null {
    if (through.index <= this.base.index) return null;
    const term = this.termAt(through.index);
    if (term !== through.term)
      return `compacts to index ${through.index} of term ${through.term}, has ${term ?? "none"} there`;
    this.#entries.splice(0, through.index - this.base.index);
    this.base = through;
    if (this.rottenFrom !== null && this.rottenFrom <= through.index) this.#heal();
    return null;
  }

  /** A bit of the record of `index` is no longer what was written. */
  rot(index: number): void {
    this.rottenFrom = Math.min(index, this.rottenFrom ?? Infinity);
  }

  /**
   * A write that was to stand at `index`, and was confirmed, stands where the record of `over` was: neither can be read. Stamps of sectors have their
   * place in them, so the log tells it (`runtime/node/log/sector.ts`).
   */
  misdirect(index: number, over: number): void {
    this.rot(index);
    this.rot(over);
  }

  /** Only a part of the sectors of a write that was never synced is there: its batch is cut off when the log is read. */
  tear({ entries }: LogWrite): void {
    const first = entries[0]?.index ?? this.lastIndex + 1;
    this.#repairs.push(`cut off a torn batch of ${entries.length} entries from index ${first}`);
  }

  load(): LoadedLog {
    this.#isRotTold = this.rottenFrom !== null;
    const repairs = this.#repairs;
    this.#repairs = [];
    const damage: LogDamage | null =
      this.rottenFrom === null
        ? null
        : { fromIndex: this.rottenFrom, message: `entry ${this.rottenFrom} fails its checksum` };
    const readable = damage === null ? this.#entries.length : damage.fromIndex - 1 - this.base.index;
    for (const { index, term } of this.#entries.slice(readable)) this.#rotted.add(`${index} ${term}`);
    const { identity, hardState, base } = this;
    return { identity, hardState, base, entries: this.#entries.slice(0, readable), repairs, damage };
  }

  #heal(): void {
    this.rottenFrom = null;
    this.#isRotTold = false;
  }
}
