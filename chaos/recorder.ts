/**
 * What the clients asked and were told, on one clock: a line of JSON each in `history.jsonl`, as `sim/checkers/history.ts` reads it, and by key
 * for the verdict. Calls that certainly did nothing are counted, not recorded: if one acts all the same, the checker finds a value that nobody wrote.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import type { KvInput, Operation } from "../sim/checkers/history.ts";

/** Lines that are written at once. */
const LINES_A_WRITE = 256;

export interface Counts {
  operations: number;
  acknowledgedWrites: number;
  reads: number;
  unknown: number;
  /** By the code that the client was told. */
  readonly refused: Map<string, number>;
}

export class Recorder {
  readonly counts: Counts = { operations: 0, acknowledgedWrites: 0, reads: 0, unknown: 0, refused: new Map() };
  readonly #startMs = performance.now();
  readonly #file: number;
  readonly #byKey = new Map<string, Operation[]>();
  #lines: string[] = [];

  constructor(path: string) {
    this.#file = openSync(path, "w");
  }

  get nowUs(): number {
    return Math.round((performance.now() - this.#startMs) * 1000);
  }

  /** By key, in the order of returns. */
  get histories(): ReadonlyMap<string, readonly Operation[]> {
    return this.#byKey;
  }

  told(
    call: { readonly client: string; readonly key: string; readonly input: KvInput; readonly callUs: number },
    output: string | boolean | null,
  ): void {
    if (call.input.type === "get") this.counts.reads += 1;
    else this.counts.acknowledgedWrites += 1;
    this.#record({ ...call, output, returnUs: this.nowUs });
  }

  unknown(call: {
    readonly client: string;
    readonly key: string;
    readonly input: KvInput;
    readonly callUs: number;
  }): void {
    this.counts.unknown += 1;
    this.#record(call);
  }

  refused(code: string): void {
    this.counts.operations += 1;
    this.counts.refused.set(code, (this.counts.refused.get(code) ?? 0) + 1);
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #record(operation: Operation): void {
    this.counts.operations += 1;
    const known = this.#byKey.get(operation.key);
    if (known === undefined) this.#byKey.set(operation.key, [operation]);
    else known.push(operation);
    this.#lines.push(`${JSON.stringify(operation)}\n`);
    if (this.#lines.length >= LINES_A_WRITE) this.#flush();
  }

  #flush(): void {
    writeSync(this.#file, this.#lines.join(""));
    this.#lines = [];
  }
}
