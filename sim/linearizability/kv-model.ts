/** A map from keys to values. No operation is about two keys, so each key is judged by itself. */
import type { KvInput, KvOutput } from "./kv-operation.ts";
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
