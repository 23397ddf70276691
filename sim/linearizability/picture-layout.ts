/**
 * Where the operations of a counterexample stand in a picture: a lane for each client, columns for calls and returns in the order of time,
 * as wide as their words need. Not to scale: what overlaps and what does not is all that counts.
 */
import type { Counterexample } from "./counterexample.ts";
import type { AnyModel } from "./model.ts";
import { endOf, type HistoryOperation } from "./operation.ts";

export interface PlacedOperation<Input, Output> {
  readonly operation: HistoryOperation<Input, Output>;
  /** From 1, in the order of calls. */
  readonly number: number;
  readonly label: string;
  readonly lane: number;
  readonly from: number;
  /** The right border where nothing was told. */
  readonly to: number;
  readonly isUnknown: boolean;
  readonly isImpossible: boolean;
  /** Its place in the longest order, from 1; null: not in it. */
  readonly place: number | null;
  /** Where it took effect in that order. */
  readonly at: number | null;
}

export interface PictureLayout<Input, Output> {
  readonly operations: readonly PlacedOperation<Input, Output>[];
  /** The clients' names; one whose operations overlap, as one was never told what became of it, has several. */
  readonly lanes: readonly string[];
  readonly width: number;
}

/** Of a counterexample that could not be cut the last are shown. */
const OPERATIONS_MAX = 40;

/** `widthOf`: columns that a label needs; `gap`: between two calls or returns. */
export function layOut<State, Input, Output>(
  model: AnyModel<Input, Output>,
  { operations, impossible, order }: Counterexample<State, Input, Output>,
  { widthOf, gap }: { readonly widthOf: (label: string) => number; readonly gap: number },
): PictureLayout<Input, Output> {
  const shown = operations.slice(-OPERATIONS_MAX);
  const labels = shown.map(({ input, output }) => model.describe(input, output));
  const columns = placeColumns(shown, labels, { widthOf, gap });
  const lanes: { readonly client: string; free: number }[] = [];
  const placeOf = new Map(order.map(({ operation }, at) => [operation, at + 1]));
  const width = Math.max(0, ...columns.map(({ from, to }) => (Number.isFinite(to) ? to : from + gap))) + 2 * gap;
  const boxes = shown.map((operation, at) => {
    const { from = 0, to = 0 } = columns[at] ?? {};
    const label = labels[at] ?? "";
    const isUnknown = !Number.isFinite(to);
    const end = isUnknown ? Math.max(width, from + widthOf(label)) : to;
    return { operation, number: at + 1, label, from, to: end, isUnknown };
  });
  const border = Math.max(width, ...boxes.map(({ to }) => to));
  const effects = placeEffects(boxes, placeOf, gap);
  return {
    width: border,
    ...laned(
      boxes.map((box) => ({
        ...box,
        to: box.isUnknown ? border : box.to,
        isImpossible: box.operation === impossible,
        place: placeOf.get(box.operation) ?? null,
        at: effects.get(box.operation) ?? null,
      })),
      lanes,
    ),
  };
}

type Unlaned<Input, Output> = Omit<PlacedOperation<Input, Output>, "lane">;

function laned<Input, Output>(
  boxes: readonly Unlaned<Input, Output>[],
  lanes: { readonly client: string; free: number }[],
): Pick<PictureLayout<Input, Output>, "operations" | "lanes"> {
  const placed = boxes.map((box) => {
    const { client } = box.operation;
    let lane = lanes.findIndex((one) => one.client === client && one.free < box.from);
    if (lane < 0) lane = lanes.push({ client, free: 0 }) - 1;
    (lanes[lane] as { free: number }).free = box.to;
    return { ...box, lane };
  });
  // Lanes of one client beside each other, clients in the order of their first call.
  const clients = [...new Set(lanes.map(({ client }) => client))];
  const sorted = lanes
    .map(({ client }, lane) => ({ client, lane }))
    .toSorted((one, other) => clients.indexOf(one.client) - clients.indexOf(other.client) || one.lane - other.lane);
  const newLane = new Map(sorted.map(({ lane }, at) => [lane, at]));
  return {
    operations: placed.map((one) => ({ ...one, lane: newLane.get(one.lane) ?? 0 })),
    lanes: sorted.map(({ client }) => client),
  };
}

function placeColumns<Input, Output>(
  shown: readonly HistoryOperation<Input, Output>[],
  labels: readonly string[],
  { widthOf, gap }: { readonly widthOf: (label: string) => number; readonly gap: number },
): readonly { readonly from: number; readonly to: number }[] {
  const points = shown.flatMap((operation, at) => [
    { us: operation.callUs, isCall: true, at },
    ...(endOf(operation) === Infinity ? [] : [{ us: endOf(operation), isCall: false, at }]),
  ]);
  points.sort((one, other) => one.us - other.us || Number(other.isCall) - Number(one.isCall));
  const columns = shown.map(() => ({ from: 0, to: Infinity }));
  let last = 0;
  for (const { isCall, at } of points) {
    const column = columns[at] as { from: number; to: number };
    last += gap;
    if (isCall) column.from = last;
    else {
      last = Math.max(last, column.from + widthOf(labels[at] ?? ""));
      column.to = last;
    }
  }
  return columns;
}

/** As early as its call and those before it allow. */
function placeEffects<Input, Output>(
  boxes: readonly { readonly operation: HistoryOperation<Input, Output>; readonly from: number; readonly to: number }[],
  placeOf: ReadonlyMap<HistoryOperation<Input, Output>, number>,
  gap: number,
): ReadonlyMap<HistoryOperation<Input, Output>, number> {
  const inOrder = boxes
    .filter(({ operation }) => placeOf.has(operation))
    .toSorted((one, other) => (placeOf.get(one.operation) ?? 0) - (placeOf.get(other.operation) ?? 0));
  const effects = new Map<HistoryOperation<Input, Output>, number>();
  let last = 0;
  for (const { operation, from, to } of inOrder) {
    last = Math.min(Math.max(last + gap / 8, from + gap / 4), to);
    effects.set(operation, last);
  }
  return effects;
}
