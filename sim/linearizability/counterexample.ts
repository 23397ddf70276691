/**
 * Of a history that nothing explains, the little that shows it: from the last moment on at which it goes wrong whatever was there before,
 * to the return that cannot be; without the operations that it goes wrong without as well.
 *
 * What is left out asks less of the history and never more, or the counterexample would be one of the cutting only: a read, or what was
 * refused, is dropped; what may have changed something is kept as one of unknown outcome, that may have happened or not. Those whose
 * value nobody ever saw are not shown.
 */
import type { Budget } from "./budget.ts";
import type { AnyModel } from "./model.ts";
import { endOf, isUnknown, withoutOutcome, type HistoryOperation } from "./operation.ts";
import { search, type SearchResult } from "./search.ts";
import { orderOf, type OrderStep } from "./standings.ts";
import { since, until } from "./window.ts";

/** The few operations that show that a history is wrong, and how far an order of them gets. */
export interface Counterexample<State, Input, Output> {
  /** The object; null where there is only one. */
  readonly key: string | null;
  /** By the time of their calls, as they stand in the history. */
  readonly operations: readonly HistoryOperation<Input, Output>[];
  /** Whether it is impossible whatever the object held before; else it begins with `initial`. */
  readonly fromAnyState: boolean;
  readonly initial: State;
  /** The one of `operations` that no order has a place for. */
  readonly impossible: HistoryOperation<Input, Output>;
  /** The longest order of the others, by the time that one returned. */
  readonly order: readonly OrderStep<State, Input, Output>[];
  /** All that the object could hold then. */
  readonly states: readonly State[];
}

export interface Found<State, Input, Output> {
  readonly key: string | null;
  readonly initial: State;
  readonly stuck: SearchResult<State, Input, Output> & { readonly type: "stuck" };
  readonly budget: Budget;
}

/** Standings of all attempts to leave something out, and of one: a few seconds at most, and mostly none. */
const STATES_MAX = 1_000_000;
const ATTEMPT_STATES_MAX = 100_000;

type Asked<Input, Output> = readonly HistoryOperation<Input, Output>[];

export function findCounterexample<State, Input, Output>(
  model: AnyModel<Input, Output>,
  operations: Asked<Input, Output>,
  { key, initial, stuck, budget }: Found<State, Input, Output>,
): Counterexample<State, Input, Output> {
  let left = STATES_MAX;
  const judge = (some: Asked<Input, Output>, starts: readonly State[]): typeof stuck | null => {
    const part = budget.part(Math.min(left, ATTEMPT_STATES_MAX));
    if (part === null) {
      left = 0;
      return null;
    }
    const result = search<State, Input, Output>(model, some, { starts, budget: part, withWindows: false });
    left -= part.states;
    return result.type === "stuck" ? result : null;
  };
  const anywhere = (some: Asked<Input, Output>): readonly State[] => (model.statesOf?.(some) ?? []) as readonly State[];

  /** What stands in the history, by what it was made of it. */
  const originals = new Map<HistoryOperation<Input, Output>, HistoryOperation<Input, Output>>();
  const original = (one: HistoryOperation<Input, Output>): HistoryOperation<Input, Output> => originals.get(one) ?? one;
  const weaken = (one: HistoryOperation<Input, Output>): HistoryOperation<Input, Output> => {
    const weakened = withoutOutcome(one);
    originals.set(weakened, original(one));
    return weakened;
  };

  const prefix = until(operations, endOf(stuck.returning), weaken);
  const from =
    model.statesOf === undefined ? null : latestStart(model, prefix, (some) => judge(some, anywhere(some)) !== null);
  const starts = (some: Asked<Input, Output>): readonly State[] => (from === null ? [initial] : anywhere(some));
  let window = from === null ? prefix : since(model, prefix, callsFrom(prefix, from), weaken);
  let found = judge(window, starts(window)) ?? stuck;
  const changesNothing = ({ input, output }: HistoryOperation<Input, Output>): boolean =>
    model.isRead?.(input, output) === true;
  const without = (some: ReadonlySet<HistoryOperation<Input, Output>>): boolean => {
    if (left <= 0) return false;
    const rest = window.flatMap((one) => {
      if (!some.has(one)) return [one];
      return changesNothing(one) ? [] : [weaken(one)];
    });
    const result = judge(rest, starts(rest));
    if (result === null) return false;
    window = until(rest, endOf(result.returning), weaken);
    found = result;
    return true;
  };
  // Reads first: a write that must have been seen says more than another read that saw it.
  leaveOut(() => window.filter((one) => !isUnknown(one) && changesNothing(one)), without);
  leaveOut(() => window.filter((one) => !isUnknown(one)), without);

  const shown = relevant(model, window);
  return {
    key,
    operations: shown.map(original).toSorted((one, other) => one.callUs - other.callUs),
    fromAnyState: from !== null,
    initial,
    impossible: original(found.returning),
    ...lastStanding(model, found, original),
  };
}

