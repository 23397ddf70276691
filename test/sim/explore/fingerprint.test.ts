import fc from "fast-check";
import { expect, test } from "vitest";
import { Fingerprint } from "../../../sim/explore/fingerprint.ts";

function fingerprintOf(value: unknown): string {
  const fingerprint = new Fingerprint();
  fingerprint.value(value);
  const { high, low } = fingerprint.digest();
  return `${high} ${low}`;
}

test("Fingerprint tells apart what is not the same", () => {
  const values = [
    0,
    1,
    -1,
    0.5,
    2 ** 40,
    "",
    "0",
    "a",
    "ab",
    null,
    undefined,
    true,
    false,
    [],
    [[]],
    [0],
    [0, 0],
    {},
    { a: 0 },
  ];
  const more = [
    { b: 0 },
    { a: 1 },
    { a: undefined },
    new Map(),
    new Map([["a", 0]]),
    new Set(),
    new Set([0]),
    ["a", "b"],
    ["ab"],
  ];
  const fingerprints = [...values, ...more].map(fingerprintOf);
  expect(new Set(fingerprints).size).toBe(fingerprints.length);
});

test("Fingerprint does not look at the order of fields, keys and members", () => {
  expect(fingerprintOf({ a: 1, b: [2] })).toBe(fingerprintOf({ b: [2], a: 1 }));
  expect(fingerprintOf(new Set([1, "x", null]))).toBe(fingerprintOf(new Set([null, 1, "x"])));
  expect(fingerprintOf(new Map<unknown, number>([["a", 1], [2, 2]]))).toBe(fingerprintOf(new Map<unknown, number>([[2, 2], ["a", 1]]))); // prettier-ignore
});

test("Fingerprint is equal exactly where JSON is", () => {
  const values = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(values, values, (one, other) => {
      const [a, b] = [one, other].map((value) => JSON.parse(JSON.stringify(value)) as unknown);
      let isEqual = true;
      try {
        expect(a).toEqual(b);
      } catch {
        isEqual = false;
      }
      expect(fingerprintOf(a) === fingerprintOf(b)).toBe(isEqual);
    }),
  );
});

test("Fingerprint has no collision among 64,000 lists of small numbers", () => {
  const fingerprint = new Fingerprint();
  const seen = new Set<number>();
  for (let one = 0; one < 40; one++) {
    for (let two = 0; two < 40; two++) {
      for (let three = 0; three < 40; three++) {
        fingerprint.reset();
        fingerprint.word(one);
        fingerprint.word(two);
        fingerprint.word(three);
        const { high, low } = fingerprint.digest();
        // 53 of the 64 bits.
        seen.add((high % 2 ** 21) * 2 ** 32 + low);
      }
    }
  }
  expect(seen.size).toBe(64_000);
});
