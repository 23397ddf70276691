import { expect, test } from "vitest";
import { Ref } from "../../../runtime/ref.ts";
import { msgpackPayloadCodec } from "../../../transport/node/index.ts";
import { decodePlain, encodePlain } from "../../../transport/node/msgpack-codec.ts";

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
    "Cannot decode 9 bytes: it ends inside a value",
  );
  expect(() => msgpackPayloadCodec.decode(Uint8Array.of(...bytes, 1))).toThrow("bytes follow the value");
  expect(() => msgpackPayloadCodec.decode(new Uint8Array(0))).toThrow("Cannot decode 0 bytes");
  expect(() => msgpackPayloadCodec.decode(msgpackPayloadCodec.encode({ ref }))).toThrow("it holds a ref");
});

test("encodePlain() refuses an object of more keys than a MessagePack map of 16 bits has", () => {
  const fields = Object.fromEntries(Array.from({ length: 65_536 }, (_, i) => [`k${i}`, 1]));
  expect(encodePlain({ fields }, "message")).toMatchObject({ ok: false, detail: expect.stringMatching(/too large/) });
});

test("decodePlain() gives refs to the resolver, and refuses addresses that are none", () => {
  const encoded = encodePlain({ replyTo: ref, list: [ref] }, "message");
  if (!encoded.ok) throw new Error(encoded.detail);
  const asked: string[] = [];
  const decoded = decodePlain(encoded.bytes, (address) => {
    asked.push(`${address.node} ${address.path}`);
    return ref;
  });
  expect(decoded).toEqual({ ok: true, value: { replyTo: ref, list: [ref] } });
  expect(asked).toEqual(["n1 web/client", "n1 web/client"]);
  for (const text of ["", "n1", "n1/", "/a", "n 1/a", `n1/${"a".repeat(1025)}`]) {
    const bytes = Buffer.from(text);
    const extension = Uint8Array.of(0xc8, bytes.length >> 8, bytes.length, 0x01, ...bytes);
    expect(
      decodePlain(extension, () => ref),
      text,
    ).toEqual({ ok: false, detail: "a ref holds no address" });
  }
});
