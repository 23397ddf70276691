/**
 * Is a history linearizable: is there one order of the operations, each at an instant between its call and its return, in which every
 * client was told the truth? Each object is judged by itself (`Model.partition`); what cannot be explained is cut down to what shows it.
 */
import { Budget, type BudgetOptions, type GaveUp } from "./budget.ts";
import { findCounterexample, type Counterexample } from "./counterexample.ts";
import { describeCounterexample, type HistoryClock } from "./describe-counterexample.ts";
import type { AnyModel, Model } from "./model.ts";
import { isUnknown, type HistoryOperation } from "./operation.ts";
import { search } from "./search.ts";
import type { OrderStep } from "./standings.ts";

/** With what a history begins, and how long it may take to judge it. */
export interface CheckHistoryOptions<State> extends BudgetOptions {
  /** What each object holds before the history. Default: the model's `initial`. */
  readonly initial?: (key: string) => State;
  /** What the times of the history are, for its message. Default: microseconds. */
  readonly clock?: HistoryClock;
}

/** What is known of a history after it was judged. */
export type HistoryVerdict<State, Input, Output> =
  | {
      readonly verdict: "linearizable";
      /** All that were given. */
      readonly operations: number;
      /** How many of them are of unknown outcome. */
      readonly unknown: number;
      /** Objects. */
      readonly keys: number;
      /** Standings that the search looked at. */
      readonly states: number;
      /** For each object an order that explains everything; operations of unknown outcome that nothing needs are not in it. */
      readonly orders: ReadonlyMap<string, readonly OrderStep<State, Input, Output>[]>;
    }
  | {
      readonly verdict: "not-linearizable";
      readonly operations: number;
      readonly unknown: number;
      readonly keys: number;
      readonly states: number;
      readonly counterexample: Counterexample<State, Input, Output>;
      /** It in words, several lines. */
      readonly message: string;
    }
  /** Of one object nothing is known, and no other was found wrong. */
  | {
      readonly verdict: "gave-up";
      readonly operations: number;
      readonly unknown: number;
      readonly keys: number;
      readonly states: number;
      readonly key: string;
      /** Whether `statesMax` or `memoryMaxBytes` was reached, or `isOver` said so. */
      readonly why: GaveUp;
      readonly message: string;
    };

/** Judges a whole history, in any order of its operations. Its time is bounded by `statesMax` and `isOver`. */
export function checkHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
  options: CheckHistoryOptions<State> = {},
): HistoryVerdict<State, Input, Output> {
  const initial = options.initial ?? ((): State => model.initial);
  const objects = objectsOf(model, history);
  const orders = new Map<string, readonly OrderStep<State, Input, Output>[]>();
  const sizes = { operations: history.length, unknown: history.filter(isUnknown).length, keys: objects.size };
  let gaveUp: { readonly key: string; readonly operations: number; readonly budget: Budget } | undefined;
  let states = 0;
  // Small ones first: where one of them is wrong, that is the shortest thing to show.
  for (const [key, operations] of [...objects].toSorted(([, one], [, other]) => one.length - other.length)) {
    const budget = new Budget(options);
    const result = search<State, Input, Output>(model, operations, {
      starts: [initial(key)],
      budget,
      withWindows: true,
    });
    states += budget.states;
    if (result.type === "explained") orders.set(key, replay(model, initial(key), result.order));
    else if (result.type === "gave-up") gaveUp ??= { key, operations: operations.length, budget };
    else {
      const isOnly = model.partition === undefined || (objects.size === 1 && key === "");
      const counterexample = findCounterexample<State, Input, Output>(model, operations, {
        key: isOnly ? null : key,
        initial: initial(key),
        stuck: result,
        budget,
      });
      const message = describeCounterexample(model, counterexample, options.clock);
      return { verdict: "not-linearizable", ...sizes, states, counterexample, message };
    }
  }
  if (gaveUp === undefined) return { verdict: "linearizable", ...sizes, states, orders };
  const { budget } = gaveUp;
  const why = budget.gaveUp ?? "states";
  const after = describeEnd(why, budget);
  const object = model.partition === undefined || gaveUp.key === "" ? "the history" : `key "${gaveUp.key}"`;
  const message = `Cannot judge ${object}: gave up after ${after}, over ${gaveUp.operations} operations`;
  return { verdict: "gave-up", ...sizes, states, key: gaveUp.key, why, message };
}

function describeEnd(why: GaveUp, { states, statesMax, memoryMaxBytes }: Budget): string {
  if (why === "states") return `${statesMax} states`;
  if (why === "time") return `${states} states, as its time was over`;
  return `${states} states, as they take over ${Math.round(memoryMaxBytes / 2 ** 20)} MiB: too many operations are open at once`;
}

/** With the operations as they were asked, for which the search may have taken simpler ones. */
function replay<State, Input, Output>(
  model: Model<State, Input, Output>,
  initial: State,
  order: readonly OrderStep<State, Input, Output>[],
): readonly OrderStep<State, Input, Output>[] {
  let state = initial;
  return order.map(({ operation }) => {
    state = model.step(state, operation.input, operation.output) as State;
    return { operation, state };
  });
}

function objectsOf<State, Input, Output>(
  model: AnyModel<Input, Output> | Model<State, Input, Output>,
  history: readonly HistoryOperation<Input, Output>[],
): ReadonlyMap<string, readonly HistoryOperation<Input, Output>[]> {
  const objects = new Map<string, HistoryOperation<Input, Output>[]>();
  for (const operation of history) {
    if (isUnknown(operation) && model.isRead?.(operation.input, undefined) === true) continue;
    const key = model.partition?.(operation) ?? "";
    const known = objects.get(key);
    if (known === undefined) objects.set(key, [operation]);
    else known.push(operation);
  }
  return objects;
}
