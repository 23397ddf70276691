/** A log's folder as a test meddles with it: its segments as bytes, and where in them which batch stands. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadedLog, LogStore } from "../../../../runtime/index.ts";
import { readBatch } from "../../../../runtime/node/log/batch-reader.ts";
import { openLogStore, type LogStoreOptions } from "../../../../runtime/node/log/disk-log-store.ts";
import { readState } from "../../../../runtime/node/log/log-state.ts";
import { SECTOR_BYTES } from "../../../../runtime/node/log/sector.ts";
import { SEGMENT_START } from "../../../../runtime/node/log/segment-file.ts";
import { close } from "../../../contract/log-store-calls.ts";

export interface FoundBatch {
  readonly file: string;
  readonly byte: number;
  readonly sectors: number;
  readonly indexes: readonly number[];
}

export class LogFolder {
  readonly folder: string;
  readonly #options: Omit<LogStoreOptions, "folder">;
  #store: LogStore | null = null;

  constructor(
    options: Omit<LogStoreOptions, "folder"> = {},
    folder: string = mkdtempSync(join(tmpdir(), "blixard-log-")),
  ) {
    this.folder = folder;
    this.#options = options;
  }

  open(): LogStore {
    this.#store = openLogStore({ folder: this.folder, ...this.#options });
    return this.#store;
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = null;
    if (store !== null) await close(store);
  }

  /** What a store that is opened now loads, and closes again. */
  async load(): Promise<LoadedLog> {
    try {
      return this.open().load();
    } finally {
      await this.close();
    }
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  segments(): readonly string[] {
    const names = readdirSync(this.folder).filter((name) => name.endsWith(".seg"));
    return names.toSorted().map((name) => join(this.folder, name));
  }

  /** All batches of the closed log, in order. */
  batches(): readonly FoundBatch[] {
    const { salt, firstSequence } = readState(join(this.folder, "hard-state.mdb")) ?? { salt: 0, firstSequence: 1 };
    const found: FoundBatch[] = [];
    for (const file of this.segments()) {
      const bytes = readFileSync(file);
      for (let byte = SEGMENT_START; ;) {
        const sequence = firstSequence + found.length;
        const reading = readBatch(bytes, byte / SECTOR_BYTES, { salt, sequence });
        if (!reading.ok) break;
        const indexes = reading.records.flatMap((record) => (record.type === "entry" ? [record.entry.index] : []));
        found.push({ file, byte, sectors: reading.sectors, indexes });
        byte += reading.sectors * SECTOR_BYTES;
      }
    }
    return found;
  }

  /** Changes bytes of a file. */
  overwrite(file: string, at: number, bytes: Uint8Array): void {
    const image = readFileSync(file);
    image.set(bytes, at);
    writeFileSync(file, image);
  }

  /** Makes the batch with that entry unreadable. */
  rot(index: number): void {
    const batch = this.batches().find(({ indexes }) => indexes.includes(index));
    if (batch === undefined) throw new Error(`no batch has entry ${index}`);
    this.overwrite(batch.file, batch.byte + 45, Uint8Array.of(0xaa, 0xbb));
  }
}
