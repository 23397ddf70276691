/** The ring against what consistent hashing promises. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { HashRing } from "../../../runtime/routers/hash-ring.ts";

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });
const keys = Array.from({ length: 500 }, (_, i) => `key-${i}`);
const ring = (members: readonly string[], pointsEach = 16): HashRing<string> =>
  new HashRing(members, String, pointsEach);

test("HashRing moves only the keys of a member that comes or goes", () => {
  fc.assert(
    fc.property(names, fc.string({ minLength: 9 }), (members, newcomer) => {
      const before = ring(members);
      const after = ring([...members, newcomer]);
      for (const key of keys) {
        const [was, is] = [before.ownerOf(key), after.ownerOf(key)];
        expect(is === was || is === newcomer).toBe(true);
      }
    }),
  );
});

test("HashRing does not depend on the order of its members", () => {
  fc.assert(
    fc.property(names, (members) => {
      const [one, other] = [ring(members), ring(members.toReversed())];
      for (const key of keys) expect(other.ownerOf(key)).toBe(one.ownerOf(key));
    }),
  );
});

test("HashRing spreads keys over its members, none without a share", () => {
  const members = Array.from({ length: 10 }, (_, i) => `blixard://n${i}/worker`);
  const spread = ring(members, 64);
  const counts = new Map<string | undefined, number>();
  for (let i = 0; i < 20_000; i++) {
    const owner = spread.ownerOf(`user-${i}`);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  expect(counts.size).toBe(10);
  for (const count of counts.values()) {
    expect(count).toBeGreaterThan(1200);
    expect(count).toBeLessThan(3200);
  }
});

test("HashRing without members has no owner", () => {
  expect(ring([]).ownerOf("key")).toBeUndefined();
});

test("HashRing of very many members stays bounded, and each has a point", () => {
  const members = Array.from({ length: 3000 }, (_, i) => `m${i}`);
  const owners = new Set(Array.from({ length: 40_000 }, (_, i) => ring1(members).ownerOf(`k${i}`)));
  expect(owners.size).toBeGreaterThan(2900);
});

let made: HashRing<string> | undefined;
function ring1(members: readonly string[]): HashRing<string> {
  made ??= ring(members, 1024);
  return made;
}
