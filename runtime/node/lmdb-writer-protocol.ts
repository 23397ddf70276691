/** What the LMDB stores of log and snapshots and their threads say to each other. Each request is answered, in order. */
import type { LmdbRecord } from "./lmdb-file.ts";

export interface WriterOptions {
  /** The file; made if it is missing, with the format record in it. */
  readonly path: string;
  readonly format: LmdbRecord;
}

export type WriterRequest =
  /** Commits the operations as one durable transaction. `bytes` holds records one after the other; see `packRecords`. */
  | { readonly type: "write"; readonly bytes: Uint8Array }
  /** The value that stands under the key. */
  | { readonly type: "read"; readonly key: Uint8Array }
  | { readonly type: "close" };

export type WriterReply =
  | { readonly type: "written" }
  /** Null: there is none. */
  | { readonly type: "read"; readonly value: Uint8Array | null }
  | { readonly type: "failed"; readonly full: boolean; readonly message: string };

/** A record to put, or a key to delete where the value is null. */
export interface Operation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

const HEADER_BYTES = 8;
/** In the place of a value's length: delete the key. Values end far below it. */
const DELETE = 0xffff_ffff;

/** One buffer, to be handed to the other thread without a copy: for each record two lengths, the key, the value. */
export function packOperations(operations: readonly Operation[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = operations.reduce(
    (sum, { key, value }) => sum + HEADER_BYTES + key.length + (value?.length ?? 0),
    0,
  );
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { key, value } of operations) {
    view.setUint32(at, key.length);
    view.setUint32(at + 4, value?.length ?? DELETE);
    bytes.set(key, at + HEADER_BYTES);
    if (value) bytes.set(value, at + HEADER_BYTES + key.length);
    at += HEADER_BYTES + key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** Views into `bytes`, in order. */
export function* unpackOperations(bytes: Uint8Array): Generator<Operation> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const keyStart = at + HEADER_BYTES;
    const valueStart = keyStart + view.getUint32(at);
    const valueBytes = view.getUint32(at + 4);
    const end = valueBytes === DELETE ? valueStart : valueStart + valueBytes;
    const value = valueBytes === DELETE ? null : bytes.subarray(valueStart, end);
    yield { key: bytes.subarray(keyStart, valueStart), value };
    at = end;
  }
}
