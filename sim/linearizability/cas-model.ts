/** One register that is read, written, and compared and set. */
import type { KvInput } from "./kv-operation.ts";
import type { Model } from "./model.ts";
import { cellModel, type CellState } from "./value-cell.ts";

/** What is asked of a register with compare-and-set. */
export type CasInput = Extract<KvInput, { readonly type: "get" | "put" | "cas" }>;
/** `get`: the value, null when nothing was written yet. `put`: true. `cas`: whether it took place. */
export type CasOutput = string | boolean | null;

/** A register with compare-and-set, without a value at first. */
export const casModel: Model<CellState, CasInput, CasOutput> = cellModel("cas", { get: "read", put: "write" });
