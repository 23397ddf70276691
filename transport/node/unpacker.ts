/**
 * MessagePack to values, from bytes that anybody may have written: scanned (../scan-msgpack.ts), then read by msgpackr,
 * whole frames at a time, then refs and marks replaced by what they stand for.
 *
 * Two kinds of wrong: bytes that are not the protocol throw `Malformed`, and end the link; a message that this node cannot
 * read but step over (a type of a later version, a `decode` that throws) is `Unreadable`, and only that message is lost.
 */
import type { Address } from "../../runtime/ports/address.ts";
import type { AnyRef } from "../../runtime/ref.ts";
import { BUFFER_KIND, Malformed, Mark, MARKS, MsgpackScanner, TYPED_ARRAY_KINDS, type PayloadRules } from "../index.ts";
import { unpackValue, UnresolvedRef } from "./msgpack.ts";

export type ResolveRef = (address: Address) => AnyRef;

export interface UnpackerOptions extends PayloadRules {
  /** Makes refs of addresses; without it a ref is malformed. */
  readonly resolve: ResolveRef | null;
}

/** In place of a value that this node cannot read. */
export class Unreadable {
  readonly detail: string;

  constructor(detail: string) {
    this.detail = `it holds ${detail}`;
  }
}

export class Unpacker {
  readonly #options: UnpackerOptions;
  readonly #scanner: MsgpackScanner;
  /** Refs and marks of what was read last that have not been replaced yet. */
  #standIns = 0;
  #unreadable: Unreadable | null = null;

  constructor(options: UnpackerOptions) {
    this.#options = options;
    this.#scanner = new MsgpackScanner(options.extended);
  }

  /** Reads one value, or says what in it cannot be read. @throws {Malformed} */
  value(bytes: Uint8Array): unknown {
    const scanner = this.#scanner;
    scanner.open(bytes);
    scanner.value();
    const { unknown } = scanner;
    this.#scanned();
    if (unknown !== null) return new Unreadable(unknown);
    const value = this.resolve(unpackValue(bytes));
    this.finish();
    return value;
  }

  /**
   * Reads an array up to the messages in it, which `resolve` completes; an element that cannot be read is `Unreadable`.
   * @throws {Malformed}
   */
  array(bytes: Uint8Array): readonly unknown[] {
    const scanner = this.#scanner;
    scanner.open(bytes);
    const length = scanner.array();
    let isWhole = true;
    for (let i = 0; i < length; i++) {
      scanner.value();
      if (scanner.unknown !== null) isWhole = false;
    }
    this.#scanned();
    return isWhole ? (unpackValue(bytes) as unknown[]) : this.#oneByOne(bytes);
  }

