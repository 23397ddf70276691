/**
 * MessagePack to values, from bytes that anybody may have written: scanned (../scan-msgpack.ts), then read by msgpackr,
 * whole frames at a time, then stand-ins replaced by what they stand for.
 *
 * Two kinds of wrong: bytes that are not the protocol throw `Malformed`, and end the link; a message that this node cannot
 * read but step over (a type of a later version, a `decode` that throws) is `Unreadable`, and only that message is lost.
 */
import type { Address } from "../../runtime/ports/address.ts";
import type { AnyRef } from "../../runtime/ref.ts";
import {
  BUFFER_KIND,
  Malformed,
  MsgpackScanner,
  parseAddress,
  STAND_INS,
  TYPED_ARRAY_KINDS,
  type PayloadRules,
} from "../index.ts";
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
  #unreadable: Unreadable | null = null;
  /** Of what is resolved. */
  #isExtended = false;

  constructor(options: UnpackerOptions) {
    this.#options = options;
    this.#scanner = new MsgpackScanner(options.extended);
  }

  /** Reads one value, or says what in it cannot be read. @throws {Malformed} */
  value(bytes: Uint8Array): unknown {
    const scanner = this.#scanner;
    scanner.open(bytes);
    scanner.value();
    this.#scanned();
    if (scanner.unknown !== null) return new Unreadable(scanner.unknown);
    return this.resolve(unpackValue(bytes), this.#options.extended);
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

  /**
   * Completes a value of what was read last: the value, changed in place, or `Unreadable`. To version 1, that is without
   * `isExtended`, an array that begins with undefined is one. @throws {Malformed}
   */
  resolve(value: unknown, isExtended: boolean): unknown {
    const { hasRefs, hasStandIns } = this.#scanner;
    if (value instanceof Unreadable || (!hasRefs && !(hasStandIns && isExtended))) return value;
    this.#unreadable = null;
    this.#isExtended = isExtended;
    const resolved = this.#resolve(value);
    return this.#unreadable ?? resolved;
  }

  #scanned(): void {
    this.#scanner.close();
    if (this.#scanner.hasRefs && this.#options.resolve === null) throw new Malformed("it holds a ref");
  }

  #oneByOne(bytes: Uint8Array): readonly unknown[] {
    const scanner = this.#scanner;
    scanner.open(bytes);
    const elements: unknown[] = Array.from({ length: scanner.array() });
    for (let i = 0; i < elements.length; i++) {
      const start = scanner.at;
      scanner.value();
      const { unknown } = scanner;
      elements[i] = unknown === null ? unpackValue(bytes, start, scanner.at) : new Unreadable(unknown);
    }
    scanner.close();
    return elements;
  }

  #resolve(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = value;
      if (this.#isExtended && items.length > 0 && items[0] === undefined) return this.#make(items);
      this.#resolveItems(items, 0);
      return items;
    }
    if (value instanceof Uint8Array) return value;
    if (value instanceof UnresolvedRef) return this.#ref(value.address);
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

  #ref(address: Address | undefined): AnyRef {
    const { resolve } = this.#options;
    if (address === undefined || resolve === null) throw new Malformed("a ref holds no address");
    return resolve(address);
  }

  /** What a stand-in stands for: undefined, its kind, and its parts. */
  #make(standIn: unknown[]): unknown {
    this.#resolveItems(standIn, 2);
    const parts = standIn.length - 2;
    const [, kind, first, second] = standIn;
    switch (kind) {
      case STAND_INS.array:
        if (parts > 0 && first === undefined) return standIn.slice(2);
        break;
      case STAND_INS.negativeZero:
        if (parts === 0) return -0;
        break;
      case STAND_INS.ref:
        if (parts === 1 && typeof first === "string") return this.#ref(parseAddress(first));
        break;
      case STAND_INS.bigint:
        if (parts === 1 && typeof first === "string" && /^-?[\da-f]+$/.test(first)) return toBigint(first);
        break;
      case STAND_INS.date:
        if (parts === 1 && typeof first === "number") return new Date(first);
        break;
      case STAND_INS.map:
        if (parts % 2 === 0) return toMap(standIn);
        break;
      case STAND_INS.set:
        return new Set(standIn.slice(2));
      case STAND_INS.typedArray:
        if (parts === 2 && typeof first === "number" && second instanceof Uint8Array) {
          return this.#typedArray(first, second);
        }
        break;
      case STAND_INS.error:
        if (parts === 5 && typeof first === "string" && typeof second === "string") return toError(standIn);
        break;
      case STAND_INS.custom:
        if (parts === 2 && typeof first === "string") return this.#custom(first, second);
        break;
      default:
        if (typeof kind === "number") return this.#lose(`a value of kind ${kind}, which this node does not know`);
        throw new Malformed("a stand-in has no kind");
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

function toMap(standIn: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let i = 2; i < standIn.length; i += 2) map.set(standIn[i], standIn[i + 1]);
  return map;
}

function toError(standIn: readonly unknown[]): Error {
  const [name, message, code, cause, stack] = standIn.slice(2) as [string, string, unknown, unknown, unknown];
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
