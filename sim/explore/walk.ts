/** Walks a way through a model again that is known by the places of its actions: how a counterexample becomes readable. */
import type { ExplorationStep } from "./exploration.ts";
import type { StateModel } from "./state-model.ts";

/** A way from an initial state. */
export interface Way<State, Action> {
  readonly initial: State;
  readonly steps: readonly ExplorationStep<State, Action>[];
}

/**
 * From the initial state at place `initial` by the actions at those places. `last`: one more, which throws, and so leads nowhere.
 * @throws {TypeError} when the model has other states or actions than before.
 */
export function walk<State, Action>(
  model: StateModel<State, Action>,
  initial: number,
  places: readonly number[],
  last?: number,
): Way<State, Action> {
  const begin = nth(model, model.initial(), initial);
  const steps: ExplorationStep<State, Action>[] = [];
  let state = begin;
  for (const place of places) {
    const action = nth(model, model.actions(state), place);
    const text = describe(model, action, state);
    const next = model.next(state, action);
    if (next === null) throw impure(model);
    state = next;
    steps.push({ action, text, state });
  }
  if (last !== undefined) {
    const action = nth(model, model.actions(state), last);
    steps.push({ action, text: describe(model, action, state), state });
  }
  return { initial: begin, steps };
}

function describe<State, Action>(model: StateModel<State, Action>, action: Action, state: State): string {
  return model.describe?.(action, state) ?? JSON.stringify(action);
}

function nth<State, Action, Item>(model: StateModel<State, Action>, items: Iterable<Item>, place: number): Item {
  let at = 0;
  for (const item of items) {
    if (at === place) return item;
    at += 1;
  }
  throw impure(model);
}

function impure<State, Action>({ name }: StateModel<State, Action>): TypeError {
  return new TypeError(`Cannot explore "${name}": asked again, it has other states or actions. A model must be pure`);
}
