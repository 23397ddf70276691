/** One register that is read and written. */
import type { KvInput } from "./kv-operation.ts";
import type { Model } from "./model.ts";
import { cellModel, type CellState } from "./value-cell.ts";

/** What is asked of a register: `get` reads it, `put` writes it. */
export type RegisterInput = Extract<KvInput, { readonly type: "get" | "put" }>;
/** `get`: the value, null when nothing was written yet. `put`: true. */
export type RegisterOutput = string | true | null;

/** A register without a value at first. */
export const registerModel: Model<CellState, RegisterInput, RegisterOutput> = cellModel("register", {
  get: "read",
  put: "write",
});
