/** What an exploration says to people. The caller measures wall time: this folder knows none. */
import type { ExplorationFailure, Exploration } from "./exploration.ts";
import type { StateModel } from "./state-model.ts";

/** Rules, figures, and the way to what is broken. `wallMs`: adds states a second. `model`: adds the states of the way, as it shows them. */
export function formatExploration<State, Action>(
  exploration: Exploration<State, Action>,
  { wallMs, model }: { readonly wallMs?: number; readonly model?: StateModel<State, Action> } = {},
): string {
  const { states, transitions, depth, edge, ends, always, sometimes, failure, collisionChance } = exploration;
  const rate = wallMs === undefined ? "" : `, ${count((states / Math.max(wallMs, 1)) * 1000)} a second`;
  const rules = always.map((rule) => `  ${rule === failure?.rule ? "✗" : holds(exploration)} ${rule}`);
  const reached = Object.entries(sometimes).map(
    ([name, steps]) =>
      `  ${steps === null ? "✗" : "✓"} ${name}: ${steps === null ? "not reached" : `after ${steps} ${steps === 1 ? "step" : "steps"}`}`,
  );
  return [
    `${exploration.model}: ${verdict(exploration)}`,
    `states       ${count(states)}${rate}`,
    `transitions  ${count(transitions)}`,
    `depth        ${depth}`,
    ...(edge > 0 ? [`at the edge  ${count(edge)} states that the model does not go beyond`] : []),
    `ends         ${count(ends)} states without a next one`,
    `collision    a state was taken for another with a chance of ${chance(collisionChance)}`,
    "always",
    ...rules,
    ...(reached.length > 0 ? ["sometimes", ...reached] : []),
    ...(failure ? ["", ...formatCounterexample(failure, model)] : []),
  ].join("\n");
}

function verdict<State, Action>({ end, failure, ok, depth, states }: Exploration<State, Action>): string {
  if (failure) return `${failure.rule} does not hold`;
  switch (end) {
    case "complete":
      return ok ? "complete, every rule holds" : "complete, every rule holds; what must be reached sometimes never is";
    case "depth":
      return `not complete: stopped at depth ${depth}, as far as which every rule holds`;
    default:
      return `not complete: stopped at ${count(states)} states, in which every rule holds`;
  }
}

function holds<State, Action>({ end }: Exploration<State, Action>): string {
  return end === "complete" ? "✓" : "·";
}

function formatCounterexample<State, Action>(
  { rule, message, initial, steps }: ExplorationFailure<State, Action>,
  model: StateModel<State, Action> | undefined,
): readonly string[] {
  const show = (state: State): readonly string[] => (model?.show ? [`       ${model.show(state)}`] : []);
  const width = String(steps.length).length;
  return [
    `The shortest way to it, ${steps.length} ${steps.length === 1 ? "step" : "steps"}:`,
    ...show(initial),
    ...steps.flatMap(({ text, state }, at) => [`  ${String(at + 1).padStart(width)}. ${text}`, ...show(state)]),
    `${rule}: ${message}`,
  ];
}

function chance(collision: number): string {
  return collision === 0 ? "0" : `1 in ${count(1 / collision)}`;
}

/** Thousands apart, so that large numbers can be read. */
function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}
