/**
 * Which values may cross between nodes: null, booleans, numbers, bigints, strings, undefined, arrays, plain objects,
 * Map, Set, Date, Error, typed arrays, refs, and what a `PayloadType` is for. Everything else (functions, symbols, other
 * instances, cycles) is refused at the sender, with its place in the message.
 *
 * The same walk makes what msgpackr writes: the message itself, but what MessagePack has not is replaced by a
 * stand-in (wire-types.ts), and what lies above that is copied. A message of plain data is not copied at all.
 *
 * The simulator, which hands objects over as they are, walks every message, so one that only works there is found there.
 */
import { Ref } from "../runtime/ref.ts";
import { NO_PAYLOAD_TYPES, type PayloadType, type PayloadTypes } from "./payload-types.ts";
import { formatAddress, isAddress } from "./ref-address.ts";
import { STAND_INS, typedArrayKind } from "./wire-types.ts";

/** How deep values may nest; the resources people write stay below twenty. Deeper is refused on both sides. */
export const DEPTH_MAX = 64;

/**
 * How many values one message may have, keys counted too. Bounds what a frame of empty maps costs the receiver in memory
 * (some 60 bytes each), and its time for one message to a fifth of a second or so. Past it: send bytes.
 */
export const VALUES_MAX: number = 1024 * 1024;

export interface PayloadRules {
  /** Map, Set, Date, Error, all typed arrays, large bigints, -0; without: plain data, `Uint8Array` and refs only. */
  readonly extended: boolean;
  readonly types: PayloadTypes;
  /** Whether errors travel with their stack. Default: no. */
  readonly errorStacks?: boolean;
}

const EXTENDED_RULES: PayloadRules = { extended: true, types: NO_PAYLOAD_TYPES };

/** What peers of protocol version 1 read, and what the Raft log holds. */
export const PLAIN_RULES: PayloadRules = { extended: false, types: NO_PAYLOAD_TYPES };

/** What is wrong with `value` and where, for example `message.at is a function`; undefined when it may cross. */
export function findUnplain(value: unknown, name: string, rules: PayloadRules = EXTENDED_RULES): string | undefined {
  const walk = new PayloadWalk(rules);
  return walk.wireForm(value) === REFUSED ? walk.problem(name) : undefined;
}

/** In place of a value that may not cross. */
export const REFUSED: unique symbol = Symbol("refused");

const NEGATIVE_ZERO: readonly unknown[] = [undefined, STAND_INS.negativeZero];

/** Walks one value after the other; on its way back from what may not cross it collects the keys that lead there. */
export class PayloadWalk {
  /** The last value takes at least so many bytes: its texts and binaries, each character one. */
  bytes = 0;
  readonly #rules: PayloadRules;
  readonly #extended: boolean;
  #left = 0;
  #what = "";
  /** How deep the culprit lies. */
  #depth = 0;
  readonly #keys: string[] = [];
  readonly #ancestors: object[] = [];

  constructor(rules: PayloadRules) {
    this.#rules = rules;
    this.#extended = rules.extended;
  }

  /** What msgpackr is to write; `REFUSED` when the value may not cross. Throws what its getters throw. */
  wireForm(value: unknown): unknown {
    this.bytes = 0;
    this.#left = VALUES_MAX;
    return this.#walk(value, 0);
  }

  /** Why the last value was refused; `name` stands for it. */
  problem(name: string): string {
    const above = this.#ancestors.slice(0, this.#depth + 1);
    const again = above.findIndex((one, i) => above.indexOf(one) < i);
    const depth = again < 0 ? this.#depth : again;
    const what = again < 0 ? this.#what : "is cyclic";
    const place = `${name}${this.#keys.slice(0, depth).join("")}`;
    this.#keys.length = 0;
    this.#ancestors.length = 0;
    return this.#left < 0 ? `${name} has more than ${VALUES_MAX} values` : `${place} ${what}`;
  }

  #walk(value: unknown, depth: number): unknown {
    if (--this.#left < 0) return REFUSED;
    switch (typeof value) {
      case "string":
        this.bytes += value.length;
        return value;
      case "number":
        return value === 0 && this.#extended && 1 / value < 0 ? this.#standIn(NEGATIVE_ZERO) : value;
      case "boolean":
      case "undefined":
        return value;
      case "bigint":
        return isWireBigint(value) ? value : this.#bigint(value, depth);
      case "object":
        return value === null ? null : this.#object(value, depth);
      default:
        return this.#refuse(depth, `is a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#fields(value as Readonly<Record<string, unknown>>, depth);
    }
    if (Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Ref) {
      if (!isAddress(value)) return this.#refuse(depth, `is a ref to nowhere, ${value.toString()}`);
      return this.#extended ? this.#standIn([undefined, STAND_INS.ref, formatAddress(value)]) : value;
    }
    if (ArrayBuffer.isView(value)) return this.#view(value, depth);
    if (!this.#extended) return this.#refuse(depth, `is a ${className(value)}`);
    if (prototype === Map.prototype) return this.#map(value as ReadonlyMap<unknown, unknown>, depth);
    if (prototype === Set.prototype) {
      const items = this.#items(value, [...(value as ReadonlySet<unknown>)], depth);
      return items === REFUSED ? REFUSED : this.#standIn([undefined, STAND_INS.set, ...(items as readonly unknown[])]);
    }
    return this.#instance(value, depth);
  }

  #fields(fields: Readonly<Record<string, unknown>>, depth: number): unknown {
    if (depth >= DEPTH_MAX) return this.#refuseDeep(fields, depth);
    let copy: Record<string, unknown> | null = null;
    for (const key in fields) {
      if (key === "__proto__") return this.#refuse(depth, 'has a key "__proto__"');
      this.#left -= 1;
      this.bytes += key.length;
      const below = fields[key];
      const wire = this.#walk(below, depth + 1);
      if (wire === below) continue;
      if (wire === REFUSED) return this.#under(fields, depth, `.${key}`);
      copy ??= { ...fields };
      copy[key] = wire;
    }
    return copy ?? fields;
  }