  /** Completes a value that was read: the value, changed in place, or `Unreadable`. @throws {Malformed} */
  resolve(value: unknown): unknown {
    if (this.#standIns === 0 || value instanceof Unreadable) return value;
    this.#unreadable = null;
    const resolved = this.#resolve(value);
    return this.#unreadable ?? resolved;
  }

  /** When all that was read is resolved. @throws {Malformed} */
  finish(): void {
    if (this.#standIns <= 0) return;
    // As what it made of them would be delivered for what they stand for.
    throw new Malformed("a ref or a mark is out of place, or another user of msgpackr has its extension type");
  }

  #scanned(): void {
    const scanner = this.#scanner;
    scanner.close();
    if (scanner.refs > 0 && this.#options.resolve === null) throw new Malformed("it holds a ref");
    this.#standIns = scanner.refs + scanner.marks;
  }

  #oneByOne(bytes: Uint8Array): readonly unknown[] {
    const scanner = this.#scanner;
    scanner.open(bytes);
    const elements: unknown[] = Array.from({ length: scanner.array() });
    for (let i = 0; i < elements.length; i++) {
      const start = scanner.at;
      const before = scanner.refs + scanner.marks;
      scanner.value();
      if (scanner.unknown === null) {
        elements[i] = unpackValue(bytes, start, scanner.at);
      } else {
        elements[i] = new Unreadable(scanner.unknown);
        this.#standIns -= scanner.refs + scanner.marks - before;
      }
    }
    scanner.close();
    return elements;
  }

  #resolve(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = value;
      if (items[0] instanceof Mark) return this.#make(items[0].kind, items);
      this.#resolveItems(items, 0);
      return items;
    }
    if (value instanceof Uint8Array) return value;
    if (value instanceof UnresolvedRef) return this.#ref(value);
    if (value instanceof Mark) throw new Malformed("a mark begins no array");
    const fields = value as Record<string, unknown>;
    for (const key in fields) {
      const below = fields[key];
      if (typeof below === "object" && below !== null) fields[key] = this.#resolve(below);
    }
    return fields;
  }

  #resolveItems(items: unknown[], from: number): void {
    for (let i = from; i < items.length; i++) {
      const below = items[i];
      if (typeof below === "object" && below !== null) items[i] = this.#resolve(below);
    }
  }

  #ref({ address }: UnresolvedRef): AnyRef {
    const { resolve } = this.#options;
    if (address === undefined || resolve === null) throw new Malformed("a ref holds no address");
    this.#standIns -= 1;
    return resolve(address);
  }

  /** What the mark of this kind and the parts behind it stand for. */
  #make(kind: number, parts: unknown[]): unknown {
    this.#standIns -= 1;
    this.#resolveItems(parts, 1);
    const { length } = parts;
    const [, first, second] = parts;
    switch (kind) {
      case MARKS.negativeZero:
        if (length === 1) return -0;
        break;
      case MARKS.bigint:
        if (length === 2 && typeof first === "string" && /^-?[\da-f]+$/.test(first)) return toBigint(first);
        break;
      case MARKS.date:
        if (length === 2 && typeof first === "number") return new Date(first);
        break;
      case MARKS.map:
        if (length % 2 === 1) return toMap(parts);
        break;
      case MARKS.set:
        return new Set(parts.slice(1));
      case MARKS.typedArray:
        if (length === 3 && typeof first === "number" && second instanceof Uint8Array) {
          return this.#typedArray(first, second);
        }
        break;
      case MARKS.error:
        if (length === 6 && typeof first === "string" && typeof second === "string") return toError(parts);
        break;
      case MARKS.custom:
        if (length === 3 && typeof first === "string") return this.#custom(first, second);
        break;
      default:
        return this.#lose(`a value of kind ${kind}, which this node does not know`);
    }
    throw new Malformed(`a value of kind ${kind} is not made of what it should be`);
  }

  #typedArray(number: number, bytes: Uint8Array): ArrayBufferView | undefined {
    const Kind = TYPED_ARRAY_KINDS[number];
    if (Kind === undefined) return this.#lose(`a typed array of kind ${number}, which this node does not know`);
    if (bytes.length % Kind.BYTES_PER_ELEMENT !== 0) throw new Malformed("a typed array ends inside an element");
    if (number === BUFFER_KIND) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // A copy: elements must be aligned, and lie anywhere in a frame.
    return new Kind(bytes.slice().buffer);
  }

  #custom(tag: string, plain: unknown): unknown {
    const type = this.#options.types.withTag(tag);
    if (type === undefined) return this.#lose(`a value of type "${tag}", which this node does not know`);
    // What lies below it is missing a part.
    if (this.#unreadable !== null) return undefined;
    try {
      return type.decode(plain);
    } catch (error) {
      return this.#lose(`a value of type "${tag}" that cannot be decoded: ${String(error)}`);
    }
  }

  #lose(detail: string): undefined {
    this.#unreadable ??= new Unreadable(detail);
  }
}

function toBigint(digits: string): bigint {
  return digits.startsWith("-") ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
}

function toMap(parts: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let i = 1; i < parts.length; i += 2) map.set(parts[i], parts[i + 1]);
  return map;
}

/** Of a mark, name, message, code, cause and stack. */
function toError(parts: readonly unknown[]): Error {
  const [name, message, code, cause, stack] = parts.slice(1) as [string, string, unknown, unknown, unknown];
  const error = new Error(message);
  // Its own stack would be that of this reader.
  define(error, "stack", typeof stack === "string" ? stack : `${name}: ${message}`);
  if (name !== error.name) define(error, "name", name);
  if (cause !== undefined) define(error, "cause", cause);
  if (code !== undefined) Object.assign(error, { code });
  return error;
}

/** As the fields of an error that was made here: not enumerable. */
function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
}
