/**
 * The payload codec of a run: what is equal is encoded and decoded once, and all replicas get the same frozen object.
 *
 * Replicas apply the whole log at every start, and write and read snapshots of a state most of which was in the snapshot before; doing
 * that anew each time would take most of a run. What was encoded is frozen, so that whoever changes it afterwards is noticed.
 */
import { crc32, type PayloadCodec } from "../../runtime/index.ts";
import { freezeDeep } from "./strict-message.ts";

/** Values remembered by their bytes; beyond it all are forgotten and decoded anew. Some megabytes. */
const DECODED_MAX = 8192;

/** Records that are longer are not looked for by their bytes. */
const KEY_BYTES_MAX = 2048;

/** What was decoded from these bytes. */
interface Decoded {
  readonly bytes: Uint8Array;
  readonly value: unknown;
}

/** What a snapshot's records wrap, and how such a record was encoded. */
interface Encoded {
  readonly record: Fields;
  readonly bytes: Uint8Array;
}

type Fields = Readonly<Record<string, unknown>>;

export function decodeOnceCodec(codec: PayloadCodec): PayloadCodec {
  /** Payloads of entries: whoever has the entry has the same bytes. */
  const decoded = new WeakMap<Uint8Array, unknown>();
  /** By the checksum of their bytes; of two that share one, the later. */
  const bySum = new Map<number, Decoded>();
  /** Records of a snapshot's chunk, by where they stand in it. */
  const byPlace = new WeakMap<ArrayBufferLike, Map<number, unknown>>();
  const encoded = new WeakMap<object, Encoded>();

  const decodeAnew = (bytes: Uint8Array): unknown => {
    const value = codec.decode(bytes);
    freezeDeep(value);
    return value;
  };

  const decodeOnce = (bytes: Uint8Array): unknown => {
    if (bytes.length > KEY_BYTES_MAX) return decodeAnew(bytes);
    const sum = crc32(bytes);
    const known = bySum.get(sum);
    if (known !== undefined && areEqual(known.bytes, bytes)) return known.value;
    const value = decodeAnew(bytes);
    if (bySum.size >= DECODED_MAX) bySum.clear();
    // A copy: a view would keep all of a snapshot's chunk alive.
    bySum.set(sum, { bytes: bytes.slice(), value });
    return value;
  };

  return {
    encode: (value) => {
      const wrapped = wrappedIn(value);
      if (wrapped === null) return codec.encode(value);
      const record = value as Fields;
      const known = encoded.get(wrapped);
      if (known !== undefined && isSame(known.record, record)) return known.bytes;
      freezeDeep(wrapped);
      const bytes = codec.encode(value);
      encoded.set(wrapped, { record, bytes });
      return bytes;
    },
    decode: (bytes) => {
      if (bytes.length === bytes.buffer.byteLength) {
        let value = decoded.get(bytes);
        if (value === undefined) {
          value = decodeAnew(bytes);
          decoded.set(bytes, value);
        }
        return value;
      }
      let places = byPlace.get(bytes.buffer);
      if (places === undefined) {
        places = new Map();
        byPlace.set(bytes.buffer, places);
      }
      let value = places.get(bytes.byteOffset);
      if (value === undefined) {
        value = decodeOnce(bytes);
        places.set(bytes.byteOffset, value);
      }
      return value;
    },
  };
}

/** The one object of `{ type, …, object }`, as the records of a snapshot are made anew around what stays the same; else null. */
function wrappedIn(value: unknown): object | null {
  if (typeof value !== "object" || value === null) return null;
  let wrapped: object | null = null;
  for (const key in value) {
    const field = (value as Fields)[key];
    if (typeof field !== "object" || field === null) continue;
    if (wrapped !== null) return null;
    wrapped = field;
  }
  return wrapped;
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** Whether two records have the same in the same fields. */
function isSame(one: Fields, other: Fields): boolean {
  for (const key in one) if (one[key] !== other[key]) return false;
  for (const key in other) if (!(key in one)) return false;
  return true;
}
