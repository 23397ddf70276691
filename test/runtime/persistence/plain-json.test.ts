/** The default codec gives back what it took, or refuses it by its place. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainJson } from "../../../runtime/index.ts";

test("plainJson gives back every JSON value as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // JSON has no -0; what else it would change is refused.
      expect(plainJson.decode(plainJson.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("plainJson refuses what JSON would change, by its place", () => {
  class Money {
    readonly amount = 1;
  }
  const circle: unknown[] = [];
  circle.push(circle);
  const refused: readonly (readonly [unknown, string])[] = [
    [undefined, "the value itself as JSON: it is a undefined"],
    [{ items: new Map() }, '"items" as JSON: it is a Map'],
    [{ items: [1, new Set()] }, '"items.1" as JSON: it is a Set'],
    [{ at: new Date(0) }, '"at" as JSON: it is a Date'],
    [{ a: { b: Number.NaN } }, '"a.b" as JSON: it is NaN'],
    [[1n], '"0" as JSON: it is a bigint'],
    [[undefined], '"0" as JSON: it is a undefined'],
    [{ price: new Money() }, '"price" as JSON: it is a Money'],
    [{ run: () => {} }, '"run" as JSON: it is a function'],
    [{ bytes: new Uint8Array(1) }, '"bytes" as JSON: it is a Uint8Array'],
    [circle, '"0.0.0.0.0" as JSON: it is nested more than 200 deep'],
  ];
  for (const [value, message] of refused) expect(() => plainJson.encode(value)).toThrow(`Cannot keep ${message}`);
  expect(plainJson.decode(plainJson.encode({ left: undefined, kept: 1 }))).toEqual({ kept: 1 });
});
