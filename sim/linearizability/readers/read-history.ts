/** The built-in models by name, and histories for them out of a file. */
import { casModel, type CasInput, type CasOutput } from "../cas-model.ts";
import { kvModel, type KvInput, type KvOutput } from "../kv-model.ts";
import { lockModel, type LockInput } from "../lock-model.ts";
import type { AnyModel } from "../model.ts";
import { registerModel, type RegisterInput, type RegisterOutput } from "../register-model.ts";
import { HistoryReader, type HistoryFormat, type ReadHistory } from "./history-reader.ts";
import { cellReader, lockReader, type OperationReader } from "./operation-reader.ts";

/** A model, and how it reads its operations. */
export interface ReadableModel<Input, Output> {
  readonly model: AnyModel<Input, Output>;
  readonly reader: OperationReader<Input, Output>;
}

const REGISTER: ReadableModel<RegisterInput, RegisterOutput> = {
  model: registerModel,
  reader: cellReader(["get", "put"], { hasKeys: false }),
};
const CAS: ReadableModel<CasInput, CasOutput> = {
  model: casModel,
  reader: cellReader(["get", "put", "cas"], { hasKeys: false }),
};
const KV: ReadableModel<KvInput, KvOutput> = {
  model: kvModel,
  reader: cellReader(["get", "put", "cas", "delete"], { hasKeys: true }),
};
const LOCK: ReadableModel<LockInput, boolean> = { model: lockModel, reader: lockReader() };

/** The models that a file can be judged by, by name. */
export const HISTORY_MODELS: Readonly<Record<"register" | "cas" | "kv" | "lock", ReadableModel<unknown, unknown>>> = {
  register: REGISTER as ReadableModel<unknown, unknown>,
  cas: CAS as ReadableModel<unknown, unknown>,
  kv: KV as ReadableModel<unknown, unknown>,
  lock: LOCK as ReadableModel<unknown, unknown>,
};

export type HistoryModelName = keyof typeof HISTORY_MODELS;

export interface ReadHistoryOptions {
  readonly model: HistoryModelName;
  /** Default: told by the first line that is not empty. */
  readonly format?: HistoryFormat | null;
}

/**
 * Reads a history for a built-in model.
 * @throws HistoryError with the line, the field and what was expected there
 */
export function readHistory(
  lines: Iterable<string>,
  { model, format = null }: ReadHistoryOptions,
): ReadHistory<unknown, unknown> {
  const reader = new HistoryReader(HISTORY_MODELS[model].reader, format);
  for (const line of lines) reader.line(line);
  return reader.end();
}
