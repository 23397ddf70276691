/**
 * Records that know when they are damaged: each value begins with a CRC-32 of its key and of what follows, so a record under
 * another's key is as bad as a torn one.
 */
import { crc32 } from "node:zlib";
import type { LmdbRecord } from "./lmdb-file.ts";

const CHECKSUM_BYTES = 4;

/** What is wrong with a record, or with several together, as the end of a sentence about their file. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  /** Set when the records are whole, but of a format that this version does not know. */
  readonly foreignFormat: number | undefined;

  constructor(message: string, foreignFormat?: number) {
    super(message);
    this.foreignFormat = foreignFormat;
  }
}

export function sealed(key: Buffer, body: Uint8Array): LmdbRecord {
  const value = Buffer.allocUnsafe(CHECKSUM_BYTES + body.length);
  value.writeUInt32BE(crc32(body, crc32(key)), 0);
  value.set(body, CHECKSUM_BYTES);
  return { key, value };
}

/** A view of the body. @throws {RecordError} when the record is damaged; `name` says which it is. */
export function unsealed({ key, value }: LmdbRecord, name: string): Buffer {
  const body = value.subarray(CHECKSUM_BYTES);
  const whole = value.length >= CHECKSUM_BYTES && value.readUInt32BE(0) === crc32(body, crc32(key));
  if (!whole) throw new RecordError(`${name} fails its checksum`);
  return body;
}

/** A record of one kind of which there is one: its key is its tag. */
export function jsonRecord(tag: number, value: object): LmdbRecord {
  return sealed(Buffer.from([tag]), Buffer.from(JSON.stringify(value)));
}

export function parseJsonRecord(record: LmdbRecord): unknown {
  return JSON.parse(unsealed(record, `the record of kind ${record.key[0]}`).toString("utf8"));
}

/** @throws {RecordError} when it is not the record of this format, which stands first in the file. */
export function checkFormat(record: LmdbRecord | undefined, tag: number, wanted: number): void {
  if (record?.key[0] !== tag) throw new RecordError("it has no format record");
  const { format } = parseJsonRecord(record) as { readonly format: number };
  if (format !== wanted) throw new RecordError(`it has format ${format}, wanted ${wanted}`, format);
}
