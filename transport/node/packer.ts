/**
 * Writes values as MessagePack into one growing buffer, and refuses what may not cross as it goes (../plain-data.ts).
 *
 * A frame is written here from its header to its last envelope: no bytes of a message are copied before the socket takes
 * them. Of our own rather than a library's for that, and because a check, an encoding and a copy in three passes cost
 * three times as much (docs/decisions/0013-wire-version-2.md). Its other half is the unpacker.
 */
import { Ref } from "../../runtime/ref.ts";
import {
  BUFFER_KIND,
  DEPTH_MAX,
  EXTENSION_TYPES,
  findUnplain,
  formatAddress,
  isAddress,
  isWireBigint,
  typedArrayKind,
  VALUES_MAX,
  type PayloadRules,
} from "../index.ts";
import { MsgpackWriter, ROOM, TooLarge } from "./msgpack-writer.ts";

export interface PackerOptions extends PayloadRules {
  /** Whether errors travel with their stack. */
  readonly errorStacks: boolean;
}

export type Packed =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "not-plain" | "too-large"; readonly detail: string };

const PACKED: Packed = { ok: true };

/** Ends the writing of a value that cannot be written; what is wrong is found afterwards, in the value. */
class Unplain extends Error {}

export class Packer extends MsgpackWriter {
  readonly #options: PackerOptions;
  readonly #extended: boolean;
  /** Values that the message may still have. */
  #left = 0;

  constructor(options: PackerOptions) {
    super();
    this.#options = options;
    this.#extended = options.extended;
  }

  /**
   * Writes one value, or nothing when it may not cross or takes more than `bytesMax`. `name` stands for the value in the
   * detail of a refusal. Never throws.
   */
  pack(value: unknown, name: string, bytesMax: number): Packed {
    const start = this.at;
    this.limit = start + bytesMax;
    this.#left = VALUES_MAX;
    try {
      this.#value(value, 0);
      if (this.at > this.limit) throw new TooLarge();
      return PACKED;
    } catch (error) {
      this.at = start;
      if (error instanceof TooLarge) {
        return { ok: false, reason: "too-large", detail: `${name} has more than ${bytesMax} bytes` };
      }
      return { ok: false, reason: "not-plain", detail: explain(error, value, name, this.#options) };
    } finally {
      this.limit = Number.MAX_SAFE_INTEGER;
    }
  }

  #value(value: unknown, depth: number): void {
    if (--this.#left < 0) throw new Unplain();
    this.room(ROOM);
    switch (typeof value) {
      case "string":
        return this.text(value);
      case "number":
        return this.number(value);
      case "boolean":
        this.bytes[this.at++] = value ? 0xc3 : 0xc2;
        return;
      case "undefined":
        return this.undefined();
      case "bigint":
        return this.#bigint(value);
      case "object":
        if (value === null) this.bytes[this.at++] = 0xc0;
        else this.#object(value, depth);
        return;
      default:
        throw new Unplain();
    }
  }

  #object(value: object, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.#fields(value as Readonly<Record<string, unknown>>, depth);
    } else if (Array.isArray(value)) {
      if (depth >= DEPTH_MAX) throw new Unplain();
      const items: readonly unknown[] = value;
      this.array(items.length);
      for (let i = 0; i < items.length; i++) this.#value(items[i], depth + 1);
    } else if (value instanceof Ref) {
      this.#ref(value);
    } else if (value instanceof Uint8Array) {
      if (this.#extended && value instanceof Buffer) this.#typedArray(value, BUFFER_KIND);
      else this.binary(value);
    } else if (this.#extended) {
      this.#instance(value, prototype, depth);
    } else {
      throw new Unplain();
    }
  }

  #fields(fields: Readonly<Record<string, unknown>>, depth: number): void {
    if (depth >= DEPTH_MAX) throw new Unplain();
    let count = 0;
    for (const _ in fields) count += 1;
    if (count < 16) this.bytes[this.at++] = 0x80 | count;
    else this.head(0xde, count);
    for (const key in fields) {
      if (key === "__proto__") throw new Unplain();
      count -= 1;
      this.#left -= 1;
      this.text(key);
      this.#value(fields[key], depth + 1);
    }
    // A getter has added or removed keys since they were counted.
    if (count !== 0) throw new Unplain();
  }

