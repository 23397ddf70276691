import fc from "fast-check";
import { pack, Packr } from "msgpackr";
import { expect, test } from "vitest";
import { scanMsgpack } from "../../transport/index.ts";

const packr = new Packr({ useRecords: false });

function detailOf(bytes: Uint8Array | number[]): string | undefined {
  const scanned = scanMsgpack(Uint8Array.from(bytes));
  return scanned.ok ? undefined : scanned.detail;
}

test("scanMsgpack() takes every form of plain data", () => {
  const values = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32, -1, -32, -33, -128, -129, -32_769, -(2 ** 31), 0.5];
  const texts = ["", "a", "a".repeat(31), "a".repeat(32), "ä".repeat(200), "a".repeat(70_000)];
  const bytes = [0, 255, 256, 65_536].map((size) => new Uint8Array(size));
  const arrays = [0, 15, 16, 65_536].map((size) => Array.from({ length: size }, () => 1));
  const maps = [0, 15, 16, 1000].map((size) =>
    Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i])),
  );
  for (const value of [null, true, false, undefined, 5n, -5n, ...values, ...texts, ...bytes, ...arrays, ...maps]) {
    expect(detailOf(packr.pack(value)), typeof value).toBeUndefined();
  }
  expect(detailOf([0xca, 0, 0, 0, 0])).toBeUndefined();
});

test("scanMsgpack() refuses what msgpackr would decode into more than plain data", () => {
  const more = new Packr({ moreTypes: true, structuredClone: true, useRecords: false });
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const values = {
    date: new Date(),
    set: new Set([1]),
    regexp: /a/,
    error: new Error("e"),
    typed: new Float64Array(2),
  };
  for (const [name, value] of Object.entries({ ...values, cycle, huge: 2n ** 200n })) {
    expect(detailOf(more.pack(value)), name).toMatch(/an extension of type|a container is longer/);
  }
  expect(detailOf(pack({ a: 1 }))).toBeUndefined();
  expect(detailOf(new Packr({ useRecords: true, structures: [] }).pack({ a: 1 }))).toBe("bytes follow the value");
  expect(detailOf(new Packr({ useRecords: true }).pack([{ a: 1 }]))).toMatch(/an extension of type 114/);
  expect(
    detailOf(new Packr({ bundleStrings: true, useRecords: false }).pack(["long enough", "for a bundle"])),
  ).toBeDefined();
});

test('scanMsgpack() refuses a map key that is "__proto__" or no string', () => {
  expect(detailOf(packr.pack({ a: JSON.parse('{"__proto__": {"admin": true}}') }))).toBe('a map key is "__proto__"');
  expect(detailOf(packr.pack(["__proto__", { a: "__proto__" }]))).toBeUndefined();
  expect(detailOf(packr.pack(new Map([[1, 2]])))).toBe("a map key is not a string");
  expect(detailOf(packr.pack(new Map([[{ a: 1 }, 2]])))).toBe("a map key is not a string");
});

test("scanMsgpack() refuses values that are cut off, and bytes behind a value", () => {
  const bytes = packr.pack({ text: "a".repeat(300), list: [1, 70_000, { deep: new Uint8Array(9) }], n: 2 ** 40 });
  for (let end = 0; end < bytes.length; end++) expect(detailOf(bytes.subarray(0, end)), `cut at ${end}`).toBeDefined();
  expect(detailOf([...bytes, 0])).toBe("bytes follow the value");
  expect(detailOf([0xc1])).toBe("the byte 0xc1 starts no value");
});

test("scanMsgpack() refuses lengths that promise more than there is, without reading on", () => {
  for (const token of [0xdb, 0xc6, 0xc9]) {
    expect(detailOf([token, 0xff, 0xff, 0xff, 0xff, 0x01]), token.toString(16)).toBe("it ends inside a value");
  }
  for (const token of [0xdd, 0xdf]) {
    expect(detailOf([token, 0xff, 0xff, 0xff, 0xff, 0x01]), token.toString(16)).toBe(
      "a container is longer than the bytes",
    );
  }
});

test("scanMsgpack() refuses what would exhaust the stack or the memory of a decoder", () => {
  expect(detailOf(new Uint8Array(1_000_000).fill(0x91))).toMatch(/nested deeper/);
  const values = 2 ** 21;
  expect(
    detailOf([0xdd, values >>> 24, values >>> 16, values >>> 8, values, ...new Uint8Array(values).fill(0x80)]),
  ).toMatch(/more than \d+ values/);
});

test("scanMsgpack() lets through only what msgpackr decodes without an error", () => {
  let passed = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const scanned = scanMsgpack(bytes);
      if (!scanned.ok || scanned.refs > 0) return;
      passed += 1;
      packr.unpack(bytes);
    }),
    { numRuns: 3000 },
  );
  expect(passed).toBeGreaterThan(0);
});
