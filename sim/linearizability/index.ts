/** Is a history linearizable, and if not, why. See README.md. */
export type { BudgetOptions, GaveUp } from "./budget.ts";
export { casModel, type CasInput, type CasOutput } from "./cas-model.ts";
export { checkHistory, type CheckHistoryOptions, type HistoryVerdict } from "./check-history.ts";
export type { Counterexample } from "./counterexample.ts";
export type { HistoryClock } from "./describe-counterexample.ts";
export { kvModel } from "./kv-model.ts";
export type { KvInput, KvOutput } from "./kv-operation.ts";
export { lockModel, type LockInput, type LockState } from "./lock-model.ts";
export type { Model } from "./model.ts";
export { isUnknown, type HistoryOperation } from "./operation.ts";
export { registerModel, type RegisterInput, type RegisterOutput } from "./register-model.ts";
export type { OrderStep } from "./standings.ts";
export type { CellState } from "./value-cell.ts";
export { HistoryError, type HistoryProblem } from "./readers/history-error.ts";
export { HistoryReader, type HistoryFormat, type ReadHistory } from "./readers/history-reader.ts";
export {
  HISTORY_MODELS,
  readHistory,
  type HistoryModelName,
  type HistoryTypes,
  type ReadableModel,
  type ReadHistoryOptions,
} from "./readers/read-history.ts";
export { htmlPicture, svgPicture, type SvgPictureOptions } from "./svg-picture.ts";
export { textPicture, type TextPictureOptions } from "./text-picture.ts";
