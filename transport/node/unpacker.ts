/**
 * Reads values from MessagePack, in one pass over bytes that anybody may have written: what it returns is made of the
 * payload types and nothing else, and it cannot run out of stack or memory on the way.
 *
 * Not a library's, since one that decodes in general decodes more than that (records compiled with `new Function`, cyclic
 * references, RegExp), so that the bytes had to be walked twice (docs/decisions/0013-wire-version-2.md).
 *
 * Two kinds of wrong: bytes that are not the protocol throw `Malformed`, and end the link; a message that this node cannot
 * read but step over (a type of a later version, a `decode` that throws) is `unreadable`, and only that message is lost.
 */
import type { Address } from "../../runtime/ports/address.ts";
import type { AnyRef } from "../../runtime/ref.ts";
import {
  BUFFER_KIND,
  DEPTH_MAX,
  EXTENSION_TYPES,
  parseAddress,
  TYPED_ARRAY_KINDS,
  VALUES_MAX,
  type PayloadRules,
} from "../index.ts";
import { Malformed, MsgpackReader } from "./msgpack-reader.ts";

export type ResolveRef = (address: Address) => AnyRef;

export interface UnpackerOptions extends PayloadRules {
  /** Makes refs of addresses; without it a ref is malformed. */
  readonly resolve: ResolveRef | null;
}

/** A message lies in its envelope, and that in a frame's array. */
const FRAME_DEPTH = 2;

export class Unpacker extends MsgpackReader {
  /** Why the value that was read last is not to be used. */
  unreadable: string | null = null;
  readonly #options: UnpackerOptions;
  #left = 0;

  constructor(options: UnpackerOptions) {
    super();
    this.#options = options;
  }

  override open(bytes: Uint8Array): void {
    super.open(bytes);
    this.#left = VALUES_MAX;
  }

  /** Reads one value. Sets `unreadable`. @throws {Malformed} */
  value(): unknown {
    this.unreadable = null;
    return this.#value(0);
  }

