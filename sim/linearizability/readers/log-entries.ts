/**
 * Entries of a log, one a line: `0 :invoke :write 3`, `0 :ok :write 3`, as they are or behind the words of a logger, as in jepsen.log:
 * `INFO  jepsen.util - 2 :invoke :read nil`. Spaces or tabs; `;` begins a comment. Lines of a logger that are no entry are passed over; other
 * lines have to be entries.
 */
import type { EdnNode } from "./edn-node.ts";
import { EdnReader } from "./edn-reader.ts";
import type { EntryReader } from "./entry-reader.ts";
import { ENTRY_TYPES, type HistoryEntry } from "./history-entry.ts";
import { HistoryError, quote } from "./history-error.ts";

const ENTRY = /^(:?[\w-]+)\s+:(\w+)\s+:([^\s:]\S*)(?:\s+(.*))?$/;
const LOGGER = /^(?:.*?\s)?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s/;
/**
 * Behind `INFO  jepsen.util - `, `2024-01-30 13:23:10,123{GMT}	INFO	[jepsen worker 1] jepsen.util: `, or
 * `INFO [2024-01-30 13:23:10,123] jepsen worker 1 - jepsen.util `: loggers differ, and the first words that are an entry are it.
 */
const LOGGED_ENTRY = /\s(:?[\w-]+)\s+:(invoke|ok|fail|info)\s+:([^\s:]\S*)(?:\s+(.*))?$/;

export class LogEntries implements EntryReader {
  #line = 0;

  line(whole: string): readonly HistoryEntry[] {
    this.#line += 1;
    const line = this.#line;
    const text = whole.trim();
    if (text === "" || text.startsWith(";")) return [];
    // An entry may write words of a logger.
    const plain = ENTRY.exec(text);
    const fromLogger = plain === null && LOGGER.test(text);
    const [, process, typeName, f, rest] = plain ?? (fromLogger ? LOGGED_ENTRY.exec(text) : null) ?? [];
    const type = ENTRY_TYPES.find((name) => name === typeName);
    if (process === undefined || f === undefined || type === undefined) {
      if (fromLogger) return [];
      const message =
        process !== undefined && typeName !== undefined
          ? `":${quote(typeName)}" is none of :invoke, :ok, :fail and :info`
          : `expected "PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE", got "${quote(text)}"`;
      throw new HistoryError({ line, message });
    }
    if (process.startsWith(":")) return [];
    // What a call of unknown outcome or a failed one is told is why, not what.
    const value = type === "invoke" || type === "ok" ? valueOf(rest ?? "", line) : null;
    return [{ line, process, type, f, value }];
  }

  end(): void {}
}

function valueOf(text: string, line: number): EdnNode | null {
  if (text.trim() === "") return null;
  const reader = new EdnReader();
  let nodes: readonly EdnNode[];
  try {
    // A map around it: a vector by itself would be taken for the whole history.
    nodes = reader.line(`{:value ${text}}`);
    reader.end();
  } catch (cause) {
    throw new HistoryError({ line, field: "value", message: `expected one form of EDN, got "${quote(text)}"`, cause });
  }
  const [, value] = nodes[0]?.items ?? [];
  return value === undefined ? null : { ...value, line };
}
