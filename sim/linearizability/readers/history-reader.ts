/**
 * Reads a history, line by line, out of any of three formats: Jepsen's EDN, a log of its calls and returns, JSON of whole operations.
 *
 *     lines ─┬─ EdnEntries, LogEntries ─▶ EntryPairs ─▶ OperationReader.fromCall ─┬─▶ operations
 *            └─ JsonOperations ───────────────────────────────────────────────────┘
 *
 * The order of the entries is the order of the history. Their times, where all have one, are kept with it: an entry that is not later than
 * the one before it is moved behind it by a nanosecond.
 */
import type { HistoryClock } from "../describe-counterexample.ts";
import type { HistoryOperation } from "../operation.ts";
import { EdnEntries } from "./edn-entries.ts";
import type { EntryReader } from "./entry-reader.ts";
import { EntryPairs, type HistoryCall, type HistoryEntry } from "./history-entry.ts";
import { HistoryError } from "./history-error.ts";
import { JsonOperations } from "./json-operations.ts";
import { LogEntries } from "./log-entries.ts";
import type { OperationReader } from "./operation-reader.ts";

/** `edn`: Jepsen's history.edn; `log`: `PROCESS :invoke|:ok|:fail|:info :OPERATION VALUE`; `json`: an operation a line. */
export type HistoryFormat = "edn" | "log" | "json";

/** A history out of a text. */
export interface ReadHistory<Input, Output> {
  readonly operations: readonly HistoryOperation<Input, Output>[];
  readonly clock: HistoryClock;
  /** Null: there was nothing to detect it by. */
  readonly format: HistoryFormat | null;
}

/** Far more than can be judged; whoever has more gave the wrong file. */
const OPERATIONS_MAX = 1_000_000;
const NANOSECOND_US = 0.001;

export class HistoryReader<Input, Output> {
  readonly #reader: OperationReader<Input, Output>;
  readonly #operations: HistoryOperation<Input, Output>[] = [];
  readonly #pairs = new EntryPairs();
  /** By the number of an entry, from 1. */
  readonly #times: number[] = [];
  readonly #lines: number[] = [];
  #format: HistoryFormat | null;
  #entries: EntryReader | null = null;
  #json: JsonOperations<Input, Output> | null = null;
  #passed = 0;
  #isTimed = true;

  /** `format`: null to tell it by the first line that is not empty. */
  constructor(reader: OperationReader<Input, Output>, format: HistoryFormat | null) {
    this.#reader = reader;
    this.#format = format;
  }

  /** One line, without its end. @throws HistoryError */
  line(text: string): void {
    const first = this.#passed === 0 ? text.replace(/^\uFEFF/, "") : text;
    if (this.#json === null && this.#entries === null) {
      this.#format ??= detect(first);
      if (this.#format !== null) this.#begin(this.#format);
    }
    this.#passed += 1;
    const operation = this.#json?.line(first) ?? null;
    if (operation !== null) this.#keep(operation);
    for (const entry of this.#entries?.line(first) ?? []) this.#add(entry);
  }

  /** There are no more lines. @throws HistoryError where the text breaks off */
  end(): ReadHistory<Input, Output> {
    this.#entries?.end();
    if (this.#json !== null) return { operations: this.#operations, clock: "microseconds", format: "json" };
    for (const call of this.#pairs.end()) this.#keep(this.#reader.fromCall(call));
    const isByLine = this.#lines.every((line, at) => at === 0 || line > (this.#lines[at - 1] as number));
    const isTimed = this.#isTimed && this.#lines.length > 0;
    const clock = isTimed ? "microseconds" : isByLine ? "lines" : "entries";
    const when = (number: number): number => {
      if (isTimed) return this.#times[number - 1] as number;
      return isByLine ? (this.#lines[number - 1] as number) : number;
    };
    const operations = this.#operations.map((operation) => ({
      ...operation,
      callUs: when(operation.callUs),
      ...(operation.returnUs === undefined ? {} : { returnUs: when(operation.returnUs) }),
    }));
    return { operations, clock, format: this.#format };
  }

  #begin(format: HistoryFormat): void {
    if (format === "json") this.#json = new JsonOperations(this.#reader);
    else this.#entries = format === "edn" ? new EdnEntries() : new LogEntries();
    // Lines count from the first, the empty ones before it too.
    for (let line = 0; line < this.#passed; line++) {
      this.#json?.line("");
      this.#entries?.line("");
    }
  }

  #add(entry: HistoryEntry): void {
    const last = this.#times.at(-1);
    if (entry.us === undefined) this.#isTimed = false;
    const us = entry.us ?? 0;
    this.#times.push(last === undefined ? us : Math.max(us, later(last)));
    this.#lines.push(entry.line);
    const call: HistoryCall | null = this.#pairs.add(entry, this.#lines.length);
    if (call !== null) this.#keep(this.#reader.fromCall(call));
  }

  #keep(operation: HistoryOperation<Input, Output>): void {
    if (this.#operations.length >= OPERATIONS_MAX) {
      const message = `there are more than ${OPERATIONS_MAX} operations; expected a history that can be judged`;
      throw new HistoryError({ line: this.#passed, message });
    }
    this.#operations.push(operation);
  }
}

/** By a nanosecond; of a clock that began long ago, by the next number that there is: two entries at one time would overlap. */
function later(us: number): number {
  return us + Math.max(NANOSECOND_US, Math.abs(us) * Number.EPSILON);
}

/** Null for a line that says nothing. */
function detect(line: string): HistoryFormat | null {
  const text = line.trim();
  if (text === "" || text.startsWith(";")) return null;
  if (/^\{\s*"/.test(text)) return "json";
  return /^[{[(#]/.test(text) ? "edn" : "log";
}
