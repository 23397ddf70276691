/**
 * What the wire knows beyond MessagePack's own types, the only file with their numbers: extension types, marks, and the
 * kinds of typed arrays. Numbers are only ever appended; a removed one stays reserved.
 *
 * An extension carries its length, so a reader steps over one that it does not know: only that message is lost.
 */
export const EXTENSION_TYPES = {
  /** One zero byte. */
  undefined: 0x00,
  /** `node/path`, as text. */
  ref: 0x01,
  /** One byte, of `MARKS`. Since version 2. */
  mark: 0x02,
} as const;

/**
 * What stands for a value that MessagePack has not: an array that begins with a mark, and has behind it what the value is
 * made of. Nested so, it is written and read in the same go as what is around it.
 */
export const MARKS = {
  /** Nothing: -0, which is an integer to MessagePack. */
  negativeZero: 0x00,
  /** A bigint of more than 64 bits: a text, `-` for a negative one and hexadecimal digits. */
  bigint: 0x01,
  /** Milliseconds since the epoch; NaN for an invalid date. */
  date: 0x02,
  /** Keys and values in turn. */
  map: 0x03,
  /** The items. */
  set: 0x04,
  /** A kind (`TYPED_ARRAY_KINDS`) and a binary: the elements, little-endian. */
  typedArray: 0x05,
  /** Name, message, code, cause, stack; what there is not is undefined. */
  error: 0x06,
  /** The tag of a `PayloadType`, and what its `encode` returned. */
  custom: 0x07,
} as const;

/** What begins such an array. */
export class Mark {
  /** Of `MARKS`, or a later version's. */
  readonly kind: number;

  constructor(kind: number) {
    this.kind = kind;
  }
}

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
