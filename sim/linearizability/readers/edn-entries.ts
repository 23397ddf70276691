/** Entries of Jepsen's history.edn: a map each, one a line or all in a vector, with whatever else Jepsen adds. */
import { fieldOf, type EdnNode } from "./edn-node.ts";
import { EdnReader } from "./edn-reader.ts";
import type { EntryReader } from "./entry-reader.ts";
import { ENTRY_TYPES, type HistoryEntry } from "./history-entry.ts";
import { HistoryError, quote } from "./history-error.ts";

export class EdnEntries implements EntryReader {
  readonly #reader = new EdnReader();

  line(text: string): readonly HistoryEntry[] {
    return this.#reader.line(text).flatMap((node) => entryOf(node) ?? []);
  }

  end(): void {
    this.#reader.end();
  }
}

/** Null for what is no client's: the nemesis, and marks of the test. */
function entryOf(node: EdnNode): HistoryEntry | null {
  // Jepsen 0.3 tags its operations: #jepsen.history.Op{…}
  const map = node.type === "tagged" ? node.items[0] : node;
  if (map?.type !== "map") {
    const message = `expected an operation, {:process 0, :type :invoke, :f :read, :value nil}, got ${quote(node.text)}`;
    throw new HistoryError({ line: node.line, message });
  }
  const field = (name: string, expected: string): EdnNode => {
    const found = fieldOf(map, name);
    if (found !== undefined) return found;
    throw new HistoryError({ line: map.line, field: name, message: `is missing, expected ${expected}` });
  };
  const wrong = (name: string, { line, text }: EdnNode, expected: string): never => {
    throw new HistoryError({ line, field: name, message: `is ${quote(text)}, expected ${expected}` });
  };
  const process = field(":process", "a number");
  if (process.type === "keyword") return null;
  if (process.type !== "number") wrong(":process", process, "a number, or a keyword of no client");
  const typeNode = field(":type", ":invoke, :ok, :fail or :info");
  const type = ENTRY_TYPES.find((name) => typeNode.text === `:${name}`);
  const f = field(":f", "a keyword");
  if (f.type !== "keyword") wrong(":f", f, "a keyword");
  const time = fieldOf(map, ":time");
  const ns = time?.type === "number" ? Number(time.text.replace(/M$/, "")) : undefined;
  const isTime = time === undefined || time.type === "nil" || (ns !== undefined && Number.isFinite(ns));
  if (!isTime) wrong(":time", time, "nanoseconds");
  return {
    line: map.line,
    process: process.text,
    type: type ?? wrong(":type", typeNode, ":invoke, :ok, :fail or :info"),
    f: f.text.slice(1),
    value: fieldOf(map, ":value") ?? null,
    ...(ns === undefined ? {} : { us: ns / 1000 }),
  };
}
