/**
 * What the wire knows beyond MessagePack's own types, the only file with their numbers: extension types, and the kinds of
 * typed arrays inside one of them. Numbers are only ever appended; a removed one stays reserved.
 *
 * Every extension carries its length, so a reader steps over one that it does not know: only that message is lost.
 */
export const EXTENSION_TYPES = {
  /** One zero byte. */
  undefined: 0x00,
  /** `node/path`, as text. */
  ref: 0x01,
  /** A bigint of more than 64 bits: a sign (0 or 1), then the magnitude, big-endian. Since version 2, as all below. */
  bigint: 0x02,
  /** Milliseconds since the epoch as a float of 64 bits; NaN for an invalid date. */
  date: 0x03,
  /** A count of 32 bits, then keys and values in turn. */
  map: 0x04,
  /** A count of 32 bits, then the items. */
  set: 0x05,
  /** A kind (`TYPED_ARRAY_KINDS`), then the elements, little-endian. */
  typedArray: 0x06,
  /** Five values: name, message, code, cause, stack; what there is not is undefined. */
  error: 0x07,
  /** Two values: the tag of a `PayloadType`, and what its `encode` returned. */
  custom: 0x08,
} as const;

/** The first protocol version that carries more than plain data, undefined and refs. */
export const EXTENDED_SINCE = 2;

interface TypedArrayKind {
  readonly BYTES_PER_ELEMENT: number;
  readonly prototype: object;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

/** By number. 0 is Node.js's `Buffer`, which pure code knows as bytes; the others as JavaScript has them. */
export const TYPED_ARRAY_KINDS: readonly TypedArrayKind[] = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

export const BUFFER_KIND = 0;

/** The kind of a typed array other than `Uint8Array` and `Buffer`; undefined for everything else, subclasses included. */
export function typedArrayKind(value: object): number | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const kind = TYPED_ARRAY_KINDS.findIndex((one) => one.prototype === prototype);
  return kind > BUFFER_KIND ? kind : undefined;
}
