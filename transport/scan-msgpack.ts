/**
 * Walks the bytes of MessagePack values before msgpackr sees them, and lets only what may be in a message through.
 *
 * msgpackr decodes more than data, and no option turns it off: records (compiled with `new Function`), cyclic references,
 * RegExp, bundled texts. It renames a key `__proto__`, and recurses as deep as the input says. After this walk none of that
 * can occur, every length lies within the bytes, and the decoder cannot run out of stack or memory. The contents of texts
 * and binaries are skipped.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { DEPTH_MAX, VALUES_MAX } from "./plain-data.ts";
import { EXTENSION_TYPES } from "./wire-types.ts";

/** These bytes are not what they should be: whoever sent them does not speak the protocol. */
export class Malformed extends Error {}

/** A message lies in its envelope, and that in a frame's array. */
const FRAME_DEPTH = 2;

/** What a frame has beside its largest message: its tag, an envelope, paths, a cause. */
const FRAME_VALUES = 8;

const PROTO_KEY: readonly number[] = Array.from("__proto__", (letter) => letter.charCodeAt(0));

const CUT_OFF = "it ends inside a value";

export class MsgpackScanner {
  /** Where the next value begins. */
  at = 0;
  /** Whether there was an extension of version 1's refs since `open`. */
  hasRefs = false;
  /** Whether there was an array since `open` that begins with undefined. */
  hasStandIns = false;
  /** What the last value holds that this node does not know, but could step over. */
  unknown: string | null = null;
  readonly #extended: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #left = 0;
  /** Of the containers around: twice what is still to come in them, and 1 for a map. */
  readonly #outer: number[] = Array.from({ length: DEPTH_MAX + FRAME_DEPTH }, () => 0);

  /** `extended`: whether unknown extensions are stepped over, or malformed. */
  constructor(extended: boolean) {
    this.#extended = extended;
  }

  /** Starts scanning these bytes. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#left = VALUES_MAX + FRAME_VALUES;
    this.at = 0;
    this.hasRefs = false;
    this.hasStandIns = false;
    this.unknown = null;
  }

  /** Ends it. @throws {Malformed} unless everything has been scanned. */
  close(): void {
    const { length } = this.#bytes;
    this.#bytes = new Uint8Array(0);
    if (this.at !== length) throw new Malformed("bytes follow the value");
  }

  /** Steps over the head of an array and returns its length. @throws {Malformed} */
  array(): number {
    const token = this.#bytes[this.at++] ?? 0;
    if (token >= 0x90 && token < 0xa0) return token - 0x90;
    if (token !== 0xdc && token !== 0xdd) throw new Malformed("it is not an array");
    const size = token === 0xdc ? 2 : 4;
    const length = this.#uint(this.at, size);
    this.at += size;
    return length;
  }

  /** Steps over one value. Sets `unknown`. @throws {Malformed} */
  value(): void {
    const bytes = this.#bytes;
    const outer = this.#outer;
    const end = bytes.length;
    let { at } = this;
    let depth = 0;
    /** Values still to come in the innermost container; in a map an even rest is a key's. */
    let left = 1;
    let inMap = false;
    this.unknown = null;
    for (;;) {
      while (left === 0) {
        if (depth === 0) {
          this.at = at;
          return;
        }
        depth -= 1;
        const packed = outer[depth] as number;
        left = packed >>> 1;
        inMap = (packed & 1) === 1;
      }
      if (at >= end) throw new Malformed(CUT_OFF);
      if (--this.#left < 0) throw new Malformed(`more than ${VALUES_MAX} values`);
      const token = bytes[at++] as number;
      const isKey = inMap && (left & 1) === 0;
      left -= 1;
      let entered = -1;
      let entersMap = false;
      if (token < 0x80 || token >= 0xe0) {
        if (isKey) throw new Malformed("a map key is not a string");
        continue;
      }
      if (token >= 0xa0 && token < 0xc0) {
        const length = token - 0xa0;
        if (isKey && length === PROTO_KEY.length) this.#checkKey(at);
        at += length;
      } else if (token >= 0xd9 && token <= 0xdb) {
        const size = 1 << (token - 0xd9);
        const length = this.#uint(at, size);
        at += size;
        if (isKey && length === PROTO_KEY.length) this.#checkKey(at);
        at += length;
      } else if (isKey) {
        throw new Malformed("a map key is not a string");
      } else if (token < 0x90) {
        entered = 2 * (token - 0x80);
        entersMap = true;
      } else if (token < 0xa0) {
        entered = token - 0x90;
      } else if (token < 0xc4) {
        if (token === 0xc1) throw new Malformed("the byte 0xc1 starts no value");
      } else if (token < 0xc7) {
        const size = 1 << (token - 0xc4); // bin 8, 16, 32
        at += size + this.#uint(at, size);
      } else if (token < 0xca) {
        const size = 1 << (token - 0xc7); // ext 8, 16, 32
        at = this.#extension(at + size, this.#uint(at, size));
      } else if (token < 0xcc) {
        at += 4 << (token - 0xca); // float 32, 64
      } else if (token < 0xd4) {
        at += 1 << (token & 3); // uint and int 8, 16, 32, 64
      } else if (token === 0xd4 && bytes[at] === EXTENSION_TYPES.undefined) {
        at += 2; // the only way to write it, so that it is found at the beginning of an array
      } else if (token < 0xd9) {
        at = this.#extension(at, 1 << (token - 0xd4)); // fixext 1, 2, 4, 8, 16
      } else if (token < 0xde) {
        const size = 2 << (token - 0xdc); // array 16, 32
        entered = this.#uint(at, size);
        at += size;
      } else {
        const size = 2 << (token - 0xde); // map 16, 32
        entered = 2 * this.#uint(at, size);
        entersMap = true;
        at += size;
      }
      if (at > end) throw new Malformed(CUT_OFF);
      if (entered >= 0) {
        // Each value takes a byte at least, so a container that promises more than what is left is refused unread.
        if (entered > end - at) throw new Malformed("a container is longer than the bytes");
        if (depth >= outer.length) throw new Malformed(`nested deeper than ${outer.length}`);
        if (bytes[at] === 0xd4 && bytes[at + 1] === EXTENSION_TYPES.undefined) this.hasStandIns = true;
        outer[depth] = 2 * left + (inMap ? 1 : 0);
        depth += 1;
        left = entered;
        inMap = entersMap;
      }
    }
  }

  #checkKey(at: number): void {
    if (PROTO_KEY.every((byte, i) => this.#bytes[at + i] === byte)) throw new Malformed('a map key is "__proto__"');
  }

  /** Returns where it ends; `at` is behind its length. */
  #extension(at: number, length: number): number {
    const type = this.#uint(at, 1);
    if (type === EXTENSION_TYPES.ref) this.hasRefs = true;
    else if (!this.#extended || type === EXTENSION_TYPES.undefined) throw new Malformed(`an extension of type ${type}`);
    else this.unknown ??= `a value of extension type ${type}, which this node does not know`;
    return at + 1 + length;
  }

  /** A big-endian number. */
  #uint(at: number, size: number): number {
    const bytes = this.#bytes;
    if (at + size > bytes.length) throw new Malformed(CUT_OFF);
    let value = 0;
    for (let i = at; i < at + size; i++) value = value * 256 + (bytes[i] as number);
    return value;
  }
}
