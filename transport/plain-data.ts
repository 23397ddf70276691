/**
 * Which values may cross between nodes: null, booleans, numbers, bigints, strings, undefined, arrays, plain objects,
 * `Uint8Array` and `Ref`. Everything else (Map, Set, Date, instances, functions) is refused at the sender, with its place
 * in the message: a codec would turn most of it silently into something else, and the receiver would close the link.
 *
 * The walk costs about a tenth of encoding. The simulator, which hands objects over as they are, asks the same question,
 * so a message that only works there is found there.
 */
import { Ref } from "../runtime/ref.ts";
import { isAddress } from "./ref-address.ts";

/** How deep values may nest; the resources people write stay below twenty. Deeper is refused on both sides. */
export const DEPTH_MAX = 64;

/**
 * How many values one message may have, keys counted too: 16 bytes a value in a frame of the largest size. Bounds what a
 * frame of empty maps costs in memory (some 60 bytes each) to a few times the frame. Past it: send bytes.
 */
export const VALUES_MAX: number = 1024 * 1024;

/** What is wrong with `value` and where, for example `message.at is a Date`; undefined when it may cross. */
export function findUnplain(value: unknown, name: string): string | undefined {
  const count = countPlain(value, 0);
  if (count >= 0 && count <= VALUES_MAX) return undefined;
  return explain(value, name, 0) ?? `${name} has more than ${VALUES_MAX} values`;
}

/** The number of values, or -1 as soon as one may not cross. Hot path: no allocation but the key enumeration's. */
function countPlain(value: unknown, depth: number): number {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "undefined":
      return 1;
    case "bigint":
      return isWireBigint(value) ? 1 : -1;
    case "object":
      break;
    default:
      return -1;
  }
  if (value === null) return 1;
  if (depth >= DEPTH_MAX) return isLeaf(value) ? 1 : -1;
  if (Array.isArray(value)) return countItems(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return isLeaf(value) ? 1 : -1;
  return countFields(value as Readonly<Record<string, unknown>>, depth);
}

function countItems(items: readonly unknown[], depth: number): number {
  let count = 1;
  for (let i = 0; i < items.length; i++) {
    const below = countPlain(items[i], depth + 1);
    if (below < 0) return -1;
    count += below;
  }
  return count;
}

function countFields(fields: Readonly<Record<string, unknown>>, depth: number): number {
  let count = 1;
  for (const key in fields) {
    if (key === "__proto__") return -1;
    const below = countPlain(fields[key], depth + 1);
    if (below < 0) return -1;
    count += 1 + below;
  }
  return count;
}

function isLeaf(value: object): boolean {
  return value instanceof Uint8Array || (value instanceof Ref && isAddress(value));
}

/** MessagePack's integers end at 64 bits. */
function isWireBigint(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

/** The slow path: finds the place again and says it in words. */
function explain(value: unknown, name: string, depth: number): string | undefined {
  if (countPlain(value, depth) >= 0) return undefined;
  if (typeof value === "bigint") return `${name} is a bigint of more than 64 bits`;
  if (typeof value !== "object" || value === null) return `${name} is a ${typeof value}`;
  if (value instanceof Ref) return `${name} is a ref to nowhere, ${value.toString()}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  if (!plain) return `${name} is a ${className(value)}`;
  if (depth >= DEPTH_MAX) return `${name} is nested deeper than ${DEPTH_MAX}`;
  if (Object.hasOwn(value, "__proto__")) return `${name} has a key "__proto__"`;
  for (const [key, below] of Object.entries(value)) {
    const found = explain(below, Array.isArray(value) ? `${name}[${key}]` : `${name}.${key}`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "class instance";
}
