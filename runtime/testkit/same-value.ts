/** Whether two messages are the same: by structure, refs by their address, as they would be after a way over the wire. */
import { Ref } from "../ref.ts";

export function sameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (one instanceof Ref) return other instanceof Ref && one.toString() === other.toString();
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof Map) return sameMap(one, other as Map<unknown, unknown>);
  if (one instanceof Set) return sameList([...one], [...(other as Set<unknown>)]);
  if (one instanceof Error) return one.message === (other as Error).message;
  if (ArrayBuffer.isView(one)) {
    return sameList([...(one as unknown as Iterable<unknown>)], [...(other as unknown as Iterable<unknown>)]);
  }
  if (Array.isArray(one)) return sameList(one, other as readonly unknown[]);
  // A date and a boxed number have no fields; what they are worth is what they turn into.
  return sameFields(one, other) && Object.is(primitiveOf(one), primitiveOf(other));
}

/** Of an object without a primitive value: nothing, so that two of them do not differ in it. */
function primitiveOf(value: object): unknown {
  const primitive: unknown = value.valueOf();
  return typeof primitive === "object" ? undefined : primitive;
}

function sameFields(one: object, other: object): boolean {
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && sameValue(fieldOf(one, key), fieldOf(other, key)));
}

function fieldOf(holder: object, key: string): unknown {
  return (holder as Record<string, unknown>)[key];
}

function sameMap(one: ReadonlyMap<unknown, unknown>, other: ReadonlyMap<unknown, unknown>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([key, value]) => other.has(key) && sameValue(value, other.get(key)));
}

function sameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, at) => sameValue(value, other[at]));
}