  #value(depth: number): unknown {
    if (--this.#left < 0) throw new Malformed(`more than ${VALUES_MAX} values`);
    const token = this.byte();
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token < 0x90) return this.#fields(token - 0x80, depth);
    if (token < 0xa0) return this.#items(token - 0x90, depth);
    if (token < 0xc0) return this.textOf(token - 0xa0);
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return this.viewOf(this.length(token - 0xc4));
      case 0xc7: // ext 8, 16, 32
      case 0xc8:
      case 0xc9:
        return this.#extension(this.length(token - 0xc7), depth);
      case 0xca:
        return this.view.getFloat32(this.take(4));
      case 0xcb:
        return this.view.getFloat64(this.take(8));
      case 0xcc: // uint 8, 16, 32
      case 0xcd:
      case 0xce:
        return this.length(token - 0xcc);
      case 0xcf:
        return this.view.getBigUint64(this.take(8));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return this.view.getBigInt64(this.take(8));
      case 0xd4: // fixext 1, 2, 4, 8, 16
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (token - 0xd4), depth);
      case 0xd9: // str 8, 16, 32
      case 0xda:
      case 0xdb:
        return this.textOf(this.length(token - 0xd9));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#items(this.length(token - 0xdb), depth);
      case 0xde: // map 16, 32
      case 0xdf:
        return this.#fields(this.length(token - 0xdd), depth);
      default:
        throw new Malformed("the byte 0xc1 starts no value");
    }
  }

  #items(length: number, depth: number): unknown[] {
    this.#enter(length, depth);
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.#value(depth + 1));
    return items;
  }

  #fields(length: number, depth: number): Record<string, unknown> {
    this.#enter(2 * length, depth);
    this.#left -= length;
    const fields: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const keyLength = this.textLength(this.byte());
      if (keyLength < 0) throw new Malformed("a map key is not a string");
      const key = this.textOf(keyLength);
      if (key === "__proto__") throw new Malformed('a map key is "__proto__"');
      fields[key] = this.#value(depth + 1);
    }
    return fields;
  }

  #extension(length: number, depth: number): unknown {
    const type = this.byte();
    const start = this.at;
    const outerEnd = this.end;
    if (length > outerEnd - start) throw new Malformed("it ends inside a value");
    // Nothing inside can read beyond it, and it must be read to its end.
    this.end = start + length;
    const value = this.#content(type, length, depth);
    if (this.at !== this.end) throw new Malformed(`an extension of type ${type} has ${length} bytes`);
    this.end = outerEnd;
    return value;
  }

  #content(type: number, length: number, depth: number): unknown {
    if (type === EXTENSION_TYPES.undefined) return void this.byte();
    if (type === EXTENSION_TYPES.ref) return this.#ref(length);
    if (!this.#options.extended) throw new Malformed(`an extension of type ${type}`);
    switch (type) {
      case EXTENSION_TYPES.bigint:
        return this.#bigint(length);
      case EXTENSION_TYPES.date:
        return new Date(this.view.getFloat64(this.take(8)));
      case EXTENSION_TYPES.map:
        return this.#map(depth);
      case EXTENSION_TYPES.set:
        return this.#set(depth);
      case EXTENSION_TYPES.typedArray:
        return this.#typedArray();
      case EXTENSION_TYPES.error:
        return this.#error(depth);
      case EXTENSION_TYPES.custom:
        return this.#custom(depth);
      default:
        this.take(length);
        return this.#unreadable(`a value of extension type ${type}, which this node does not know`);
    }
  }

  #ref(length: number): AnyRef {
    const address = parseAddress(this.textOf(length));
    if (address === undefined) throw new Malformed("a ref holds no address");
    const { resolve } = this.#options;
    if (resolve === null) throw new Malformed("it holds a ref");
    return resolve(address);
  }

  #bigint(length: number): bigint {
    if (length < 2) throw new Malformed("a bigint is too short");
    const isNegative = this.byte() === 1;
    const at = this.take(length - 1);
    const magnitude = BigInt(`0x${this.bytes.toString("hex", at, this.at)}`);
    return isNegative ? -magnitude : magnitude;
  }

  #map(depth: number): Map<unknown, unknown> {
    const size = this.uint32();
    this.#enter(2 * size, depth);
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < size; i++) {
      const key = this.#value(depth + 1);
      map.set(key, this.#value(depth + 1));
    }
    return map;
  }

  #set(depth: number): Set<unknown> {
    const size = this.uint32();
    this.#enter(size, depth);
    const set = new Set<unknown>();
    for (let i = 0; i < size; i++) set.add(this.#value(depth + 1));
    return set;
  }

  #typedArray(): ArrayBufferView | undefined {
    const number = this.byte();
    const bytes = this.viewOf(this.end - this.at);
    const Kind = TYPED_ARRAY_KINDS[number];
    if (Kind === undefined) return this.#unreadable(`a typed array of kind ${number}, which this node does not know`);
    if (bytes.length % Kind.BYTES_PER_ELEMENT !== 0) throw new Malformed("a typed array ends inside an element");
    if (number === BUFFER_KIND) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // A copy: elements must be aligned, and lie anywhere in a frame.
    return new Kind(bytes.slice().buffer);
  }

  #error(depth: number): Error {
    this.#enter(5, depth);
    const name = this.text();
    const error = new Error(this.text());
    const code = this.#value(depth + 1);
    const cause = this.#value(depth + 1);
    const stack = this.#value(depth + 1);
    // Its own stack would be that of this reader.
    define(error, "stack", typeof stack === "string" ? stack : `${name}: ${error.message}`);
    if (name !== error.name) define(error, "name", name);
    if (cause !== undefined) define(error, "cause", cause);
    if (code !== undefined) Object.assign(error, { code });
    return error;
  }

  #custom(depth: number): unknown {
    this.#enter(2, depth);
    const tag = this.text();
    const plain = this.#value(depth + 1);
    const type = this.#options.types.withTag(tag);
    if (type === undefined) return this.#unreadable(`a value of type "${tag}", which this node does not know`);
    // What lies below it is missing a part.
    if (this.unreadable !== null) return undefined;
    try {
      return type.decode(plain);
    } catch (error) {
      return this.#unreadable(`a value of type "${tag}" that cannot be decoded: ${String(error)}`);
    }
  }

  /** Each value takes a byte at least, so a container that promises more than what is left is refused unread. */
  #enter(values: number, depth: number): void {
    if (values > this.end - this.at) throw new Malformed("a container is longer than the bytes");
    if (depth >= DEPTH_MAX + FRAME_DEPTH) throw new Malformed(`nested deeper than ${DEPTH_MAX + FRAME_DEPTH}`);
  }

  #unreadable(detail: string): undefined {
    this.unreadable ??= `it holds ${detail}`;
  }
}

/** As the fields of an error that was made here: not enumerable. */
function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
}
