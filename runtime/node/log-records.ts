/**
 * The records of the LMDB log store: what stands under which key, as bytes.
 *
 *     00                format    JSON {"format":1}
 *     01                hard      JSON of the hard state
 *     02                tail      JSON {"lastIndex":…}; with it a log that lost its end is told from a shorter one
 *     03 + index (8)    entry     term (8), type (1), payload
 *
 * Each value begins with a CRC-32 of its key and of what follows, so a record under another's key is as bad as a torn one.
 * Numbers in keys are big-endian, so that LMDB's order is that of the indexes.
 */
import { crc32 } from "node:zlib";
import type { HardState, LoadedLog, LogEntry } from "../ports/log-store.ts";
import type { LmdbRecord } from "./lmdb-file.ts";

const LOG_FORMAT = 1;

const KEY = { format: 0, hardState: 1, tail: 2, entry: 3 } as const;
const CHECKSUM_BYTES = 4;
const ENTRY_HEADER_BYTES = 9;
/** By their number on disk; only ever appended. */
const ENTRY_TYPES = ["noop", "command"] as const satisfies readonly LogEntry["type"][];

/** What is wrong with the records, as the end of a sentence. */
export class LogRecordError extends Error {
  override readonly name = "LogRecordError";
  /** Set when the records are whole, but of a format that this version does not know. */
  readonly foreignFormat: number | undefined;

  constructor(message: string, foreignFormat?: number) {
    super(message);
    this.foreignFormat = foreignFormat;
  }
}

export function formatRecord(): LmdbRecord {
  return jsonRecord(KEY.format, { format: LOG_FORMAT });
}

export function hardStateRecord({ term, vote, commit }: HardState): LmdbRecord {
  return jsonRecord(KEY.hardState, { term, vote, commit });
}

export function tailRecord(lastIndex: number): LmdbRecord {
  return jsonRecord(KEY.tail, { lastIndex });
}

export function entryKey(index: number): Buffer {
  const key = Buffer.alloc(9);
  key[0] = KEY.entry;
  key.writeBigUInt64BE(BigInt(index), 1);
  return key;
}

export function entryRecord({ index, term, type, payload }: LogEntry): LmdbRecord {
  const body = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + payload.length);
  body.writeBigUInt64BE(BigInt(term), 0);
  body[8] = ENTRY_TYPES.indexOf(type);
  body.set(payload, ENTRY_HEADER_BYTES);
  return sealed(entryKey(index), body);
}

/** @throws {LogRecordError} when a record is damaged, missing or too many. */
export function parseLog(records: readonly LmdbRecord[]): LoadedLog {
  const [format, ...rest] = records;
  if (format?.key[0] !== KEY.format) throw new LogRecordError("it has no format record");
  const { format: number } = parseJson(format) as { readonly format: number };
  if (number !== LOG_FORMAT) throw new LogRecordError(`it has format ${number}, wanted ${LOG_FORMAT}`, number);

  let hardState: HardState = { term: 0, vote: null, commit: 0 };
  let lastIndex = 0;
  const entries: LogEntry[] = [];
  for (const record of rest) {
    const [tag] = record.key;
    if (tag === KEY.hardState) hardState = parseJson(record) as HardState;
    else if (tag === KEY.tail) ({ lastIndex } = parseJson(record) as { readonly lastIndex: number });
    else if (tag === KEY.entry) entries.push(parseEntry(record, entries.length + 1));
    else throw new LogRecordError(`it has a record of unknown kind ${tag}`);
  }
  if (entries.length !== lastIndex) {
    throw new LogRecordError(`its entries end at index ${entries.length}, wanted ${lastIndex}`);
  }
  checkOrder(hardState, entries.at(-1));
  return { hardState, entries, repairs: [] };
}

function parseEntry(record: LmdbRecord, expected: number): LogEntry {
  const index = record.key.length === 9 ? Number(record.key.readBigUInt64BE(1)) : Number.NaN;
  if (index !== expected)
    throw new LogRecordError(`it has an entry of index ${index} in the place of index ${expected}`);
  const body = unsealed(record, `the entry of index ${index}`);
  const type = ENTRY_TYPES[body[8] ?? ENTRY_TYPES.length];
  if (!type) throw new LogRecordError(`the entry of index ${index} is of unknown type ${body[8]}`);
  const payload = new Uint8Array(body.subarray(ENTRY_HEADER_BYTES));
  return { index, term: Number(body.readBigUInt64BE(0)), type, payload };
}

/** A disk that gives back whole records of different times has lost writes that it had confirmed. */
function checkOrder({ term, commit }: HardState, last: LogEntry | undefined): void {
  if (commit > (last?.index ?? 0)) {
    throw new LogRecordError(`its entries end at index ${last?.index ?? 0}, but index ${commit} was committed`);
  }
  if (last && last.term > term)
    throw new LogRecordError(`its last entry is of term ${last.term}, but its term is ${term}`);
}

function jsonRecord(tag: number, value: object): LmdbRecord {
  return sealed(Buffer.from([tag]), Buffer.from(JSON.stringify(value)));
}

function parseJson(record: LmdbRecord): unknown {
  return JSON.parse(unsealed(record, `the record of kind ${record.key[0]}`).toString("utf8"));
}

function sealed(key: Buffer, body: Buffer): LmdbRecord {
  const value = Buffer.allocUnsafe(CHECKSUM_BYTES + body.length);
  value.writeUInt32BE(crc32(body, crc32(key)), 0);
  value.set(body, CHECKSUM_BYTES);
  return { key, value };
}

function unsealed({ key, value }: LmdbRecord, name: string): Buffer {
  const body = value.subarray(CHECKSUM_BYTES);
  const whole = value.length >= CHECKSUM_BYTES && value.readUInt32BE(0) === crc32(body, crc32(key));
  if (!whole) throw new LogRecordError(`${name} fails its checksum`);
  return body;
}
