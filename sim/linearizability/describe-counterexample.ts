/** A counterexample in words: what was asked and told, and what has no place among it. */
import type { Counterexample } from "./counterexample.ts";
import type { AnyModel } from "./model.ts";
import { endOf, type HistoryOperation } from "./operation.ts";

/** What the times of a history are: microseconds, or only the order of its calls and returns, by their lines or numbers in a file. */
export type HistoryClock = "microseconds" | "lines" | "entries";

/** Lines; of one that cannot be cut the last are shown. */
const LINES_MAX = 40;
const STATES_SHOWN = 6;

export function describeCounterexample<State, Input, Output>(
  model: AnyModel<Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  clock: HistoryClock = "microseconds",
): string {
  const { key, operations, fromAnyState, initial } = counterexample;
  const shown = operations.slice(-LINES_MAX);
  const left = operations.length - shown.length;
  const before = fromAnyState ? "whatever was there before" : `beginning with ${model.describeState(initial)}`;
  return [
    `No order of the operations${key === null ? "" : ` on key "${key}"`} explains what was told:`,
    `  (${before}${left > 0 ? `; ${left} earlier operations are not shown` : ""})`,
    ...listOperations(model, shown, clock).map((line) => `  ${line}`),
    whatIsImpossible(model, counterexample, clock),
  ].join("\n");
}

/** `c get → x` has no place: … */
export function whatIsImpossible<State, Input, Output>(
  model: AnyModel<Input, Output>,
  { impossible, states }: Counterexample<State, Input, Output>,
  clock: HistoryClock = "microseconds",
): string {
  const named = states.slice(0, STATES_SHOWN).map((state) => model.describeState(state));
  const more = states.length - named.length;
  const could = `${named.join(", or ")}${more > 0 ? `, or ${more} others` : ""}`;
  const { client, input, output } = impossible;
  const when = describeTime(endOf(impossible), clock);
  return `"${model.describe(input, output)}" of client ${client} has no place: by its return (${when}) the state could only be: ${could}.`;
}

/** One line an operation, in columns. */
export function listOperations<Input, Output>(
  model: AnyModel<Input, Output>,
  operations: readonly HistoryOperation<Input, Output>[],
  clock: HistoryClock,
): readonly string[] {
  const width = Math.max(0, ...operations.map(({ client }) => client.length));
  const texts = operations.map(({ input, output }) => model.describe(input, output));
  const textWidth = Math.max(0, ...texts.map(({ length }) => length));
  return operations.map((operation, at) => {
    const end = endOf(operation);
    const until = end === Infinity ? "… never known]" : `… ${describeTime(end, clock)}]`;
    const from = describeTime(operation.callUs, clock);
    return `${operation.client.padEnd(width)}  ${(texts[at] ?? "").padEnd(textWidth)}  [${from} ${until}`;
  });
}

function describeTime(us: number, clock: HistoryClock): string {
  if (clock === "microseconds") return `${(us / 1_000_000).toFixed(6)} s`;
  return `${clock === "lines" ? "line" : "entry"} ${us}`;
}
