/**
 * What clients of a key-value store asked and were told, each with the time of its call and of its return: what
 * `linearizability.ts` judges.
 *
 * Recorded by the simulator and by whoever drives real processes; `parseHistory` reads the latter's file, one JSON object a line.
 */

/** What a client asks of one key. Values are text; whoever has others writes them as text. */
export type KvInput =
  | { readonly type: "get" }
  | { readonly type: "put"; readonly value: string }
  /** Puts `value` where `expected` is; null: where nothing is. */
  | { readonly type: "cas"; readonly expected: string | null; readonly value: string }
  | { readonly type: "delete" };

export interface Operation {
  /** Who asked; one client has one operation open at a time. Only for reports. */
  readonly client: string;
  readonly key: string;
  readonly input: KvInput;
  /**
   * What was told. `get`: the value, null when there is none; `cas`: whether it took place; `put` and `delete`: true.
   * Undefined: nothing is known; it may take effect at any time after its call, or never.
   */
  readonly output?: string | boolean | null;
  /** In microseconds of one clock that all operations are timed by. */
  readonly callUs: number;
  /** Infinity, or absent, when nothing was told. */
  readonly returnUs?: number;
}

/** Whether nothing is known of what became of it. */
export function isUnknown({ output }: Operation): boolean {
  return output === undefined;
}

/** An operation on one line: `c3 cas k1 "a" → "b": true [12.034 s … 12.100 s]`. */
export function describeOperation(operation: Operation): string {
  const { client, key, input, output, callUs, returnUs } = operation;
  const told = isUnknown(operation) ? "unknown" : JSON.stringify(output);
  const until = isUnknown(operation) || returnUs === undefined ? "…" : seconds(returnUs);
  return `${client} ${describeInput(key, input)}: ${told} [${seconds(callUs)} … ${until}]`;
}

function describeInput(key: string, input: KvInput): string {
  switch (input.type) {
    case "get":
    case "delete":
      return `${input.type} ${key}`;
    case "put":
      return `put ${key} ${JSON.stringify(input.value)}`;
    case "cas":
      return `cas ${key} ${JSON.stringify(input.expected)} → ${JSON.stringify(input.value)}`;
    default:
      return input satisfies never;
  }
}

function seconds(us: number): string {
  return `${(us / 1_000_000).toFixed(6)} s`;
}

/** @throws {SyntaxError} with the number of the line that is no operation. */
export function parseHistory(text: string): readonly Operation[] {
  return text.split("\n").flatMap((line, at) => (line.trim() === "" ? [] : [parseOperation(line, at + 1)]));
}

function parseOperation(line: string, number: number): Operation {
  let value: Partial<Operation> | null;
  try {
    value = JSON.parse(line) as Partial<Operation> | null;
  } catch (cause) {
    throw new SyntaxError(`Cannot read the history: line ${number} is not JSON`, { cause });
  }
  const isOperation =
    typeof value?.client === "string" &&
    typeof value.key === "string" &&
    typeof value.callUs === "number" &&
    (value.output === undefined || typeof value.returnUs === "number") &&
    isInput(value.input);
  if (!isOperation) throw new SyntaxError(`Cannot read the history: line ${number} is no operation`);
  return value as Operation;
}

function isInput(input: unknown): boolean {
  const { type, value, expected } = (input ?? {}) as Record<string, unknown>;
  if (type === "get" || type === "delete") return true;
  if (type === "put") return typeof value === "string";
  return type === "cas" && typeof value === "string" && (expected === null || typeof expected === "string");
}
