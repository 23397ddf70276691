/** The built-in models by name, and histories for them out of a file. */
import { casModel, type CasInput, type CasOutput } from "../cas-model.ts";
import { kvModel } from "../kv-model.ts";
import type { KvInput, KvOutput } from "../kv-operation.ts";
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
export const HISTORY_MODELS: Readonly<Record<keyof HistoryTypes, ReadableModel<unknown, unknown>>> = {
  register: REGISTER as ReadableModel<unknown, unknown>,
  cas: CAS as ReadableModel<unknown, unknown>,
  kv: KV as ReadableModel<unknown, unknown>,
  lock: LOCK as ReadableModel<unknown, unknown>,
};

/** What is asked and told of each built-in model. */
export interface HistoryTypes {
  readonly register: readonly [RegisterInput, RegisterOutput];
  readonly cas: readonly [CasInput, CasOutput];
  readonly kv: readonly [KvInput, KvOutput];
  readonly lock: readonly [LockInput, boolean];
}

/** A built-in model. */
export type HistoryModelName = keyof HistoryTypes;

/** What a text is a history of, and in which form. */
export interface ReadHistoryOptions<Name extends HistoryModelName> {
  /** What the operations are of. */
  readonly model: Name;
  /** Default: told by the first line that is not empty. */
  readonly format?: HistoryFormat | null;
}

/**
 * Reads a history for a built-in model.
 * @throws HistoryError with the line, the field and what was expected there
 */
export function readHistory<Name extends HistoryModelName>(
  lines: Iterable<string>,
  { model, format = null }: ReadHistoryOptions<Name>,
): ReadHistory<HistoryTypes[Name][0], HistoryTypes[Name][1]> {
  const reader = new HistoryReader(HISTORY_MODELS[model].reader, format);
  for (const line of lines) reader.line(line);
  return reader.end() as ReadHistory<HistoryTypes[Name][0], HistoryTypes[Name][1]>;
}
