/**
 * The payload codec that events and snapshots have unless they are given one: JSON, for what JSON gives back as it was.
 *
 * `JSON.stringify` makes `{}` of a map and `null` of a NaN without a word, and the loss shows at the next recovery. This refuses such
 * values by their place, when the event is decided. Left out is what nobody can miss: properties that are `undefined`; -0 comes back as 0.
 */
import { jsonCodec } from "../json-codec.ts";
import type { PayloadCodec } from "../ports/payload-codec.ts";

/** Deeper than any data that is meant; a circle is found by it. */
const DEPTH_MAX = 200;

export const plainJson: PayloadCodec = {
  /** @throws {TypeError} for what JSON would not give back as it was. */
  encode(value: unknown): Uint8Array {
    check(value, [], 0);
    return jsonCodec.encode(value);
  },
  decode: (bytes) => jsonCodec.decode(bytes),
};

function check(value: unknown, path: (string | number)[], depth: number): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (typeof value !== "object") throw refusal(typeof value === "number" ? `${value}` : `a ${typeof value}`, path);
  if (depth > DEPTH_MAX) throw refusal(`nested more than ${DEPTH_MAX} deep`, path.slice(0, 5));
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) checkAt(value[at], path, at, depth);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) {
    throw refusal(`a ${value.constructor.name}`, path);
  }
  for (const [key, part] of Object.entries(value)) if (part !== undefined) checkAt(part, path, key, depth);
}

function checkAt(value: unknown, path: (string | number)[], key: string | number, depth: number): void {
  path.push(key);
  check(value, path, depth + 1);
  path.pop();
}

function refusal(what: string, path: readonly (string | number)[]): TypeError {
  const place = path.length === 0 ? "the value itself" : `"${path.join(".")}"`;
  return new TypeError(
    `Cannot keep ${place} as JSON: it is ${what}. Make plain data of it, or give the actor a codec that knows it`,
  );
}
