/** How a built-in model reads its operations: from calls as Jepsen writes them, and from the JSON that our own recorders write. */
import type { HistoryOperation } from "../operation.ts";
import type { EdnNode } from "./edn-node.ts";
import type { HistoryCall } from "./history-entry.ts";
import { HistoryError, quote } from "./history-error.ts";

export interface OperationReader<Input, Output> {
  /** @throws HistoryError where the model knows no such operation */
  fromCall(call: HistoryCall): HistoryOperation<Input, Output>;
  /** Why a value read from JSON is no input of this model; null when it is one. */
  checkInput(input: Readonly<Record<string, unknown>>): JsonProblem | null;
  /** The same for what was told. */
  checkOutput(input: Readonly<Record<string, unknown>>, output: unknown): string | null;
  /** Whether operations are of several objects, by `key`: each must have one, may, or all must have the same. */
  readonly keys: "required" | "allowed" | "one";
}

export interface JsonProblem {
  readonly field: string;
  readonly expected: string;
}

type Cell =
  | { readonly type: "get" }
  | { readonly type: "put"; readonly value: string }
  | { readonly type: "cas"; readonly expected: string | null; readonly value: string }
  | { readonly type: "delete" };

type CellOutput = string | boolean | null;

/** What the operations of a cell are called by those who test registers, and by those who test maps. */
const CELL_NAMES: Readonly<Record<string, Cell["type"]>> = {
  read: "get",
  get: "get",
  write: "put",
  put: "put",
  cas: "cas",
  delete: "delete",
};

/** Registers and maps: `types` are those that the model has. */
export function cellReader<Input extends Cell, Output>(
  types: readonly Cell["type"][],
  { hasKeys }: { readonly hasKeys: boolean },
): OperationReader<Input, Output> {
  const names = Object.keys(CELL_NAMES).filter((name) => types.includes(CELL_NAMES[name] as Cell["type"]));
  return {
    keys: hasKeys ? "required" : "one",
    fromCall(call) {
      const type = CELL_NAMES[call.f];
      if (type === undefined || !types.includes(type)) throw unknownOperation(call, names);
      const asked = hasKeys ? tupleOf(call.asked, call.line) : { key: null, value: call.asked };
      const input = cellInput(type, asked.value, call.line);
      const { returned } = call;
      return {
        client: call.process,
        ...(asked.key === null ? {} : { key: asked.key.text }),
        input: input as Input,
        callUs: call.callUs,
        ...(returned === undefined
          ? {}
          : { output: cellOutput(type, returned, asked.key) as Output, returnUs: returned.us }),
      };
    },
    checkInput: ({ type, value, expected }) => {
      if (!types.some((name) => name === type)) return { field: "input.type", expected: anyOf(types) };
      if ((type === "put" || type === "cas") && typeof value !== "string") {
        return { field: "input.value", expected: "a text" };
      }
      const isRight = type !== "cas" || expected === null || typeof expected === "string";
      return isRight ? null : { field: "input.expected", expected: "a text, or null for nothing" };
    },
    checkOutput: ({ type }, output) => {
      if (type === "get") return output === null || typeof output === "string" ? null : "a text, or null for nothing";
      if (type === "cas") return typeof output === "boolean" ? null : "true or false";
      return output === true ? null : "true";
    },
  };
}

export function lockReader(): OperationReader<
  { readonly type: "acquire" | "release"; readonly owner: string },
  boolean
> {
  const types: Readonly<Record<string, "acquire" | "release">> = {
    acquire: "acquire",
    lock: "acquire",
    release: "release",
    unlock: "release",
  };
  return {
    keys: "allowed",
    fromCall(call) {
      const type = types[call.f];
      if (type === undefined) throw unknownOperation(call, Object.keys(types));
      const { asked, process, returned } = call;
      return {
        client: process,
        input: { type, owner: asked === null || asked.type === "nil" ? process : asked.text },
        callUs: call.callUs,
        ...(returned === undefined ? {} : { output: true, returnUs: returned.us }),
      };
    },
    checkInput: ({ type, owner }) => {
      if (type !== "acquire" && type !== "release") {
        return { field: "input.type", expected: anyOf(["acquire", "release"]) };
      }
      return typeof owner === "string" ? null : { field: "input.owner", expected: "a text" };
    },
    checkOutput: (_, output) => (typeof output === "boolean" ? null : "true or false"),
  };
}

function unknownOperation({ f, line }: HistoryCall, names: readonly string[]): HistoryError {
  return new HistoryError({
    line,
    field: ":f",
    message: `is :${quote(f)}, expected ${anyOf(names.map((one) => `:${one}`))}`,
  });
}

function tupleOf(node: EdnNode | null, line: number): { readonly key: EdnNode; readonly value: EdnNode | null } {
  const [key, value] = node?.items ?? [];
  if (node?.type === "vector" && node.items.length === 2 && key !== undefined) return { key, value: value ?? null };
  const message = `is ${quote(node?.text ?? "nil")}, expected a tuple of a key and its value, [k v]; "register" and "cas" are models of one register`;
  throw new HistoryError({ line: node?.line ?? line, field: ":value", message });
}

function cellInput(type: Cell["type"], node: EdnNode | null, line: number): Cell {
  if (type === "get" || type === "delete") return { type };
  const wrong = (expected: string): HistoryError =>
    new HistoryError({ line, field: ":value", message: `is ${quote(node?.text ?? "nil")}, expected ${expected}` });
  if (type === "put") {
    const value = textOf(node);
    if (value === null) throw wrong("what to write");
    return { type, value };
  }
  const [expected, value] = node?.items ?? [];
  if (node?.type !== "vector" || node.items.length !== 2 || value === undefined || expected === undefined) {
    throw wrong("what to expect and what to write, [old new]");
  }
  const written = textOf(value);
  if (written === null) throw wrong("what to write behind what to expect, [old new]");
  return { type, expected: textOf(expected), value: written };
}

function cellOutput(
  type: Cell["type"],
  { value, line }: { readonly value: EdnNode | null; readonly line: number },
  key: EdnNode | null,
): CellOutput {
  if (type !== "get") return true;
  if (key === null) return textOf(value);
  const told = tupleOf(value, line);
  if (told.key.text === key.text) return textOf(told.value);
  const message = `is of key ${quote(told.key.text)}, expected ${quote(key.text)}, as called`;
  throw new HistoryError({ line, field: ":value", message });
}

/** Nil: there is none. */
function textOf(node: EdnNode | null): string | null {
  return node === null || node.type === "nil" ? null : node.text;
}

function anyOf(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1) ?? ""}`;
}
