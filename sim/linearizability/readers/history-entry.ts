/**
 * Entries of a history as Jepsen writes them, one for each call and one for each return, and how two of them become a call with its
 * outcome.
 *
 * A process has one call open at a time. `:ok`: it took place; `:fail`: it did not; `:info`, or nothing at all: nobody knows, so it stays
 * open for ever, and Jepsen lets its client go on under another number.
 */
import type { EdnNode } from "./edn-node.ts";
import { HistoryError, quote } from "./history-error.ts";

export const ENTRY_TYPES = ["invoke", "ok", "fail", "info"] as const;

export interface HistoryEntry {
  /** From 1. */
  readonly line: number;
  readonly process: string;
  readonly type: (typeof ENTRY_TYPES)[number];
  /** What is asked, without its colon: `read`. */
  readonly f: string;
  readonly value: EdnNode | null;
  /** When, of one clock; absent where only the order is known. */
  readonly us?: number;
}

export interface HistoryCall {
  readonly line: number;
  readonly process: string;
  readonly f: string;
  /** What was asked. */
  readonly asked: EdnNode | null;
  readonly callUs: number;
  /** Undefined: nobody knows. */
  readonly returned?: { readonly us: number; readonly line: number; readonly value: EdnNode | null };
}

/** Calls and returns of one process after the other; what failed is left out. */
export class EntryPairs {
  readonly #open = new Map<string, { readonly entry: HistoryEntry; readonly us: number }>();

  /** `us`: when, by a clock that never stands still. @returns the call that it ends, if any @throws HistoryError */
  add(entry: HistoryEntry, us: number): HistoryCall | null {
    const { line, process, type } = entry;
    const open = this.#open.get(process);
    if (type === "invoke") {
      if (open !== undefined) {
        const message = `process ${process} calls "${quote(entry.f)}", but its call of line ${open.entry.line} has not returned; expected :ok, :fail or :info first`;
        throw new HistoryError({ line, field: ":type", message });
      }
      this.#open.set(process, { entry, us });
      return null;
    }
    if (open === undefined) {
      const message = `:${type} of process ${process}, which has no call open; expected :invoke first`;
      throw new HistoryError({ line, field: ":type", message });
    }
    if (open.entry.f !== entry.f) {
      const message = `process ${process} returns from "${quote(entry.f)}", expected "${open.entry.f}", as called in line ${open.entry.line}`;
      throw new HistoryError({ line, field: ":f", message });
    }
    this.#open.delete(process);
    if (type === "fail") return null;
    return type === "ok" ? { ...called(open), returned: { us, line, value: entry.value } } : called(open);
  }

  /** Calls that have not returned by the end: nobody knows of them either. */
  end(): readonly HistoryCall[] {
    return [...this.#open.values()].map(called);
  }
}

function called({ entry, us }: { readonly entry: HistoryEntry; readonly us: number }): HistoryCall {
  const { line, process, f, value } = entry;
  return { line, process, f, asked: value, callUs: us };
}
