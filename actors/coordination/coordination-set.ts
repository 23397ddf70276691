/** What one command does to the coordination state: the door through which the command files read and write it. */
import type { Fingerprint } from "../cluster/fingerprint.ts";
import { recordKey, type CoordinationChange, type CoordinationRecord } from "./coordination-record.ts";
import type { CoordinationTables } from "./coordination-tables.ts";

export interface CoordinationSetOptions {
  readonly tables: CoordinationTables;
  readonly fingerprint: Fingerprint;
  readonly index: number;
  /** Index that the proposer had applied. */
  readonly after: number;
}

export class CoordinationSet {
  readonly tables: CoordinationTables;
  readonly index: number;
  readonly after: number;
  readonly changes: CoordinationChange[] = [];
  readonly #fingerprint: Fingerprint;

  constructor(options: CoordinationSetOptions) {
    this.tables = options.tables;
    this.index = options.index;
    this.after = options.after;
    this.#fingerprint = options.fingerprint;
  }

  put(record: CoordinationRecord): void {
    this.tables.put(record);
    this.#fingerprint.put(`coordination/${recordKey(record)}`);
    this.changes.push({ type: "put", record });
  }

  remove(record: CoordinationRecord): void {
    this.tables.remove(record);
    this.#fingerprint.remove(`coordination/${recordKey(record)}`);
    this.changes.push({ type: "delete", record });
  }
}
