/**
 * What a codec does to the refs in a message, for a network that hands objects over: a ref's target belongs to the kernel that made
 * it, so the receiver gets one of its own for the same address. Everything without a ref stays the object it is.
 */
import { Ref, type Address, type AnyRef } from "../runtime/index.ts";

export function adoptRefs(value: unknown, resolve: (address: Address) => AnyRef): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Ref) return resolve(value);
  if (Array.isArray(value)) return adoptItems(value, resolve) ?? value;
  if (value instanceof Set) {
    const items = adoptItems([...value], resolve);
    return items === undefined ? value : new Set(items);
  }
  if (value instanceof Map) {
    const keys = adoptItems([...value.keys()], resolve);
    const values = adoptItems([...value.values()], resolve);
    if (keys === undefined && values === undefined) return value;
    const known: readonly unknown[] = values ?? [...value.values()];
    return new Map((keys ?? [...value.keys()]).map((key, i) => [key, known[i]]));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? adoptFields(value, resolve) : value;
}

/** Undefined when none of them holds a ref. */
function adoptItems(items: readonly unknown[], resolve: (address: Address) => AnyRef): unknown[] | undefined {
  let adopted: unknown[] | undefined;
  for (const [i, item] of items.entries()) {
    const own = adoptRefs(item, resolve);
    if (own === item) continue;
    adopted ??= [...items];
    adopted[i] = own;
  }
  return adopted;
}

function adoptFields(value: object, resolve: (address: Address) => AnyRef): object {
  let adopted: Record<string, unknown> | undefined;
  for (const [key, field] of Object.entries(value)) {
    const own = adoptRefs(field, resolve);
    if (own === field) continue;
    adopted ??= { ...value };
    adopted[key] = own;
  }
  return adopted ?? value;
}
