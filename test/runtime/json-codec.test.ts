/** The codec without a platform: what goes in comes out, whatever the text. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonCodec } from "../../runtime/index.ts";

test("decode(encode()) gives every JSON value back, in ASCII bytes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const bytes = jsonCodec.encode(value);
      expect(bytes.every((byte) => byte < 0x80)).toBe(true);
      expect(jsonCodec.decode(bytes)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("decode() gives a long text back and refuses half of one", () => {
  const long = "ä".repeat(100_000);
  const bytes = jsonCodec.encode(long);
  expect(jsonCodec.decode(bytes)).toBe(long);
  expect(() => jsonCodec.decode(bytes.subarray(0, 50))).toThrow("JSON");
});
