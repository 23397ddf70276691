/**
 * Walks the bytes of a MessagePack value before msgpackr sees them, and lets only plain data through.
 *
 * msgpackr decodes more than plain data, and no option turns it off: records (compiled with `new Function`), cyclic
 * references, RegExp, Error, Date, Set, typed arrays of any length, big integers of any size. It renames a key
 * `__proto__`, and recurses as deep as the input says. After this walk none of that can occur, every length lies within
 * the bytes, and the decoder cannot run out of stack or memory. Costs about a tenth of decoding, since the contents of
 * strings and binaries are skipped.
 *
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { DEPTH_MAX, VALUES_MAX } from "./plain-data.ts";
import { REF_EXTENSION_TYPE } from "./ref-address.ts";

export type ScannedBytes =
  /** One whole value of plain data; `refs` is how many refs it holds. */
  { readonly ok: true; readonly refs: number } | { readonly ok: false; readonly detail: string };

export function scanMsgpack(bytes: Uint8Array): ScannedBytes {
  const scanner = new Scanner(bytes);
  const detail = scanner.run();
  return detail === null ? { ok: true, refs: scanner.refs } : { ok: false, detail };
}

/** A message lies in its envelope, the envelope in the frame's array. */
const FRAME_DEPTH_MAX = DEPTH_MAX + 2;

/** A frame holds many small envelopes or one large one: the largest message, its paths, the tag and two arrays. */
const FRAME_VALUES_MAX = VALUES_MAX + 5;

const PROTO_KEY: readonly number[] = Array.from("__proto__", (letter) => letter.charCodeAt(0));

/** `msgpackr` writes `undefined` as an extension of this type with one zero byte. */
const UNDEFINED_EXTENSION_TYPE = 0;

class Scanner {
  refs = 0;
  readonly #bytes: Uint8Array;
  #at = 0;
  #depth = 0;
  /** Values still to come in the innermost container; in a map keys and values alternate, so an even rest is a key's. */
  #left = 1;
  #inMap = false;
  readonly #outerLeft: number[] = [];
  readonly #outerInMap: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** What is wrong, or null. */
  run(): string | null {
    for (let values = 0; values <= FRAME_VALUES_MAX; values++) {
      while (this.#left === 0) {
        if (this.#depth === 0) return this.#at === this.#bytes.length ? null : "bytes follow the value";
        this.#leave();
      }
      const detail = this.#value(this.#inMap && this.#left % 2 === 0);
      if (detail !== null) return detail;
      if (this.#at > this.#bytes.length) return "it ends inside a value";
    }
    return `more than ${FRAME_VALUES_MAX} values`;
  }

  #value(isKey: boolean): string | null {
    const token = this.#uint(1);
    this.#left -= 1;
    if (token >= 0xa0 && token < 0xc0) return this.#text(token - 0xa0, isKey);
    if (token >= 0xd9 && token <= 0xdb) return this.#text(this.#uint(1 << (token - 0xd9)), isKey);
    if (isKey) return "a map key is not a string";
    if (token < 0x80 || token >= 0xe0) return null;
    if (token < 0x90) return this.#enter(token - 0x80, true);
    if (token < 0xa0) return this.#enter(token - 0x90, false);
    switch (token) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return null;
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return this.#skip(this.#uint(1 << (token - 0xc4)));
      case 0xc7: // ext 8, 16, 32
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (token - 0xc7)));
      case 0xca: // float 32, 64
      case 0xcb:
        return this.#skip(4 << (token - 0xca));
      case 0xcc: // uint 8, 16, 32, 64
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#skip(1 << (token - 0xcc));
      case 0xd0: // int 8, 16, 32, 64
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.#skip(1 << (token - 0xd0));
      case 0xd4: // fixext 1, 2, 4, 8, 16
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (token - 0xd4));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#enter(this.#uint(2 << (token - 0xdc)), false);
      case 0xde: // map 16, 32
      case 0xdf:
        return this.#enter(this.#uint(2 << (token - 0xde)), true);
      default:
        return "the byte 0xc1 starts no value";
    }
  }

  #text(length: number, isKey: boolean): string | null {
    if (isKey && length === PROTO_KEY.length && PROTO_KEY.every((byte, i) => this.#bytes[this.#at + i] === byte)) {
      return 'a map key is "__proto__"';
    }
    return this.#skip(length);
  }

  #extension(length: number): string | null {
    const type = this.#uint(1);
    if (type === REF_EXTENSION_TYPE) this.refs += 1;
    else if (type !== UNDEFINED_EXTENSION_TYPE || length !== 1) return `an extension of type ${type}`;
    return this.#skip(length);
  }

  #enter(length: number, isMap: boolean): string | null {
    // Each value takes a byte at least, so a container that promises more than what is left is refused unread.
    const values = isMap ? length * 2 : length;
    if (values > this.#bytes.length - this.#at) return "a container is longer than the bytes";
    if (this.#depth >= FRAME_DEPTH_MAX) return `nested deeper than ${FRAME_DEPTH_MAX}`;
    this.#outerLeft[this.#depth] = this.#left;
    this.#outerInMap[this.#depth] = this.#inMap;
    this.#depth += 1;
    this.#left = values;
    this.#inMap = isMap;
    return null;
  }

  #leave(): void {
    this.#depth -= 1;
    this.#left = this.#outerLeft[this.#depth] ?? 0;
    this.#inMap = this.#outerInMap[this.#depth] ?? false;
  }

  #skip(length: number): null {
    this.#at += length;
    return null;
  }

  /** A big-endian number; past the end it reads zeros, and `run` sees that the position lies behind the bytes. */
  #uint(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.#at += size;
    return value;
  }
}
