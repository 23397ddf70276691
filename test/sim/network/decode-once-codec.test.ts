/** What is equal is decoded once, and nothing else. */
import { expect, test } from "vitest";
import { jsonCodec, type PayloadCodec } from "../../../runtime/index.ts";
import { decodeOnceCodec } from "../../../sim/network/decode-once-codec.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (unit) => unit.charCodeAt(0));

/** Where a snapshot's record stands: in a chunk, behind others. */
const inChunk = (bytes: Uint8Array): Uint8Array => Uint8Array.of(0, 0, ...bytes).subarray(2);

test("decodeOnceCodec() gives the same frozen object for one payload, and for records of equal bytes, wherever they stand", () => {
  const codec = decodeOnceCodec(jsonCodec);
  const bytes = bytesOf('{"vm":{"name":"web"}}');
  const chunk = bytesOf('....{"vm":{"name":"web"}}{"vm":{"name":"www"}}');
  const value = codec.decode(bytes);
  expect(value).toEqual({ vm: { name: "web" } });
  expect(codec.decode(bytes)).toBe(value);
  const record = codec.decode(inChunk(bytes));
  expect(record).toEqual(value);
  expect(codec.decode(chunk.subarray(4, 4 + bytes.length))).toBe(record);
  expect(codec.decode(chunk.subarray(4 + bytes.length))).toEqual({ vm: { name: "www" } });
  for (const one of [value, record]) expect(Object.isFrozen((one as { readonly vm: unknown }).vm)).toBe(true);
});

test("decodeOnceCodec() tells bytes of one checksum apart", () => {
  // Of the same CRC-32, as are many eight letters each.
  const [one, other] = [bytesOf("plumless"), bytesOf("buckeroo")];
  const plain: PayloadCodec = { ...jsonCodec, decode: (bytes) => ({ text: String.fromCharCode(...bytes) }) };
  const codec = decodeOnceCodec(plain);
  expect([one, other, one].map((bytes) => codec.decode(inChunk(bytes)))).toEqual([
    { text: "plumless" },
    { text: "buckeroo" },
    { text: "plumless" },
  ]);
});
