/**
 * A standing is one explanation of what was told so far: what the object holds, which of the open operations have taken effect, and which of
 * unknown outcome had to. Sets of them forget those that another makes needless.
 */
import type { HistoryOperation } from "./operation.ts";

export interface Standing<State, Input, Output> {
  readonly state: State;
  /** A bit for each open operation that has taken effect. */
  readonly done: bigint;
  /** Kinds of unknown operations that had to take effect, by number, each as often as it did; sorted. */
  readonly used: readonly number[];
  /** How it came about: the last that took effect, and what before it. */
  readonly path: Path<State, Input, Output> | null;
}

export interface Path<State, Input, Output> {
  readonly operation: HistoryOperation<Input, Output>;
  /** After it. */
  readonly state: State;
  readonly before: Path<State, Input, Output> | null;
}

/** One operation of an order that explains a history, and what the object held after it. */
export interface OrderStep<State, Input, Output> {
  readonly operation: HistoryOperation<Input, Output>;
  readonly state: State;
}

export function orderOf<State, Input, Output>(
  path: Path<State, Input, Output> | null,
): readonly OrderStep<State, Input, Output>[] {
  const steps: OrderStep<State, Input, Output>[] = [];
  for (let at = path; at !== null; at = at.before) steps.push({ operation: at.operation, state: at.state });
  return steps.toReversed();
}

/** What one standing takes beside what grows with the operations that are open: itself, its place, its step. */
const STANDING_BYTES = 400;

/** What each open operation adds: a bit of a number, and its share of that number as text. */
const OPEN_BYTES = 0.4;

/** Standings, without those that another makes needless: the same with fewer operations of unknown outcome used. */
export class Standings<State, Input, Output> {
  readonly #keyOf: (state: State) => string;
  readonly #remember: (bytes: number) => void;
  readonly #bytesEach: number;
  #bytes = 0;
  readonly #byPlace = new Map<string, Standing<State, Input, Output>[]>();

  /** @param remember is told how much memory it takes more */
  constructor(keyOf: (state: State) => string, openMax: number, remember: (bytes: number) => void) {
    this.#keyOf = keyOf;
    this.#remember = remember;
    this.#bytesEach = STANDING_BYTES + openMax * OPEN_BYTES;
  }

  /** It is needed no more. */
  forget(): void {
    this.#remember(-this.#bytes);
    this.#bytes = 0;
  }

  get isEmpty(): boolean {
    return this.#byPlace.size === 0;
  }

  /** False when it was there already, or a better one is. */
  add(standing: Standing<State, Input, Output>): boolean {
    const place = `${standing.done.toString(36)} ${this.#keyOf(standing.state)}`;
    const known = this.#byPlace.get(place);
    if (known === undefined) {
      this.#byPlace.set(place, [standing]);
      this.#take();
      return true;
    }
    if (known.some(({ used }) => isWithin(used, standing.used))) return false;
    this.#take();
    const kept = known.filter(({ used }) => !isWithin(standing.used, used));
    this.#byPlace.set(place, [...kept, standing]);
    return true;
  }

  #take(): void {
    this.#bytes += this.#bytesEach;
    this.#remember(this.#bytesEach);
  }

  all(): readonly Standing<State, Input, Output>[] {
    return [...this.#byPlace.values()].flat();
  }
}

/** Whether each of `some` is in `all`, as often. Both are sorted. */
function isWithin(some: readonly number[], all: readonly number[]): boolean {
  if (some.length > all.length) return false;
  let at = 0;
  for (const one of all) if (one === some[at]) at += 1;
  return at === some.length;
}
