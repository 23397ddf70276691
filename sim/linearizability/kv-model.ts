/** A map from keys to values. No operation is about two keys, so each key is judged by itself. */
import type { Model } from "./model.ts";
import {
  describeCell,
  describeCellOperation,
  isCellBlind,
  isCellRead,
  keyOfCell,
  simplifyCell,
  statesOfCell,
  stepCell,
  type CellState,
} from "./value-cell.ts";

/** What a client asks of one key. Values are text; whoever has others writes them as text. */
export type KvInput =
  | { readonly type: "get" }
  | { readonly type: "put"; readonly value: string }
  /** Puts `value` where `expected` is; null: where nothing is. */
  | { readonly type: "cas"; readonly expected: string | null; readonly value: string }
  | { readonly type: "delete" };

/** `get`: the value, null when there is none; `cas`: whether it took place; `put` and `delete`: true. */
export type KvOutput = string | boolean | null;

/** A map that is empty at first. */
export const kvModel: Model<CellState, KvInput, KvOutput> = {
  name: "kv",
  initial: null,
  step: stepCell,
  keyOf: keyOfCell,
  describe: (input, output) => describeCellOperation(input, output, { get: "get", put: "put" }),
  describeState: describeCell,
  partition: ({ key }) => key ?? "",
  isRead: isCellRead,
  isBlind: isCellBlind,
  simplify: simplifyCell,
  statesOf: statesOfCell,
};
