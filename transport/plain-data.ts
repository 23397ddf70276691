/**
 * Which values may cross between nodes: null, booleans, numbers, bigints, strings, undefined, arrays, plain objects,
 * Map, Set, Date, Error, typed arrays, refs, and what a `PayloadType` is for. Everything else (functions, symbols, other
 * instances, cycles) is refused at the sender, with its place in the message.
 *
 * The packer (node/packer.ts) asks the same as it writes; this walk finds the words when it refused. The simulator, which
 * hands objects over as they are, walks every message, so one that only works there is found there.
 */
import { Ref } from "../runtime/ref.ts";
import { NO_PAYLOAD_TYPES, type PayloadTypes } from "./payload-types.ts";
import { isAddress } from "./ref-address.ts";
import { typedArrayKind } from "./wire-types.ts";

/** How deep values may nest; the resources people write stay below twenty. Deeper is refused on both sides. */
export const DEPTH_MAX = 64;

/**
 * How many values one message may have, keys counted too. Bounds what a frame of empty maps costs the receiver in memory
 * (some 60 bytes each), and its time for one message to a fifth of a second or so. Past it: send bytes.
 */
export const VALUES_MAX: number = 1024 * 1024;

export interface PayloadRules {
  /** Map, Set, Date, Error, all typed arrays, large bigints; without: plain data, `Uint8Array` and refs only. */
  readonly extended: boolean;
  readonly types: PayloadTypes;
}

const EXTENDED_RULES: PayloadRules = { extended: true, types: NO_PAYLOAD_TYPES };

/** What peers of protocol version 1 read, and what the Raft log holds. */
export const PLAIN_RULES: PayloadRules = { extended: false, types: NO_PAYLOAD_TYPES };

/** What is wrong with `value` and where, for example `message.at is a function`; undefined when it may cross. */
export function findUnplain(value: unknown, name: string, rules: PayloadRules = EXTENDED_RULES): string | undefined {
  return new PayloadWalk(rules).problem(value, name);
}

/** One walk; on its way back from what may not cross it collects the keys that lead there. */
class PayloadWalk {
  readonly #rules: PayloadRules;
  readonly #ancestors: object[] = [];
  #left = VALUES_MAX;
  #what = "";
  /** How deep the culprit lies: a cycle is found below it. */
  #depth = 0;
  readonly #keys: string[] = [];

  constructor(rules: PayloadRules) {
    this.#rules = rules;
  }

  problem(value: unknown, name: string): string | undefined {
    if (this.#walk(value, 0)) return undefined;
    if (this.#left < 0) return `${name} has more than ${VALUES_MAX} values`;
    return `${name}${this.#keys.slice(0, this.#depth).join("")} ${this.#what}`;
  }

  /** Whether it may cross. */
  #walk(value: unknown, depth: number): boolean {
    if (--this.#left < 0) return false;
    switch (typeof value) {
      case "string":
      case "number":
      case "boolean":
      case "undefined":
        return true;
      case "bigint":
        return isWireBigint(value) || this.#rules.extended || this.#refuse(depth, "is a bigint of more than 64 bits");
      case "object":
        return value === null || this.#walkObject(value, depth);
      default:
        return this.#refuse(depth, `is a ${typeof value}`);
    }
  }

  #walkObject(value: object, depth: number): boolean {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#enter(value, depth) && this.#walkFields(value as Readonly<Record<string, unknown>>, depth + 1);
    }
    if (Array.isArray(value)) return this.#enter(value, depth) && this.#walkItems(value, depth + 1);
    if (value instanceof Uint8Array) return true;
    if (value instanceof Ref)
      return isAddress(value) || this.#refuse(depth, `is a ref to nowhere, ${value.toString()}`);
    if (!this.#rules.extended) return this.#refuse(depth, `is a ${className(value)}`);
    if (typedArrayKind(value) !== undefined || isDate(value)) return true;
    if (prototype === Map.prototype) {
      return this.#enter(value, depth) && this.#walkMap(value as ReadonlyMap<unknown, unknown>, depth + 1);
    }
    if (prototype === Set.prototype) {
      return this.#enter(value, depth) && this.#walkItems([...(value as ReadonlySet<unknown>)], depth + 1);
    }
    return this.#walkInstance(value, depth);
  }

  #walkInstance(value: object, depth: number): boolean {
    const type = this.#rules.types.typeOf(value);
    if (type !== undefined) {
      let plain: unknown;
      try {
        plain = type.encode(value);
      } catch (error) {
        return this.#refuse(depth, `cannot be encoded as "${type.tag}": ${String(error)}`);
      }
      return this.#enter(value, depth) && this.#walk(plain, depth + 1);
    }
    if (!(value instanceof Error)) return this.#refuse(depth, `is a ${className(value)}`);
    if (!Object.hasOwn(value, "cause")) return true;
    if (!this.#enter(value, depth)) return false;
    return this.#walk(value.cause, depth + 1) || this.#under(depth, ".cause");
  }

  #walkItems(items: readonly unknown[], depth: number): boolean {
    for (let i = 0; i < items.length; i++) {
      if (!this.#walk(items[i], depth)) return this.#under(depth - 1, `[${i}]`);
    }
    return true;
  }

  #walkFields(fields: Readonly<Record<string, unknown>>, depth: number): boolean {
    for (const key in fields) {
      if (key === "__proto__") return this.#refuse(depth - 1, 'has a key "__proto__"');
      this.#left -= 1;
      if (!this.#walk(fields[key], depth)) return this.#under(depth - 1, `.${key}`);
    }
    return true;
  }

  #walkMap(map: ReadonlyMap<unknown, unknown>, depth: number): boolean {
    let i = 0;
    for (const [key, value] of map) {
      if (!this.#walk(key, depth)) return this.#under(depth - 1, `.keys()[${i}]`);
      if (!this.#walk(value, depth)) return this.#under(depth - 1, placeInMap(key, i));
      i += 1;
    }
    return true;
  }

  /** Whether something may lie below `value`. */
  #enter(value: object, depth: number): boolean {
    if (depth < DEPTH_MAX) {
      this.#ancestors[depth] = value;
      return true;
    }
    // Looked for here instead of at each step: a cycle always comes this deep.
    const above = this.#ancestors.slice(0, depth).concat(value);
    const again = above.findIndex((one, i) => above.indexOf(one) < i);
    if (again >= 0) return this.#refuse(again, "is cyclic");
    return this.#refuse(depth, `is nested deeper than ${DEPTH_MAX}`);
  }

  #refuse(depth: number, what: string): false {
    this.#what = what;
    this.#depth = depth;
    return false;
  }

  #under(depth: number, key: string): false {
    this.#keys[depth] = key;
    return false;
  }
}

/** MessagePack's integers end at 64 bits. */
export function isWireBigint(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

/** Without the global, which pure code has not. Who calls itself one by `Symbol.toStringTag` is refused by the packer. */
function isDate(value: object): boolean {
  return Object.prototype.toString.call(value) === "[object Date]";
}

function placeInMap(key: unknown, i: number): string {
  return typeof key === "string" || typeof key === "number" ? `.get(${JSON.stringify(key)})` : `.values()[${i}]`;
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "class instance";
}
