/**
 * The records of the LMDB snapshot store: what stands under which key, as bytes.
 *
 *     00                              format       JSON {"format":1}
 *     01 + number (8)                 finished     JSON of head and end
 *     02 + number (8)                 unfinished   JSON of the head
 *     03 + number (8) + chunk (4)     chunk        its bytes
 *
 * `number` counts snapshots of this file and is never used again, so chunks of one that was dropped are never taken for another's.
 * Each value is sealed with a checksum (sealed-record.ts). Numbers in keys are big-endian.
 */
import type { FinishedSnapshot, SnapshotHead } from "../ports/snapshot-store.ts";
import type { LmdbRecord } from "./lmdb-file.ts";
import { jsonRecord, RecordError, sealed, unsealed } from "./sealed-record.ts";

export const SNAPSHOT_FORMAT = 1;
export const SNAPSHOT_KEY = { format: 0, finished: 1, unfinished: 2, chunk: 3 } as const;

const NUMBER_KEY_BYTES = 9;
const CHUNK_KEY_BYTES = 13;

export function snapshotFormatRecord(): LmdbRecord {
  return jsonRecord(SNAPSHOT_KEY.format, { format: SNAPSHOT_FORMAT });
}

export function finishedKey(number: number): Buffer {
  return numberKey(SNAPSHOT_KEY.finished, number);
}

export function unfinishedKey(number: number): Buffer {
  return numberKey(SNAPSHOT_KEY.unfinished, number);
}

export function chunkKey(number: number, chunk: number): Buffer {
  const key = Buffer.alloc(CHUNK_KEY_BYTES);
  numberKey(SNAPSHOT_KEY.chunk, number).copy(key);
  key.writeUInt32BE(chunk, NUMBER_KEY_BYTES);
  return key;
}

export function finishedRecord(number: number, snapshot: FinishedSnapshot): LmdbRecord {
  return sealed(finishedKey(number), encode(snapshot));
}

export function unfinishedRecord(number: number, head: SnapshotHead): LmdbRecord {
  return sealed(unfinishedKey(number), encode(head));
}

export function chunkRecord(number: number, chunk: number, bytes: Uint8Array): LmdbRecord {
  return sealed(chunkKey(number, chunk), bytes);
}

/** Which snapshot a record belongs to; of a chunk also which one. @throws {RecordError} for a key that is none. */
export function placeOf(key: Buffer): { readonly number: number; readonly chunk: number } {
  const [tag] = key;
  const length = tag === SNAPSHOT_KEY.chunk ? CHUNK_KEY_BYTES : NUMBER_KEY_BYTES;
  const isKnown = tag === SNAPSHOT_KEY.chunk || tag === SNAPSHOT_KEY.finished || tag === SNAPSHOT_KEY.unfinished;
  if (!isKnown || key.length !== length) throw new RecordError(`it has a record of unknown kind ${tag}`);
  return { number: Number(key.readBigUInt64BE(1)), chunk: tag === SNAPSHOT_KEY.chunk ? key.readUInt32BE(9) : 0 };
}

export function parseFinished(record: LmdbRecord): FinishedSnapshot {
  return decode(unsealed(record, "the head of a snapshot")) as FinishedSnapshot;
}

export function parseUnfinished(record: LmdbRecord): SnapshotHead {
  return decode(unsealed(record, "the head of an unfinished snapshot"));
}

function numberKey(tag: number, number: number): Buffer {
  const key = Buffer.alloc(NUMBER_KEY_BYTES);
  key[0] = tag;
  key.writeBigUInt64BE(BigInt(number), 1);
  return key;
}

function encode({ configuration, ...rest }: SnapshotHead | FinishedSnapshot): Buffer {
  return Buffer.from(JSON.stringify({ ...rest, configuration: Buffer.from(configuration).toString("base64") }));
}

function decode(bytes: Buffer): SnapshotHead {
  const { configuration, ...rest } = JSON.parse(bytes.toString("utf8")) as SnapshotHead & { configuration: string };
  return { ...rest, configuration: new Uint8Array(Buffer.from(configuration, "base64")) };
}
