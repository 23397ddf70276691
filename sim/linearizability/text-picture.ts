/** A counterexample as lines of text: what overlapped, and how far an order of it gets. */
import type { Counterexample } from "./counterexample.ts";
import { listOperations, whatIsImpossible, type HistoryClock } from "./describe-counterexample.ts";
import type { AnyModel, Model } from "./model.ts";
import { layOut, type PlacedOperation } from "./picture-layout.ts";

/** How wide a picture of text may be, and how it tells times. */
export interface TextPictureOptions {
  /** Characters of a line; where the words of operations do not fit, their numbers stand for them. Default 100. */
  readonly columns?: number;
  /** Default: microseconds. */
  readonly clock?: HistoryClock;
}

/** Of a long order the end is shown. */
const ORDER_LINES_MAX = 20;

/** The counterexample in lanes of text, and the longest order of it. No line end at its end. */
export function textPicture<State, Input, Output>(
  model: Model<State, Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  { columns = 100, clock = "microseconds" }: TextPictureOptions = {},
): string {
  const wide = layOut(model, counterexample, { widthOf: (label) => label.length + 5, gap: 3 });
  const nameWidth = Math.max(0, ...wide.lanes.map(({ length }) => length));
  const isWide = wide.width + nameWidth + 4 <= columns;
  const layout = isWide ? wide : layOut(model, counterexample, { widthOf: () => 6, gap: 2 });
  const lanes = layout.lanes.map((client, lane) => {
    const own = layout.operations.filter((one) => one.lane === lane);
    return `  ${client.padEnd(nameWidth)} ${drawLane(own, (one) => (isWide ? one.label : String(one.number)))}`;
  });
  return [...lanes, "", ...orderLines(model, counterexample, clock)].map((line) => line.trimEnd()).join("\n");
}

function drawLane<Input, Output>(
  operations: readonly PlacedOperation<Input, Output>[],
  wordsOf: (one: PlacedOperation<Input, Output>) => string,
): string {
  let line = "";
  for (const one of operations.toSorted((first, second) => first.from - second.from)) {
    const [bar, end] = one.isUnknown ? ["┄", "┄ ?"] : ["─", one.isImpossible ? "┤ ✗" : "┤"];
    const words = ` ${wordsOf(one)} `;
    const room = Math.max(0, one.to - one.from - 1 - words.length);
    const left = Math.floor(room / 2);
    line = `${line.padEnd(one.from)}├${bar.repeat(left)}${words}${bar.repeat(room - left)}${end}`;
  }
  return line;
}

/** What took effect in the longest order, what was held after each, and what cannot follow. */
function orderLines<State, Input, Output>(
  model: AnyModel<Input, Output>,
  counterexample: Counterexample<State, Input, Output>,
  clock: HistoryClock,
): readonly string[] {
  const { order, operations, fromAnyState, initial } = counterexample;
  const texts = order.map(({ operation: { client, input, output } }) => `${client}  ${model.describe(input, output)}`);
  const width = Math.max(0, ...texts.map(({ length }) => length));
  const lines = order.map(({ state }, at) => {
    return `  ${String(at + 1).padStart(3)}. ${(texts[at] ?? "").padEnd(width)}  then ${model.describeState(state)}`;
  });
  const left = Math.max(0, lines.length - ORDER_LINES_MAX);
  return [
    `The longest order of the others, from ${fromAnyState ? "whatever was there" : model.describeState(initial)}:`,
    ...(left > 0 ? [`  ... ${left} before these`] : []),
    ...(lines.length === 0 ? ["  (nothing has to come before it)"] : lines.slice(left)),
    whatIsImpossible(model, counterexample, clock),
    "",
    ...listOperations(model, operations.slice(-40), clock).map(
      (line, at) => `  ${String(at + 1).padStart(3)}  ${line}`,
    ),
  ];
}
