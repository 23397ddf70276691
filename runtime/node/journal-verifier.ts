/**
 * Looks at every record of a journal's file before LMDB may have it: each must be whole, known, and fit the others.
 *
 * Where only events or snapshots of one stream are damaged, only that stream is refused: `damaged` says which and why, and the others go
 * on. Damage of anything else could have touched anything, so it refuses the whole file.
 */
import { StoreError } from "../ports/store-error.ts";
import type { StreamRecord } from "../persistence/journal-machine.ts";
import {
  JOURNAL_FORMAT,
  KEY,
  parseCounter,
  parseGarbage,
  parsePlace,
  parseStream,
  streamName,
} from "./journal-records.ts";
import { existsSync } from "node:fs";
import { LmdbFileError, walkLmdbFile, type LmdbRecord } from "./lmdb-file.ts";
import { checkFormat, RecordError, unsealed } from "./sealed-record.ts";

export interface VerifiedJournal {
  /** By number of the stream: what is wrong, as the end of a sentence. */
  readonly damaged: ReadonlyMap<number, string>;
  readonly garbage: readonly GarbageRange[];
  /** The last number that was given out. */
  readonly lastNumber: number;
}

/** Events to be removed. */
export interface GarbageRange {
  readonly number: number;
  readonly from: number;
  readonly to: number;
}

interface Seen {
  readonly name: string;
  readonly record: StreamRecord;
  events: number;
}

/** @throws {StoreError} `store-corrupt`, `store-version` or `store-io`, of the file at `path`; an absent file is a new journal. */
export function verifyJournal(path: string): VerifiedJournal {
  try {
    if (existsSync(path)) return new JournalVerifier().verify(path);
    if (existsSync(`${path}-lock`)) throw new LmdbFileError("it is missing, though it was here before");
    return { damaged: new Map(), garbage: [], lastNumber: 0 };
  } catch (cause) {
    throw readError(path, cause);
  }
}

class JournalVerifier {
  readonly #streams = new Map<number, Seen>();
  readonly #damaged = new Map<number, string>();
  readonly #garbage: GarbageRange[] = [];
  /** Events of no stream, by number; garbage, which says that this is right, has a later key. */
  readonly #orphans = new Map<number, { first: number; last: number }>();
  #records = 0;
  #lastNumber = 0;

  verify(path: string): VerifiedJournal {
    walkLmdbFile(path, (record) => this.#visit(record));
    if (this.#records === 0) checkFormat(undefined, KEY.format, JOURNAL_FORMAT);
    for (const { name, record, events } of this.#streams.values()) {
      const wanted = record.lastSequence - record.firstSequence + 1;
      if (events !== wanted) this.#damage(record.number, `it has ${events} events of "${name}", not ${wanted}`);
    }
    for (const [number, { first, last }] of this.#orphans) this.#checkGarbage(number, first, last);
    return { damaged: this.#damaged, garbage: this.#garbage, lastNumber: this.#lastNumber };
  }

  #visit(record: LmdbRecord): void {
    if (this.#records++ === 0) {
      checkFormat(record, KEY.format, JOURNAL_FORMAT);
      return;
    }
    const [tag] = record.key;
    if (tag === KEY.counter) this.#lastNumber = parseCounter(record);
    else if (tag === KEY.stream) this.#visitStream(record);
    else if (tag === KEY.event) this.#visitEvent(record);
    else if (tag === KEY.snapshot) this.#visitSnapshot(record);
    else if (tag === KEY.garbage) this.#garbage.push({ ...garbageStart(record.key), to: parseGarbage(record) });
    else throw new RecordError(`it has a record of unknown kind ${tag}`);
  }

  #visitStream(source: LmdbRecord): void {
    const record = parseStream(source);
    const name = streamName(source.key);
    const { number, epoch, firstSequence, lastSequence } = record;
    const possible = number <= this.#lastNumber && epoch <= this.#lastNumber && firstSequence <= lastSequence + 1;
    // A disk that gives back whole records of different times has lost writes that it had confirmed.
    if (!possible)
      throw new RecordError(`stream "${name}" is of number ${number} and epoch ${epoch}, beyond ${this.#lastNumber}`);
    if (this.#streams.has(number)) throw new RecordError(`two streams have number ${number}`);
    this.#streams.set(number, { name, record, events: 0 });
  }

  #visitEvent(record: LmdbRecord): void {
    const { number, sequence } = parsePlace(record.key);
    const seen = this.#streams.get(number);
    const isHeld = seen && sequence >= seen.record.firstSequence && sequence <= seen.record.lastSequence;
    if (!seen || !isHeld) {
      const orphans = this.#orphans.get(number);
      if (orphans === undefined) this.#orphans.set(number, { first: sequence, last: sequence });
      else orphans.last = sequence;
      return;
    }
    seen.events += 1;
    this.#checkSealed(record, number, `event ${sequence} of "${seen.name}"`);
  }

  #visitSnapshot(record: LmdbRecord): void {
    const { number, sequence } = parsePlace(record.key);
    const seen = this.#streams.get(number);
    if (seen === undefined) throw new RecordError(`it has a snapshot of stream number ${number}, which is not there`);
    this.#checkSealed(record, number, `snapshot ${sequence} of "${seen.name}"`);
    if (sequence > seen.record.lastSequence) {
      this.#damage(
        number,
        `snapshot ${sequence} of "${seen.name}" is behind its last event, ${seen.record.lastSequence}`,
      );
    }
  }

  #checkSealed(record: LmdbRecord, number: number, name: string): void {
    try {
      unsealed(record, name);
    } catch (error) {
      this.#damage(number, (error as RecordError).message);
    }
  }

  #checkGarbage(number: number, first: number, last: number): void {
    const covered = this.#garbage.some((range) => range.number === number && range.from <= first && last <= range.to);
    const several = this.#garbage.filter((range) => range.number === number);
    const spans =
      several.length > 1 && several.some(({ from }) => from <= first) && several.some(({ to }) => last <= to);
    if (!covered && !spans)
      throw new RecordError(`it has events ${first} to ${last} of stream number ${number}, which has none such`);
  }

  #damage(number: number, reason: string): void {
    if (!this.#damaged.has(number)) this.#damaged.set(number, reason);
  }
}

function garbageStart(key: Buffer): { readonly number: number; readonly from: number } {
  const { number, sequence } = parsePlace(key);
  return { number, from: sequence };
}

function readError(path: string, cause: unknown): StoreError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const details = { message: `Cannot open the journal "${path}": ${reason}`, path, cause };
  if (cause instanceof RecordError && cause.foreignFormat !== undefined) {
    return new StoreError("store-version", { ...details, hint: "start the version that wrote it" });
  }
  if (cause instanceof LmdbFileError || cause instanceof RecordError) {
    const hint = "restore its folder from a backup; what was written since the backup is lost";
    return new StoreError("store-corrupt", { ...details, hint });
  }
  return new StoreError("store-io", { ...details, hint: "check the disk and the permissions of the file" });
}
