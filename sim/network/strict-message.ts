/** What a codec would enforce and the simulator, which hands objects over, must ask for: payload types, never changed later. */
import { findUnplain, type PayloadTypes } from "../../transport/index.ts";
import { Ref, type Envelope } from "../../runtime/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

export function requirePlain(envelope: Envelope, timeline: Timeline, types: PayloadTypes): void {
  const found = findUnplain(envelope.message, "message", { extended: true, types });
  if (found === undefined) return;
  timeline.fail("plain-messages", `To ${envelope.to.node}/${envelope.to.path}: ${found}, which no frame can carry`);
}

/** Freezes everything below `value` but bytes, which cannot be frozen, and refs, which belong to the kernel. */
export function freezeDeep(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  if (isPlain(value)) {
    Object.freeze(value);
    for (const key in value) {
      const below = (value as Readonly<Record<string, unknown>>)[key];
      if (typeof below === "object" && below !== null) freezeDeep(below);
    }
    return;
  }
  if (value instanceof Ref || ArrayBuffer.isView(value)) return;
  if (value instanceof Map || value instanceof Set) {
    for (const key of value.keys()) freezeDeep(key);
    for (const item of value.values()) freezeDeep(item);
  }
  sealMutators(value);
  Object.freeze(value);
  for (const below of Object.values(value)) freezeDeep(below);
  if (value instanceof Error) freezeDeep(value.cause);
}

/** Most of what is sent, which has nothing but its own fields to freeze. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

const MUTATOR = /^(?:set|add$|delete$|clear$)/;

/** What a Map, a Set and a Date hold is not in their properties: the methods that change it throw from now on. */
function sealMutators(value: object): void {
  const kind = Object.prototype.toString.call(value);
  if (kind !== "[object Map]" && kind !== "[object Set]" && kind !== "[object Date]") return;
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(value))) {
    if (!MUTATOR.test(name)) continue;
    Object.defineProperty(value, name, {
      value: () => {
        throw new TypeError(`Cannot call ${name}: this ${kind.slice(8, -1)} was sent in a message`);
      },
    });
  }
}
