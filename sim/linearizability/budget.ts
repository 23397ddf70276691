/**
 * How long a search may go on: judging a history is NP-complete (Gibbons and Korach 1997), so one that takes too long has to end, and says
 * so. The number of standings looked at bounds its memory too; time is whatever `isOver` says, since this folder knows no clock.
 */
export interface BudgetOptions {
  /** Standings looked at for one object; a usual history takes some an operation. Default 1,000,000: some seconds and some hundred MiB. */
  readonly statesMax?: number;
  /** Asked now and then: whether it took too long. Default: never. */
  readonly isOver?: () => boolean;
}

const STATES_MAX = 1_000_000;

/** Standings between two looks at the clock: far less than a millisecond mostly; with thousands of operations open each takes that long. */
const LOOK_EVERY = 64;

export class Budget {
  readonly statesMax: number;
  readonly #isOver: () => boolean;
  #states = 0;
  #lookAt = LOOK_EVERY;
  #gaveUp: "states" | "time" | null = null;

  constructor({ statesMax = STATES_MAX, isOver = () => false }: BudgetOptions = {}) {
    this.statesMax = statesMax;
    this.#isOver = isOver;
  }

  get states(): number {
    return this.#states;
  }

  /** Why it was given up; null while it may go on. */
  get gaveUp(): "states" | "time" | null {
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

  /** A part of what is left, for a search that may fail; null when there is none. */
  part(statesMax: number): Budget | null {
    if (this.#gaveUp !== null || statesMax <= 0 || this.#isOver()) return null;
    return new Budget({ statesMax, isOver: this.#isOver });
  }
}
