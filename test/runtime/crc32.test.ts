/** The checksum of the pure folders is zlib's. */
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "../../runtime/index.ts";

test("crc32() is what zlib says, of a whole and of parts one after the other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (first, second) => {
      const whole = zlibCrc32(Buffer.concat([first, second]));
      expect(crc32(second, crc32(first))).toBe(whole);
      expect(crc32(second, zlibCrc32(first))).toBe(whole);
    }),
  );
  expect(crc32(new Uint8Array(0))).toBe(0);
});