  #array(items: readonly unknown[], depth: number): unknown {
    const wire = this.#items(items, items, depth);
    if (wire === REFUSED || !this.#extended || items.length === 0 || items[0] !== undefined) return wire;
    return this.#standIn([undefined, STAND_INS.array, ...(wire as readonly unknown[])]);
  }

  /** `owner` is what the items are in. */
  #items(owner: object, items: readonly unknown[], depth: number): unknown {
    if (depth >= DEPTH_MAX) return this.#refuseDeep(owner, depth);
    let copy: unknown[] | null = null;
    for (let i = 0; i < items.length; i++) {
      const below = items[i];
      const wire = this.#walk(below, depth + 1);
      if (wire === below) continue;
      if (wire === REFUSED) return this.#under(owner, depth, `[${i}]`);
      copy ??= [...items];
      copy[i] = wire;
    }
    return copy ?? items;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): unknown {
    if (depth >= DEPTH_MAX) return this.#refuseDeep(map, depth);
    const wire: unknown[] = [undefined, STAND_INS.map];
    for (const [key, value] of map) {
      const wireKey = this.#walk(key, depth + 1);
      if (wireKey === REFUSED) return this.#under(map, depth, `.keys()[${wire.length / 2 - 1}]`);
      const wireValue = this.#walk(value, depth + 1);
      if (wireValue === REFUSED) return this.#under(map, depth, placeInMap(key, wire.length / 2 - 1));
      wire.push(wireKey, wireValue);
    }
    return this.#standIn(wire);
  }

  #instance(value: object, depth: number): unknown {
    if (isDate(value)) return this.#standIn([undefined, STAND_INS.date, value.getTime()]);
    const type = this.#rules.types.typeOf(value);
    if (type !== undefined) return this.#custom(type, value, depth);
    if (value instanceof Error) return this.#error(value, depth);
    return this.#refuse(depth, `is a ${className(value)}`);
  }

  #custom(type: PayloadType, value: object, depth: number): unknown {
    if (depth >= DEPTH_MAX) return this.#refuseDeep(value, depth);
    let plain: unknown;
    try {
      plain = type.encode(value);
    } catch (error) {
      return this.#refuse(depth, `cannot be encoded as "${type.tag}": ${String(error)}`);
    }
    const wire = this.#walk(plain, depth + 1);
    return wire === REFUSED
      ? this.#under(value, depth, "")
      : this.#standIn([undefined, STAND_INS.custom, type.tag, wire]);
  }

  #error(error: Error, depth: number): unknown {
    if (depth >= DEPTH_MAX) return this.#refuseDeep(error, depth);
    // What stands there at run time may be of any type.
    const { name, message, code, stack } = error as { readonly [key in keyof Error | "code"]?: unknown };
    const cause = Object.hasOwn(error, "cause") ? this.#walk(error.cause, depth + 1) : undefined;
    if (cause === REFUSED) return this.#under(error, depth, ".cause");
    const isCode = typeof code === "string" || typeof code === "number";
    const isStack = this.#rules.errorStacks === true && typeof stack === "string";
    const parts = [String(name), String(message), isCode ? code : undefined, cause, isStack ? stack : undefined];
    return this.#standIn([undefined, STAND_INS.error, ...parts]);
  }

  #view(view: ArrayBufferView, depth: number): unknown {
    this.bytes += view.byteLength;
    const kind = this.#extended ? typedArrayKind(view) : undefined;
    if (kind === undefined) {
      return view instanceof Uint8Array ? view : this.#refuse(depth, `is a ${className(view)}`);
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return this.#standIn([undefined, STAND_INS.typedArray, kind, bytes]);
  }

  #bigint(value: bigint, depth: number): unknown {
    if (!this.#extended) return this.#refuse(depth, "is a bigint of more than 64 bits");
    const digits = value.toString(16);
    this.bytes += digits.length;
    return this.#standIn([undefined, STAND_INS.bigint, digits]);
  }

  /** Its array is a value, which has been counted, and so may some of its parts have been. */
  #standIn(wire: readonly unknown[]): readonly unknown[] {
    this.#left -= Math.min(wire.length, STAND_IN_PARTS);
    return wire;
  }

  #refuse(depth: number, what: string): typeof REFUSED {
    this.#what = what;
    this.#depth = depth;
    this.#ancestors.length = 0;
    return REFUSED;
  }

  #refuseDeep(value: object, depth: number): typeof REFUSED {
    this.#refuse(depth, `is nested deeper than ${DEPTH_MAX}`);
    this.#ancestors[depth] = value;
    return REFUSED;
  }

  /** Remembers where in `container` the culprit is. */
  #under(container: object, depth: number, key: string): typeof REFUSED {
    this.#keys[depth] = key;
    this.#ancestors[depth] = container;
    return REFUSED;
  }
}

/** An error's: undefined, the kind and five parts. No other has more that are not walked. */
const STAND_IN_PARTS = 7;

/** MessagePack's integers end at 64 bits. */
function isWireBigint(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

/** Without the global, which pure code has not: only its own method can tell one. */
function isDate(value: object): value is { getTime(): number } {
  if (Object.prototype.toString.call(value) !== "[object Date]") return false;
  return "getTime" in value && typeof value.getTime === "function" && typeof value.getTime() === "number";
}

function placeInMap(key: unknown, i: number): string {
  return typeof key === "string" || typeof key === "number" ? `.get(${JSON.stringify(key)})` : `.values()[${i}]`;
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "class instance";
}
