/**
 * The records of the LMDB log store: what stands under which key, as bytes.
 *
 *     00                format    JSON {"format":1}
 *     01                hard      JSON of the hard state
 *     02                tail      JSON {"lastIndex":…}; with it a log that lost its end is told from a shorter one
 *     03 + index (8)    entry     term (8), type (1), payload
 *
 * Each value is sealed with a checksum (sealed-record.ts). Numbers in keys are big-endian, so that LMDB's order is that of the indexes.
 */
import {
  EMPTY_LOG,
  type HardState,
  type LoadedLog,
  type LogEntry,
  type LogPosition,
  type MemberIdentity,
} from "../ports/log-store.ts";
import type { LmdbRecord } from "./lmdb-file.ts";
import { checkFormat, jsonRecord, parseJsonRecord, RecordError, sealed, unsealed } from "./sealed-record.ts";

const LOG_FORMAT = 1;

const KEY = { format: 0, hardState: 1, tail: 2, entry: 3, identity: 4, base: 5 } as const;
const ENTRY_HEADER_BYTES = 9;
/** By their number on disk; only ever appended. */
const ENTRY_TYPES = ["noop", "command", "configuration"] as const satisfies readonly LogEntry["type"][];

export function formatRecord(): LmdbRecord {
  return jsonRecord(KEY.format, { format: LOG_FORMAT });
}

export function hardStateRecord({ term, vote, commit, damagedTerm }: HardState): LmdbRecord {
  return jsonRecord(KEY.hardState, { term, vote, commit, damagedTerm });
}

export function tailRecord(lastIndex: number): LmdbRecord {
  return jsonRecord(KEY.tail, { lastIndex });
}

export function identityRecord({ member, cluster }: MemberIdentity): LmdbRecord {
  return jsonRecord(KEY.identity, { member, cluster });
}

export function baseRecord({ index, term }: LogPosition): LmdbRecord {
  return jsonRecord(KEY.base, { index, term });
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

/** @throws {RecordError} when a record is damaged, missing or too many. */
export function parseLog(records: readonly LmdbRecord[]): LoadedLog {
  const [format, ...rest] = records;
  checkFormat(format, KEY.format, LOG_FORMAT);

  let { hardState, base, identity } = EMPTY_LOG;
  let lastIndex = 0;
  const entries: LogEntry[] = [];
  for (const record of rest) {
    const [tag] = record.key;
    if (tag === KEY.hardState) hardState = parseJsonRecord(record) as HardState;
    else if (tag === KEY.tail) ({ lastIndex } = parseJsonRecord(record) as { readonly lastIndex: number });
    else if (tag === KEY.identity) identity = parseJsonRecord(record) as MemberIdentity;
    else if (tag === KEY.base) base = parseJsonRecord(record) as LogPosition;
    else if (tag === KEY.entry) {
      const { index } = entryIndex(record);
      entries.push(parseEntry(record, (entries.at(-1)?.index ?? index - 1) + 1));
    } else throw new RecordError(`it has a record of unknown kind ${tag}`);
  }
  const kept = entries.filter(({ index }) => index > base.index);
  const end = base.index + kept.length;
  if (end !== Math.max(lastIndex, base.index))
    throw new RecordError(`its entries end at index ${end}, wanted ${lastIndex}`);
  checkOrder(hardState, kept.at(-1) ?? { ...base, type: "noop", payload: new Uint8Array(0) });
  return { identity, hardState, base, entries: kept, repairs: [], damage: null };
}

function entryIndex({ key }: LmdbRecord): { readonly index: number } {
  return { index: key.length === 9 ? Number(key.readBigUInt64BE(1)) : Number.NaN };
}

function parseEntry(record: LmdbRecord, expected: number): LogEntry {
  const { index } = entryIndex(record);
  if (index !== expected) throw new RecordError(`it has an entry of index ${index} in the place of index ${expected}`);
  const body = unsealed(record, `the entry of index ${index}`);
  const type = ENTRY_TYPES[body[8] ?? ENTRY_TYPES.length];
  if (!type) throw new RecordError(`the entry of index ${index} is of unknown type ${body[8]}`);
  const payload = new Uint8Array(body.subarray(ENTRY_HEADER_BYTES));
  return { index, term: Number(body.readBigUInt64BE(0)), type, payload };
}

/** A disk that gives back whole records of different times has lost writes that it had confirmed. */
function checkOrder({ term, commit }: HardState, last: LogEntry | undefined): void {
  if (commit > (last?.index ?? 0)) {
    throw new RecordError(`its entries end at index ${last?.index ?? 0}, but index ${commit} was committed`);
  }
  if (last && last.term > term)
    throw new RecordError(`its last entry is of term ${last.term}, but its term is ${term}`);
}