  #instance(value: object, prototype: unknown, depth: number): void {
    const kind = typedArrayKind(value);
    if (kind !== undefined) return this.#typedArray(value as ArrayBufferView, kind);
    if (value instanceof Date) {
      this.head8(EXTENSION_TYPES.date, 8);
      this.float(value.getTime());
      return;
    }
    if (prototype === Map.prototype) return this.#map(value as ReadonlyMap<unknown, unknown>, depth);
    if (prototype === Set.prototype) return this.#set(value as ReadonlySet<unknown>, depth);
    const type = this.#options.types.typeOf(value);
    if (type !== undefined) {
      const start = this.#open(EXTENSION_TYPES.custom, depth);
      this.text(type.tag);
      this.#value(type.encode(value), depth + 1);
      return this.#close(start);
    }
    if (!(value instanceof Error)) throw new Unplain();
    this.#error(value, depth);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    const start = this.#open(EXTENSION_TYPES.map, depth);
    this.uint32(map.size);
    for (const [key, value] of map) {
      this.#value(key, depth + 1);
      this.#value(value, depth + 1);
    }
    this.#close(start);
  }

  #set(set: ReadonlySet<unknown>, depth: number): void {
    const start = this.#open(EXTENSION_TYPES.set, depth);
    this.uint32(set.size);
    for (const item of set) this.#value(item, depth + 1);
    this.#close(start);
  }

  #error(error: Error, depth: number): void {
    // What stands there at run time may be of any type.
    const { name, message, code, cause, stack } = error as { readonly [key in keyof Error | "code"]?: unknown };
    const start = this.#open(EXTENSION_TYPES.error, depth);
    this.text(String(name));
    this.text(String(message));
    this.#value(typeof code === "string" || typeof code === "number" ? code : undefined, depth + 1);
    this.#value(cause, depth + 1);
    this.#value(this.#options.errorStacks && typeof stack === "string" ? stack : undefined, depth + 1);
    this.#close(start);
  }

  #typedArray(view: ArrayBufferView, kind: number): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    this.room(bytes.length + ROOM);
    this.head32(EXTENSION_TYPES.typedArray, bytes.length + 1);
    this.bytes[this.at++] = kind;
    this.copy(bytes);
  }

  #ref(ref: Ref<never>): void {
    if (!isAddress(ref)) throw new Unplain();
    const address = formatAddress(ref);
    // A node's name and a path together may be 1,089 characters.
    this.room(3 * address.length + ROOM);
    const start = this.at + 4;
    const length = this.bytes.write(address, start, "utf8");
    this.bytes[this.at] = 0xc8;
    this.view.setUint16(this.at + 1, length);
    this.bytes[this.at + 3] = EXTENSION_TYPES.ref;
    this.at = start + length;
  }

  #bigint(value: bigint): void {
    if (isWireBigint(value)) {
      this.bytes[this.at] = value < 0n ? 0xd3 : 0xcf;
      this.view.setBigUint64(this.at + 1, BigInt.asUintN(64, value));
      this.at += 9;
      return;
    }
    if (!this.#extended) throw new Unplain();
    const digits = (value < 0n ? -value : value).toString(16);
    const magnitude = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
    this.room(magnitude.length + ROOM);
    this.head32(EXTENSION_TYPES.bigint, magnitude.length + 1);
    this.bytes[this.at++] = value < 0n ? 1 : 0;
    this.copy(magnitude);
  }

  /** An extension whose length is known when it ends; returns where it began. */
  #open(type: number, depth: number): number {
    if (depth >= DEPTH_MAX) throw new Unplain();
    const start = this.at;
    this.head32(type, 0);
    this.room(ROOM);
    return start;
  }

  #close(start: number): void {
    this.view.setUint32(start + 1, this.at - start - 6);
  }
}

function explain(error: unknown, value: unknown, name: string, options: PackerOptions): string {
  try {
    const detail = findUnplain(value, name, options);
    if (detail !== undefined) return detail;
  } catch (thrown) {
    return `${name} cannot be read: ${String(thrown)}`;
  }
  if (!(error instanceof Unplain)) return `${name} cannot be encoded: ${String(error)}`;
  return `${name} changed while it was read, or has more than ${VALUES_MAX} values`;
}
