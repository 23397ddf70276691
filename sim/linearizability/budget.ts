/**
 * How long a search may go on: judging a history is NP-complete (Gibbons and Korach 1997), so one that takes too long has to end, and says
 * so. Standings that were looked at are counted, and those that are remembered, of which each one looked at leaves as many as operations are open
 * at once; time is whatever `isOver` says, since this folder knows no clock.
 */
export interface BudgetOptions {
  /** Standings looked at for one object; a usual history takes some an operation. Default 1,000,000: some seconds. */
  readonly statesMax?: number;
  /** Most memory for one object, as it is reckoned, in bytes; a history with many operations open at once takes much. Default: 1 GiB. */
  readonly memoryMaxBytes?: number;
  /** Asked now and then: whether it took too long. Default: never. */
  readonly isOver?: () => boolean;
}

const STATES_MAX = 1_000_000;
const MEMORY_MAX_BYTES = 2 ** 30;

/** What ends a search before it knows. */
export type GaveUp = "states" | "time" | "memory";

/** Standings between two looks at the clock: far less than a millisecond mostly; with thousands of operations open each takes that long. */
const LOOK_EVERY = 64;

const REMEMBERED_PER_LOOK = 4096;

export class Budget {
  readonly statesMax: number;
  readonly memoryMaxBytes: number;
  readonly #isOver: () => boolean;
  #states = 0;
  #bytes = 0;
  #remembered = 0;
  #lookAt = LOOK_EVERY;
  #gaveUp: GaveUp | null = null;

  constructor(options: BudgetOptions = {}) {
    const { statesMax = STATES_MAX, memoryMaxBytes = MEMORY_MAX_BYTES, isOver = () => false } = options;
    this.statesMax = statesMax;
    this.memoryMaxBytes = memoryMaxBytes;
    this.#isOver = isOver;
  }

  get states(): number {
    return this.#states;
  }

  /** Why it was given up; null while it may go on. */
  get gaveUp(): GaveUp | null {
    return this.#gaveUp;
  }

  /** Takes that many; Infinity: more than any search may. @returns whether the search may go on */
  take(states: number): boolean {
    if (Number.isFinite(states)) this.#states += states;
    if (states === Infinity || this.#states > this.statesMax) this.#gaveUp ??= "states";
    else if (this.#states >= this.#lookAt) {
      this.#lookAt = this.#states + LOOK_EVERY;
      if (this.#isOver()) this.#gaveUp ??= "time";
    }
    return this.#gaveUp === null;
  }

  /** So much more is remembered; less, when it is negative. @returns whether the search may go on */
  remember(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes > this.memoryMaxBytes) this.#gaveUp ??= "memory";
    // One standing that is looked at may leave thousands.
    this.#remembered += 1;
    if (this.#remembered % REMEMBERED_PER_LOOK === 0 && this.#isOver()) this.#gaveUp ??= "time";
    return this.#gaveUp === null;
  }

  /** A part of what is left, for a search that may fail; null when there is none. */
  part(statesMax: number): Budget | null {
    if (this.#gaveUp !== null || statesMax <= 0 || this.#isOver()) return null;
    return new Budget({ statesMax, memoryMaxBytes: this.memoryMaxBytes, isOver: this.#isOver });
  }
}
