/**
 * What the wire knows beyond MessagePack's own types, the only file with their numbers: extension types, stand-ins, and the
 * kinds of typed arrays. Numbers are only ever appended; a removed one stays reserved.
 *
 * An extension carries its length, so a reader steps over one that it does not know: only that message is lost.
 */
export const EXTENSION_TYPES = {
  /** One zero byte. */
  undefined: 0x00,
  /** `node/path`, as text. Of version 1. */
  ref: 0x01,
} as const;

/**
 * Since version 2, an array that begins with undefined stands for something else: of what kind says its second element, and
 * what it is made of stands behind it. Nested so, it is written and read in the same go as what is around it.
 */
export const STAND_INS = {
  /** The items of an array that begins with undefined itself. */
  array: 0,
  /** Nothing: -0, which is an integer to MessagePack. */
  negativeZero: 1,
  /** `node/path`, as text. */
  ref: 2,
  /** A bigint of more than 64 bits: a text, `-` for a negative one and hexadecimal digits. */
  bigint: 3,
  /** Milliseconds since the epoch; NaN for an invalid date. */
  date: 4,
  /** Keys and values in turn. */
  map: 5,
  /** The items. */
  set: 6,
  /** A kind (`TYPED_ARRAY_KINDS`) and a binary: the elements, little-endian. */
  typedArray: 7,
  /** Name, message, code, cause, stack; what there is not is undefined. */
  error: 8,
  /** The tag of a `PayloadType`, and what its `encode` returned. */
  custom: 9,
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

/** The kind of a typed array; undefined for everything else, a plain `Uint8Array` and subclasses but Buffer included. */
export function typedArrayKind(value: object): number | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const prototype = Object.getPrototypeOf(value) as object;
  const kind = TYPED_ARRAY_KINDS.findIndex((one) => one.prototype === prototype);
  if (kind > BUFFER_KIND) return kind;
  // By its name, since pure code has not the class.
  const isBuffer = kind < 0 && value instanceof Uint8Array && prototype.constructor.name === "Buffer";
  return isBuffer ? BUFFER_KIND : undefined;
}
