/**
 * The records of the LMDB journal: what stands under which key, as bytes.
 *
 *     00                             format     JSON {"format":1}
 *     01                             counter    JSON {"lastNumber":…}
 *     02 + name                      stream     number (8), epoch (8), first sequence (8), last sequence (8)
 *     03 + number (8) + sequence (8) event      see below
 *     04 + number (8) + sequence (8) snapshot   see below
 *     05 + number (8) + from (8)     garbage    to (8): events that belong to nothing any more
 *
 *     event       wallMs (float 8), version (8), tags (2), manifest, each tag: length (2) and UTF-8; payload
 *     snapshot    the same, without tags
 *
 * Each value is sealed with a checksum (sealed-record.ts). Numbers in keys are big-endian, so that LMDB's order is theirs.
 */
import type { NewEvent } from "../ports/journal.ts";
import type { StreamRecord } from "../persistence/journal-machine.ts";
import type { LmdbRecord } from "./lmdb-file.ts";
import { jsonRecord, parseJsonRecord, sealed, unsealed } from "./sealed-record.ts";

export const JOURNAL_FORMAT = 1;
export const KEY = { format: 0, counter: 1, stream: 2, event: 3, snapshot: 4, garbage: 5 } as const;

const PLACE_KEY_BYTES = 17;
const STREAM_BYTES = 32;
const BODY_HEADER_BYTES = 18;

export function formatRecord(): LmdbRecord {
  return jsonRecord(KEY.format, { format: JOURNAL_FORMAT });
}

export function counterRecord(lastNumber: number): LmdbRecord {
  return jsonRecord(KEY.counter, { lastNumber });
}

export function parseCounter(record: LmdbRecord): number {
  return (parseJsonRecord(record) as { readonly lastNumber: number }).lastNumber;
}

export const COUNTER_KEY: Buffer = counterRecord(0).key;

export function streamKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(KEY.stream), Buffer.from(name)]);
}

export function streamName(key: Buffer): string {
  return key.toString("utf8", 1);
}

export function streamRecord(name: string, { number, epoch, firstSequence, lastSequence }: StreamRecord): LmdbRecord {
  const body = Buffer.allocUnsafe(STREAM_BYTES);
  for (const [at, value] of [number, epoch, firstSequence, lastSequence].entries()) writeWhole(body, value, at * 8);
  return sealed(streamKey(name), body);
}

export function parseStream(record: LmdbRecord): StreamRecord {
  const body = unsealed(record, `stream "${streamName(record.key)}"`);
  const [number, epoch, firstSequence, lastSequence] = [0, 8, 16, 24].map((at) => readWhole(body, at)) as [
    number,
    number,
    number,
    number,
  ];
  return { number, epoch, firstSequence, lastSequence };
}

/** The key of an event, a snapshot, or of garbage that begins there. */
export function placeKey(tag: number, number: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(PLACE_KEY_BYTES);
  key[0] = tag;
  writeWhole(key, number, 1);
  writeWhole(key, sequence, 9);
  return key;
}

export function parsePlace(key: Buffer): { readonly number: number; readonly sequence: number } {
  return { number: readWhole(key, 1), sequence: readWhole(key, 9) };
}

export function garbageRecord(
  number: number,
  { from, to }: { readonly from: number; readonly to: number },
): LmdbRecord {
  const body = Buffer.allocUnsafe(8);
  writeWhole(body, to, 0);
  return sealed(placeKey(KEY.garbage, number, from), body);
}

/** The last sequence of the garbage. */
export function parseGarbage(record: LmdbRecord): number {
  return readWhole(unsealed(record, "a record of garbage"), 0);
}

/** An event or, without tags, a snapshot. */
export function encodeBody({ manifest, version, wallMs, tags, payload }: NewEvent): Uint8Array {
  const labels = [manifest, ...tags].map((label) => Buffer.from(label));
  const labelBytes = labels.reduce((sum, { length }) => sum + 2 + length, 0);
  const body = Buffer.allocUnsafe(BODY_HEADER_BYTES + labelBytes + payload.length);
  body.writeDoubleBE(wallMs, 0);
  writeWhole(body, version, 8);
  body.writeUInt16BE(tags.length, 16);
  let at = BODY_HEADER_BYTES;
  for (const label of labels) {
    body.writeUInt16BE(label.length, at);
    body.set(label, at + 2);
    at += 2 + label.length;
  }
  body.set(payload, at);
  return body;
}

/** Copies the payload, so that an event which is kept keeps no whole page. */
export function decodeBody(bytes: Uint8Array): NewEvent {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const labels: string[] = [];
  let at = BODY_HEADER_BYTES;
  for (let left = body.readUInt16BE(16) + 1; left > 0; left--) {
    const end = at + 2 + body.readUInt16BE(at);
    labels.push(body.toString("utf8", at + 2, end));
    at = end;
  }
  const [manifest = "", ...tags] = labels;
  const payload = new Uint8Array(body.subarray(at));
  return { manifest, version: readWhole(body, 8), wallMs: body.readDoubleBE(0), tags, payload };
}

/** A whole number up to 2^53 in eight bytes; twice as fast as through a bigint. */
function writeWhole(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}

function readWhole(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
