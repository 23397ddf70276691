/** Reads one batch (batch.ts) out of a segment's bytes, trusting nothing in it. */
import { crc32 } from "node:zlib";
import type { LogEntry, LogPosition } from "../../ports/log-store.ts";
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  chainStart,
  getUint48,
  RECORD_HEADER_BYTES,
  RECORD_TYPES,
  type RecordType,
} from "./batch.ts";
import { fromSectors, SECTOR_BYTES, sectorsFor, type Stamp } from "./sector.ts";

export type LogRecord =
  | { readonly type: "reset"; readonly position: LogPosition }
  | { readonly type: "entry"; readonly entry: LogEntry };

export type BatchReading =
  | {
      readonly ok: true;
      readonly sectors: number;
      readonly commit: number;
      readonly records: readonly LogRecord[];
    }
  | {
      readonly ok: false;
      /** As the end of a sentence about the batch. */
      readonly reason: string;
      /** What its header says, where that can be read. */
      readonly header: { readonly sectors: number; readonly lowestIndex: number } | null;
    };

/** The batch that begins at `sector`, if it is the one that is wanted and whole. Payloads are views of a copy. */
export function readBatch(segment: Uint8Array, sector: number, wanted: Stamp): BatchReading {
  const left = segment.length / SECTOR_BYTES - sector;
  if (left < 1) return { ok: false, reason: "is not there", header: null };
  const head = fromSectors(segment, sector, 1);
  const view = new DataView(head.buffer);
  const bytes = view.getUint32(28, true);
  const isWhole =
    view.getUint32(0, true) === crc32(head.subarray(4, BATCH_HEADER_BYTES)) &&
    view.getUint32(4, true) === BATCH_MAGIC &&
    view.getUint32(8, true) === wanted.salt &&
    getUint48(view, 12) === wanted.sequence &&
    bytes > BATCH_HEADER_BYTES &&
    sectorsFor(bytes) <= left;
  if (!isWhole) return { ok: false, reason: "has no header that fits", header: null };
  const sectors = sectorsFor(bytes);
  const header = { sectors, lowestIndex: getUint48(view, 32) };
  const data = fromSectors(segment, sector, sectors);
  const records = readRecords(data.subarray(0, bytes), view.getUint32(24, true), chainStart(wanted));
  if (typeof records === "string") return { ok: false, reason: records, header };
  return { ok: true, sectors, commit: getUint48(view, 18), records };
}

/** The records, or what is wrong with them. */
function readRecords(bytes: Uint8Array, count: number, start: number): readonly LogRecord[] | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: LogRecord[] = [];
  let checksum = start;
  let at = BATCH_HEADER_BYTES;
  for (let left = count; left > 0; left--) {
    const name = `fails the checksum of its record ${records.length + 1} of ${count}`;
    if (at + RECORD_HEADER_BYTES > bytes.length) return name;
    const end = at + RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
    if (end > bytes.length) return name;
    checksum = crc32(bytes.subarray(at + 4, end), checksum);
    if (checksum !== view.getUint32(at, true)) return name;
    const type = RECORD_TYPES[view.getUint32(at + 20, true)];
    if (type === undefined) return `has a record of unknown type ${view.getUint32(at + 20, true)}`;
    records.push(
      toRecord(type, getUint48(view, at + 8), getUint48(view, at + 14), bytes.subarray(at + RECORD_HEADER_BYTES, end)),
    );
    at = end;
  }
  return at === bytes.length ? records : "has bytes behind its last record";
}

function toRecord(type: RecordType, index: number, term: number, payload: Uint8Array): LogRecord {
  if (type === "reset") return { type, position: { index, term } };
  return { type: "entry", entry: { index, term, type, payload } };
}