/** What is known, and of what is not known that which somebody was told of, or one that somebody was told of depends on. */
function relevant<Input, Output>(model: AnyModel<Input, Output>, window: Asked<Input, Output>): Asked<Input, Output> {
  let shown = window.filter((one) => !isUnknown(one));
  for (let before = -1; before < shown.length;) {
    before = shown.length;
    const some = shown;
    const simplify = model.simplify?.(some) ?? ((input: Input) => input);
    const added = window.filter((one) => !some.includes(one) && simplify(one.input) === one.input);
    shown = [...some, ...added.filter((one) => model.isRead?.(one.input, undefined) !== true)];
  }
  return shown;
}

/** The longest order, and the different states of all. */
function lastStanding<State, Input, Output>(
  model: AnyModel<Input, Output>,
  { standings }: SearchResult<State, Input, Output> & { readonly type: "stuck" },
  original: (one: HistoryOperation<Input, Output>) => HistoryOperation<Input, Output>,
): Pick<Counterexample<State, Input, Output>, "order" | "states"> {
  const orders = standings.map(({ path }) => orderOf(path));
  const longest = orders.toSorted((one, other) => other.length - one.length)[0] ?? [];
  const states = new Map(standings.map(({ state }) => [model.keyOf(state), state]));
  return {
    order: longest.map(({ operation, state }) => ({ operation: original(operation), state })),
    states: [...states.values()],
  };
}

/** The last call from which it is impossible whatever was there before; null where only what was there before makes it so. */
function latestStart<Input, Output>(
  model: AnyModel<Input, Output>,
  prefix: Asked<Input, Output>,
  isImpossible: (some: Asked<Input, Output>) => boolean,
): number | null {
  const calls = [...new Set(prefix.map(({ callUs }) => callUs))].toSorted((one, other) => other - one);
  const contradicts = (at: number): boolean => isImpossible(since(model, prefix, calls[at] as number));
  // Mostly it is close: in steps that double, then by halves.
  let high = 1;
  while (high < calls.length && !contradicts(high)) high *= 2;
  if (high >= calls.length) {
    high = calls.length - 1;
    if (!contradicts(high)) return null;
  }
  let low = high >> 1;
  if (contradicts(low)) return calls[low] as number;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (contradicts(middle)) high = middle;
    else low = middle;
  }
  return calls[high] as number;
}

/** The first call of those that are open then: with all that is known of them, fewer others may do. */
function callsFrom<Input, Output>(prefix: Asked<Input, Output>, us: number): number {
  const open = prefix.filter((one) => !isUnknown(one) && endOf(one) >= us);
  return open.reduce((first, { callUs }) => Math.min(first, callUs), us);
}

/** Leaves out as much as `without` allows: halves first, single ones last. */
function leaveOut<One>(all: () => readonly One[], without: (some: ReadonlySet<One>) => boolean): void {
  for (let size = Math.ceil(all().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < all().length;) {
      const chunk = new Set(all().slice(at, at + size));
      // What was left out is not among them any more, so the next ones stand here.
      if (!without(chunk)) at += size;
    }
  }
}
