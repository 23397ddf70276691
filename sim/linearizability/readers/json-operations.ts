/**
 * Operations as JSON, one a line, as recorders of real processes write them: `{"client":"c1","key":"k","input":{"type":"put","value":"x"},
 * "output":true,"callUs":12,"returnUs":15}`. Without `output` nothing is known of the outcome. Other members are passed over.
 */
import type { HistoryOperation } from "../operation.ts";
import { HistoryError, quote } from "./history-error.ts";
import type { OperationReader } from "./operation-reader.ts";

export class JsonOperations<Input, Output> {
  readonly #reader: OperationReader<Input, Output>;
  #line = 0;
  #firstKey: string | undefined;

  constructor(reader: OperationReader<Input, Output>) {
    this.#reader = reader;
  }

  /** Null for an empty line. @throws HistoryError */
  line(text: string): HistoryOperation<Input, Output> | null {
    this.#line += 1;
    if (text.trim() === "") return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new HistoryError({ line: this.#line, message: `not JSON: ${quote(text)}`, cause });
    }
    return this.#operation(objectOf(value) ?? this.#wrong(undefined, "an operation as an object", value));
  }

  #operation(value: Readonly<Record<string, unknown>>): HistoryOperation<Input, Output> {
    const { client, key, output, callUs, returnUs } = value;
    if (typeof client !== "string") this.#wrong("client", "a text", client);
    this.#checkKey(key);
    const input = objectOf(value["input"]) ?? this.#wrong("input", "an object", value["input"]);
    const problem = this.#reader.checkInput(input);
    if (problem !== null) this.#wrong(problem.field, problem.expected, input[problem.field.replace("input.", "")]);
    if (!isTime(callUs)) this.#wrong("callUs", "microseconds", callUs);
    if (output !== undefined) {
      const expected = this.#reader.checkOutput(input, output);
      if (expected !== null) this.#wrong("output", expected, output);
      if (!isTime(returnUs)) this.#wrong("returnUs", "microseconds, as there is an output", returnUs);
      if (returnUs < callUs) this.#wrong("returnUs", `no less than callUs, ${String(callUs)}`, returnUs);
    }
    return {
      client,
      ...(key === undefined ? {} : { key: key as string }),
      input: input as Input,
      callUs,
      ...(output === undefined ? {} : { output: output as Output, returnUs: returnUs as number }),
    };
  }

  #checkKey(key: unknown): void {
    const { keys } = this.#reader;
    if (key === undefined && keys !== "required") return;
    if (typeof key !== "string") this.#wrong("key", "a text", key);
    this.#firstKey ??= key;
    if (keys === "one" && key !== this.#firstKey) {
      this.#wrong("key", `"${quote(this.#firstKey)}" as before: this model is one register, "kv" is several`, key);
    }
  }

  #wrong(field: string | undefined, expected: string, got: unknown): never {
    const message =
      got === undefined ? `is missing, expected ${expected}` : `is ${quote(JSON.stringify(got))}, expected ${expected}`;
    throw new HistoryError({ line: this.#line, ...(field === undefined ? {} : { field }), message });
  }
}

/** `1e999` is a number of JSON, and no time. */
function isTime(value: unknown): value is number {
  return Number.isFinite(value);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}
