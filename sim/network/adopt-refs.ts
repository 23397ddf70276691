/**
 * What a codec does to the refs in a message, for a network that hands objects over: a ref's target belongs to the kernel that made
 * it, so the receiver gets one of its own for the same address. So does it get an instance of its own of an application's type,
 * through `encode` and `decode`. Everything without either stays the object it is.
 */
import { Ref, type Address, type AnyRef } from "../../runtime/index.ts";
import type { PayloadTypes } from "../../transport/index.ts";

/** What the receiver has of its own. */
export interface Adopter {
  resolve(address: Address): AnyRef;
  readonly types: PayloadTypes;
}

/** @throws what a `decode` throws. */
export function adoptRefs(value: unknown, adopter: Adopter): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Ref) return adopter.resolve(value);
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return adoptItems(value, adopter) ?? value;
  if (value instanceof Set) {
    const items = adoptItems([...value], adopter);
    return items === undefined ? value : new Set(items);
  }
  if (value instanceof Map) {
    const keys = adoptItems([...value.keys()], adopter);
    const values = adoptItems([...value.values()], adopter);
    if (keys === undefined && values === undefined) return value;
    const known: readonly unknown[] = values ?? [...value.values()];
    return new Map((keys ?? [...value.keys()]).map((key, i) => [key, known[i]]));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return adoptFields(value, adopter);
  const type = adopter.types.typeOf(value);
  return type === undefined ? value : type.decode(adoptRefs(type.encode(value), adopter));
}

/** Undefined when none of them holds a ref. */
function adoptItems(items: readonly unknown[], adopter: Adopter): unknown[] | undefined {
  let adopted: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    // Most of what is sent is numbers and bytes: nothing is called for the one, and next to nothing for the other.
    if (typeof item !== "object" || item === null) continue;
    const own = adoptRefs(item, adopter);
    if (own === item) continue;
    adopted ??= [...items];
    adopted[i] = own;
  }
  return adopted;
}

function adoptFields(value: object, adopter: Adopter): object {
  let adopted: Record<string, unknown> | undefined;
  for (const key in value) {
    const field = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof field !== "object" || field === null) continue;
    const own = adoptRefs(field, adopter);
    if (own === field) continue;
    adopted ??= { ...value };
    adopted[key] = own;
  }
  return adopted ?? value;
}
