import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { Ref } from "../../../runtime/ref.ts";
import { msgpackPayloadCodec } from "../../../transport/node/index.ts";
import { encodePlain } from "../../../transport/node/msgpack-codec.ts";

const ref = new Ref<never>({ node: "n1", path: "web/client" }, { receive: () => {} });

test("msgpackPayloadCodec reads back what it wrote", () => {
  const value = {
    kind: "Vm",
    spec: { env: { toJSON: "a", constructor: "b", hasOwnProperty: "c" }, cpus: 2 },
    n: [1, null],
  };
  expect(msgpackPayloadCodec.decode(msgpackPayloadCodec.encode(value))).toEqual(value);
});

test("msgpackPayloadCodec writes bytes of their own, so a kept payload holds no buffer of others", () => {
  const bytes = msgpackPayloadCodec.encode({ a: 1 });
  expect(bytes.buffer.byteLength).toBe(bytes.length);
  expect(bytes.constructor).toBe(Uint8Array);
});

test("msgpackPayloadCodec refuses what is no plain data, saying where", () => {
  expect(() => msgpackPayloadCodec.encode({ at: new Date() })).toThrow("Cannot encode: payload.at is a Date");
  expect(() => msgpackPayloadCodec.encode(JSON.parse('{"__proto__": 1}'))).toThrow('payload has a key "__proto__"');
});

test("msgpackPayloadCodec refuses bytes that are not one whole value, and refs", () => {
  const bytes = msgpackPayloadCodec.encode({ a: "text" });
  expect(() => msgpackPayloadCodec.decode(bytes.subarray(0, -1))).toThrow(
    "Cannot decode 7 bytes: it ends inside a value",
  );
  expect(() => msgpackPayloadCodec.decode(Uint8Array.of(...bytes, 1))).toThrow("bytes follow the value");
  expect(() => msgpackPayloadCodec.decode(new Uint8Array(0))).toThrow("Cannot decode 0 bytes");
  expect(() => msgpackPayloadCodec.decode(msgpackPayloadCodec.encode({ ref }))).toThrow("it holds a ref");
});

test("msgpackPayloadCodec reads what msgpackr wrote, as logs of earlier versions are", () => {
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false });
  const value = {
    numbers: [0, -1, 127, 128, 65_536, 2 ** 40, -129, -70_000, 0.5],
    big: [2n ** 63n, -5n],
    text: ["", "a".repeat(300), "Grüße, 世界 🙂".repeat(5000)],
    none: [null, undefined, true, false],
    bytes: new Uint8Array(70_000).fill(7),
    many: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`key ${i}`, [i]])),
  };
  expect(msgpackPayloadCodec.decode(packr.pack(value))).toEqual(value);
});

test("msgpackPayloadCodec writes what msgpackr reads, as peers of version 1 do", () => {
  const value = {
    n: [0, -1, 40_000, -40_000, 3e9, 0.5, 7n],
    text: "ä".repeat(40),
    bytes: new Uint8Array(300),
    u: undefined,
  };
  expect(new Packr({ useRecords: false }).unpack(msgpackPayloadCodec.encode(value))).toEqual(value);
});

test("encodePlain() takes an object of any number of keys", () => {
  const fields = Object.fromEntries(Array.from({ length: 65_536 }, (_, i) => [`k${i}`, 1]));
  const encoded = encodePlain({ fields }, "message");
  if (!encoded.ok) throw new Error(encoded.detail);
  expect(msgpackPayloadCodec.decode(encoded.bytes)).toEqual({ fields });
});
