/**
 * What one more operation makes of a standing, at a stage.
 *
 * An operation of unknown outcome is tried only directly before one that it makes a difference to: where the two could change places, or
 * the second would leave the same behind without the first, there is another explanation that uses the first later or not at all. So
 * those few that matter are found by the model alone, whatever it is a model of. Sources: Wing and Gong 1993; Lowe 2017.
 */
import type { AnyModel } from "./model.ts";
import type { Kind, Stage } from "./stages.ts";
import type { Path, Standing } from "./standings.ts";

/** Beyond this the model has too many operations of unknown outcome that build on each other: the search is given up, and says so. */
const STEPS_MAX = 100_000;
/** The same for one after the other; each takes a place on the stack. */
const CHAIN_MAX = 2000;

/** The last unknown operation, by its kind's number, and what the state was before it. */
interface Unknown<State, Input> {
  readonly state: State;
  readonly input: Input;
  readonly at: number;
  /** How many there are by now, one after the other. */
  readonly chained: number;
}

export class NextStandings<State, Input, Output> {
  readonly #model: AnyModel<Input, Output>;
  readonly #kinds: readonly Kind<Input, Output>[];
  /** Unknown operations that were tried, one after the other, from one standing. */
  #steps = 0;

  constructor(model: AnyModel<Input, Output>, kinds: readonly Kind<Input, Output>[]) {
    this.#model = model;
    this.#kinds = kinds;
  }

  /** With one more of those that are open. */
  known(
    { open }: Stage<Input, Output>,
    { state, done, used, path }: Standing<State, Input, Output>,
  ): readonly Standing<State, Input, Output>[] {
    const next: Standing<State, Input, Output>[] = [];
    for (const { operation, bit } of open) {
      if ((done & bit) !== 0n) continue;
      const after = this.#step(state, operation.input, operation.output);
      if (after === undefined) continue;
      next.push({ state: after, done: done | bit, used, path: { operation, state: after, before: path } });
    }
    return next;
  }

  /** With some of unknown outcome, then one of those that are open. `steps`: how many were tried; infinite when that was given up. */
  unknown(
    stage: Stage<Input, Output>,
    standing: Standing<State, Input, Output>,
  ): { readonly next: readonly Standing<State, Input, Output>[]; readonly steps: number } {
    this.#steps = 0;
    const next: Standing<State, Input, Output>[] = [];
    if (stage.kinds > 0) this.#extend(stage, standing, null, next);
    return { next, steps: this.#steps > STEPS_MAX ? Infinity : this.#steps };
  }

  #extend(
    stage: Stage<Input, Output>,
    standing: Standing<State, Input, Output>,
    last: Unknown<State, Input> | null,
    into: Standing<State, Input, Output>[],
  ): void {
    const { state, used } = standing;
    const chained = (last?.chained ?? 0) + 1;
    if (chained > CHAIN_MAX) this.#steps = Infinity;
    if (this.#steps > STEPS_MAX) return;
    for (let at = 0; at < stage.kinds; at++) {
      const kind = this.#kinds[at] as Kind<Input, Output>;
      if (last !== null && kind.isBlind) continue;
      const after = this.#step(state, kind.input, undefined);
      // What changes nothing here need not take effect here.
      if (after === undefined || this.#isSame(after, state)) continue;
      const operation = kind.operations[countOf(used, at)];
      if (operation === undefined || (kind.calledAt[countOf(used, at)] as number) > stage.called) continue;
      // Of two that can change places the first kind goes first; of two of a kind either.
      const isInOrder = last !== null && last.at <= at;
      if (last !== null && !this.#isNeeded(last, { input: kind.input, output: undefined, after, isInOrder })) continue;
      this.#steps += 1;
      const path = { operation, state: after, before: standing.path };
      const reached = { ...standing, state: after, used: withNumber(used, at), path };
      const from = { state, input: kind.input, at, chained };
      this.#follow(stage, reached, from, into);
      this.#extend(stage, reached, from, into);
    }
  }

  /** Each open operation that the unknown one before it makes a difference to. */
  #follow(
    { open }: Stage<Input, Output>,
    { state, done, used, path }: Standing<State, Input, Output>,
    last: Unknown<State, Input>,
    into: Standing<State, Input, Output>[],
  ): void {
    for (const { operation, bit } of open) {
      if ((done & bit) !== 0n || this.#model.isBlind?.(operation.input) === true) continue;
      const { input, output } = operation;
      const after = this.#step(state, input, output);
      if (after === undefined || !this.#isNeeded(last, { input, output, after, isInOrder: false })) continue;
      const reachedBy: Path<State, Input, Output> = { operation, state: after, before: path };
      into.push({ state: after, done: done | bit, used, path: reachedBy });
    }
  }

  /** Whether an unknown operation has to stand before another one: without it that is impossible, or leaves something else. */
  #isNeeded(
    unknown: Unknown<State, Input>,
    then: {
      readonly input: Input;
      readonly output: Output | undefined;
      readonly after: State;
      /** They stay in this order though they could change places. */
      readonly isInOrder: boolean;
    },
  ): boolean {
    const without = this.#step(unknown.state, then.input, then.output);
    if (without === undefined) return true;
    if (this.#isSame(without, then.after)) return false;
    if (then.isInOrder) return true;
    const changedPlaces = this.#step(without, unknown.input, undefined);
    return changedPlaces === undefined || !this.#isSame(changedPlaces, then.after);
  }

  #step(state: State, input: Input, output: Output | undefined): State | undefined {
    return this.#model.step(state, input, output) as State | undefined;
  }

  #isSame(one: State, other: State): boolean {
    return one === other || this.#model.keyOf(one) === this.#model.keyOf(other);
  }
}

function countOf(sorted: readonly number[], wanted: number): number {
  let count = 0;
  for (const one of sorted) if (one === wanted) count += 1;
  return count;
}

function withNumber(sorted: readonly number[], added: number): readonly number[] {
  const at = sorted.findIndex((one) => one > added);
  return at < 0 ? [...sorted, added] : sorted.toSpliced(at, 0, added);
}
