/** A map from keys to values. No operation is about two keys, so each key is judged by itself. */
import type { KvInput, KvOutput } from "./kv-operation.ts";
import type { Model } from "./model.ts";
import { cellModel, type CellState } from "./value-cell.ts";

/** A map that is empty at first. */
export const kvModel: Model<CellState, KvInput, KvOutput> = {
  ...cellModel("kv", { get: "get", put: "put" }),
  partition: ({ key }) => key ?? "",
};
