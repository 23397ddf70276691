/**
 * What clients of a key-value store asked and were told, each with the time of its call and of its return: what
 * `linearizability.ts` judges.
 *
 * Recorded by the simulator and by whoever drives real processes; `parseHistory` reads the latter's file, one JSON object a line.
 */
import {
  isUnknown,
  readHistory,
  type HistoryOperation,
  type KvInput,
  type KvOutput,
} from "../linearizability/index.ts";

export type { KvInput } from "../linearizability/index.ts";

/** What a client asked of a key and was told; `output` is undefined where nothing is known of its outcome. */
export type Operation = HistoryOperation<KvInput, KvOutput> & { readonly key: string };

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

/** @throws HistoryError with the line and the field that is wrong. */
export function parseHistory(text: string): readonly Operation[] {
  return readHistory(text.split("\n"), { model: "kv", format: "json" }).operations as readonly Operation[];
}
