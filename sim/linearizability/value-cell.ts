/**
 * A place for one value, that is read, written, compared and set, and emptied: what the models `register`, `cas` and `kv` share.
 *
 * Values are text; whoever has others writes them as text, equal where they are. Null: there is none.
 */
import type { KvInput, KvOutput } from "./kv-operation.ts";
import type { Model } from "./model.ts";
import { isUnknown, type HistoryOperation } from "./operation.ts";

/** What a register, or a key of a map, holds; null: nothing. */
export type CellState = string | null;
type CellOperation = HistoryOperation<KvInput, KvOutput>;

/** How the users of a model call what they do. */
interface Verbs {
  readonly get: string;
  readonly put: string;
}

/** The model of one such place that is empty at first, with those of its operations that `Input` names. */
export function cellModel<Input extends KvInput, Output extends KvOutput>(
  name: string,
  verbs: Verbs,
): Model<CellState, Input, Output> {
  return {
    name,
    initial: null,
    step: stepCell,
    keyOf: keyOfCell,
    describe: (input, output) => describeCellOperation(input, output, verbs),
    describeState: describeCell,
    isRead: isCellRead,
    isBlind: isCellBlind,
    // What stands in place of an operation is of the same kind, or a put, which each of these models has.
    simplify: (operations) => simplifyCell(operations) as (input: KvInput) => Input,
    statesOf: statesOfCell,
  };
}

/** A value that stands for all that nobody was told and nobody expected: they cannot be told apart. */
function unseenBy(seen: ReadonlySet<unknown>): string {
  let value = "\u0000";
  while (seen.has(value)) value += "\u0000";
  return value;
}

const UNSEEN = /^\0+$/;

function stepCell(state: CellState, input: KvInput, output: KvOutput | undefined): CellState | undefined {
  switch (input.type) {
    case "get":
      return output === undefined || output === state ? state : undefined;
    case "put":
      return input.value;
    case "delete":
      return null;
    case "cas": {
      const takesPlace = state === input.expected;
      if (output !== undefined && output !== takesPlace) return undefined;
      return takesPlace ? input.value : state;
    }
    default:
      return input satisfies never;
  }
}

function keyOfCell(state: CellState): string {
  return state === null ? "" : `=${state}`;
}

/** A read, or a compare-and-set that did not take place. */
function isCellRead({ type }: KvInput, output: KvOutput | undefined): boolean {
  return type === "get" || (type === "cas" && output === false);
}

function isCellBlind({ type }: KvInput): boolean {
  return type === "put" || type === "delete";
}

/** Writes of values that nobody saw become one, and so does a delete where nobody saw nothing. */
function simplifyCell(operations: readonly CellOperation[]): (input: KvInput) => KvInput {
  const seen = valuesSeen(operations);
  const value = unseenBy(seen);
  return (input) => {
    if (input.type === "delete") return seen.has(null) ? input : { type: "put", value };
    return "value" in input && !seen.has(input.value) ? { ...input, value } : input;
  };
}

/** Each value that somebody saw, none, and one that nobody saw. */
function statesOfCell(operations: readonly CellOperation[]): readonly CellState[] {
  const seen = valuesSeen(operations);
  const values = [...seen].filter((value) => typeof value === "string");
  return [...values, null, unseenBy(seen)];
}

function valuesSeen(operations: readonly CellOperation[]): ReadonlySet<unknown> {
  const seen = new Set<unknown>();
  for (const operation of operations) {
    const { input, output } = operation;
    if (input.type === "cas") seen.add(input.expected);
    else if (input.type === "get" && !isUnknown(operation)) seen.add(output);
  }
  return seen;
}

function describeCell(state: CellState): string {
  if (state === null) return "nothing";
  return UNSEEN.test(state) ? "a value that nobody saw" : describeValue(state);
}

const BARE = /^(?:[\w.:+-]+|"[^"]*"|\[.*\]|\{.*\})$/;

/** A value for a person: as it is where that is clear, else in quotes. */
function describeValue(value: CellState): string {
  if (value === null) return "nothing";
  return BARE.test(value) ? value : JSON.stringify(value);
}

/** `put 3`, `get → 3`, `cas 1 → 2: refused`, with the verbs of the model. */
function describeCellOperation(input: KvInput, output: KvOutput | undefined, verbs: Verbs): string {
  switch (input.type) {
    case "get":
      return output === undefined ? verbs.get : `${verbs.get} → ${describeValue(output as CellState)}`;
    case "put":
      return `${verbs.put} ${describeValue(input.value)}`;
    case "delete":
      return "delete";
    case "cas": {
      const asked = `cas ${describeValue(input.expected)} to ${describeValue(input.value)}`;
      return output === false ? `${asked}: refused` : asked;
    }
    default:
      return input satisfies never;
  }
}
