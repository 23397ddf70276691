/** Ids become names that no other id has. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { entityName, hashShard } from "../../../actors/sharding/entity-name.ts";

test("entityName() keeps plain ids, encodes the rest, and refuses what no actor can be called", () => {
  expect(entityName("cart-17")).toBe("cart-17");
  expect(entityName("a.b@c")).toBe("a_002eb_0040c");
  expect(entityName("")).toBeUndefined();
  for (const none of [undefined, null, 17, {}]) expect(entityName(none)).toBeUndefined();
  expect(entityName("x".repeat(128))).toHaveLength(128);
  expect(entityName("x".repeat(129))).toBeUndefined();
  expect(entityName("_".repeat(26))).toBeUndefined();
});

test("entityName() gives two ids two names that an actor can have", () => {
  // Any UTF-16 units, halves of a pair among them: an id is any text.
  const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
  const id = fc.array(unit, { minLength: 1, maxLength: 20 }).map((units) => units.join(""));
  fc.assert(
    fc.property(id, id, (one, other) => {
      const name = entityName(one);
      expect(name).toMatch(/^[A-Za-z0-9_.-]{1,128}$/);
      if (one !== other) expect(name).not.toBe(entityName(other));
    }),
  );
});

test("hashShard() spreads ids over all shards and stays what it is", () => {
  const counts = Array.from({ length: 16 }, () => 0);
  for (let i = 0; i < 16_000; i++) {
    const shard = hashShard(`entity-${i}`, 16);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(800);
  expect(Math.max(...counts)).toBeLessThan(1200);
  expect(["a", "cart-17", "ä"].map((id) => hashShard(id, 1024))).toEqual([300, 518, 755]);
});
