/**
 * The table of the journal's machine in LMDB, inside of a transaction of the thread that has the file.
 *
 * Events that go in large numbers are named as garbage at once and removed a part at a time (`sweep`), so that forgetting a stream of a
 * million events holds up nobody.
 */
import { JOURNAL_LIMITS } from "../ports/journal.ts";
import type { JournalTable, StreamRecord } from "../persistence/journal-machine.ts";
import {
  COUNTER_KEY,
  counterRecord,
  garbageRecord,
  KEY,
  parseCounter,
  parsePlace,
  parseStream,
  placeKey,
  streamKey,
  streamName,
  streamRecord,
} from "./journal-records.ts";
import type { GarbageRange } from "./journal-verifier.ts";
import type { Environment } from "./lmdb-environment.ts";
import type { LmdbRecord } from "./lmdb-file.ts";
import { RecordError, sealed, unsealed } from "./sealed-record.ts";

/** Events that one transaction removes: about a millisecond. */
const SWEEP_EVENTS = 1000;
/** Above every sequence. */
const SEQUENCE_END = Number.MAX_SAFE_INTEGER;

export class LmdbTable implements JournalTable<Uint8Array, Uint8Array> {
  readonly #database: Environment;
  readonly #garbage: GarbageRange[];

  constructor(database: Environment, garbage: readonly GarbageRange[]) {
    this.#database = database;
    this.#garbage = [...garbage];
  }

  get hasGarbage(): boolean {
    return this.#garbage.length > 0;
  }

  /** Removes a part of the garbage. */
  sweep(): void {
    const range = this.#garbage.shift();
    if (range === undefined) return;
    const { number, from } = range;
    const to = Math.min(range.to, from + SWEEP_EVENTS - 1);
    this.#removeEvents(number, { from, to });
    this.#database.removeSync(placeKey(KEY.garbage, number, from));
    if (to < range.to) this.#addGarbage({ number, from: to + 1, to: range.to });
  }

  nextNumber(): number {
    const value = this.#database.get(COUNTER_KEY);
    const next = (value === undefined ? 0 : parseCounter({ key: COUNTER_KEY, value })) + 1;
    this.#put(counterRecord(next));
    return next;
  }

  stream(name: string): StreamRecord | undefined {
    const key = streamKey(name);
    const value = this.#database.get(key);
    return value === undefined ? undefined : parseStream({ key, value });
  }

  putStream(name: string, record: StreamRecord): void {
    this.#put(streamRecord(name, record));
  }

  removeStream(name: string): void {
    this.#database.removeSync(streamKey(name));
  }

  streamNames({
    prefix,
    after,
    limit,
  }: {
    readonly prefix: string;
    readonly after: string;
    readonly limit: number;
  }): readonly string[] {
    const [first, behind] = [streamKey(prefix), streamKey(after)];
    const names: string[] = [];
    const start = Buffer.compare(first, behind) > 0 ? first : behind;
    for (const key of this.#database.getKeys({ start, end: Buffer.of(KEY.stream + 1) })) {
      const name = streamName(key);
      if (!name.startsWith(prefix) || names.length === limit) break;
      if (name !== after) names.push(name);
    }
    return names;
  }

  putEvent(number: number, sequence: number, body: Uint8Array): void {
    this.#put(sealed(placeKey(KEY.event, number, sequence), body));
  }

  events(number: number, { from, limit }: { readonly from: number; readonly limit: number }): readonly Uint8Array[] {
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    const range = { start: placeKey(KEY.event, number, from), end: placeKey(KEY.event, number, SEQUENCE_END), limit };
    for (const { key, value } of this.#database.getRange(range)) {
      const sequence = from + bodies.length;
      if (parsePlace(key).sequence !== sequence) throw new RecordError(`event ${sequence} is missing`);
      const body = unsealed({ key, value }, `event ${sequence}`);
      bodies.push(body);
      bytes += body.length;
      if (bytes >= JOURNAL_LIMITS.pageBytes) break;
    }
    if (bodies.length === 0) throw new RecordError(`event ${from} is missing`);
    return bodies;
  }

  dropEvents(number: number, range: { readonly from: number; readonly to: number }): void {
    if (range.to - range.from < SWEEP_EVENTS) this.#removeEvents(number, range);
    else this.#addGarbage({ number, ...range });
  }

  putSnapshot(number: number, sequence: number, body: Uint8Array): void {
    this.#put(sealed(placeKey(KEY.snapshot, number, sequence), body));
  }

  snapshot(number: number, sequence: number): Uint8Array {
    const key = placeKey(KEY.snapshot, number, sequence);
    const value = this.#database.get(key);
    if (value === undefined) throw new RecordError(`snapshot ${sequence} is missing`);
    return unsealed({ key, value }, `snapshot ${sequence}`);
  }

  snapshotSequences(number: number): readonly number[] {
    const range = { start: placeKey(KEY.snapshot, number, 0), end: placeKey(KEY.snapshot, number, SEQUENCE_END) };
    return [...this.#database.getKeys(range)].map((key) => parsePlace(key).sequence);
  }

  dropSnapshot(number: number, sequence: number): void {
    this.#database.removeSync(placeKey(KEY.snapshot, number, sequence));
  }

  #removeEvents(number: number, { from, to }: { readonly from: number; readonly to: number }): void {
    for (let sequence = from; sequence <= to; sequence++) {
      this.#database.removeSync(placeKey(KEY.event, number, sequence));
    }
  }

  #addGarbage(range: GarbageRange): void {
    this.#put(garbageRecord(range.number, range));
    this.#garbage.push(range);
  }

  #put({ key, value }: LmdbRecord): void {
    this.#database.putSync(key, value);
  }
}
