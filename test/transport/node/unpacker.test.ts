/** The packer and the unpacker together: what goes in comes out, and nothing else can. */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import {
  DEPTH_MAX,
  findUnplain,
  Malformed,
  MESSAGE_BYTES_MAX,
  NO_PAYLOAD_TYPES,
  PayloadTypes,
  type PayloadRules,
} from "../../../transport/index.ts";
import { Packer } from "../../../transport/node/packer.ts";
import { Unpacker, Unreadable } from "../../../transport/node/unpacker.ts";
import { anyPayload, Money, MONEY, moneyType, ref } from "./payload-values.ts";

const EXTENDED: PayloadRules = { extended: true, types: MONEY };

function pack(value: unknown, rules: Partial<PayloadRules> = {}): Uint8Array {
  const packed = new Packer({ ...EXTENDED, ...rules }).pack(value, "message", MESSAGE_BYTES_MAX);
  if (!packed.ok) throw new Error(packed.detail);
  return new Uint8Array(packed.bytes);
}

/** How an array begins that stands for something else. */
const standIn = (kind: number): number[] => [0xd4, 0, 0, kind];

function detailOf(value: unknown, bytesMax: number = MESSAGE_BYTES_MAX): string {
  const packed = new Packer(EXTENDED).pack(value, "message", bytesMax);
  return packed.ok ? "" : `${packed.reason}: ${packed.detail}`;
}

function unpacker(types = MONEY): Unpacker {
  return new Unpacker({ extended: true, types, resolve: ({ node, path }) => ref(node, path) });
}

function unpack(bytes: Uint8Array | readonly number[], types = MONEY): { value: unknown; unreadable: string | null } {
  const value = unpacker(types).value(Uint8Array.from(bytes));
  return value instanceof Unreadable ? { value: undefined, unreadable: value.detail } : { value, unreadable: null };
}

describe("round trip", () => {
  test("whatever may cross comes out as it went in", () => {
    fc.assert(
      fc.property(anyPayload, (value) => {
        expect(findUnplain(value, "message", EXTENDED)).toBeUndefined();
        const again = unpack(pack(value));
        expect(again.unreadable).toBeNull();
        expect(again.value).toStrictEqual(value);
      }),
      { numRuns: 1500 },
    );
  });

  test("every size of a text, a binary, an array and an object has a head that is read back", () => {
    const sizes = [0, 1, 15, 16, 17, 31, 32, 255, 256, 65_535, 65_536];
    for (const size of sizes) {
      for (const text of ["a".repeat(size), "ä".repeat(size), "🙂".repeat(size)])
        expect(unpack(pack(text)).value).toBe(text);
      const numbers = Array.from({ length: size }, (_, i) => i * 2 ** 16);
      expect((unpack(pack(new Uint8Array(size))).value as Uint8Array).length).toBe(size);
      expect((unpack(pack(new Float32Array(size))).value as Float32Array).length).toBe(size);
      // As text: comparing so many values one by one takes seconds.
      expect(JSON.stringify(unpack(pack(numbers)).value)).toBe(JSON.stringify(numbers));
      expect(JSON.stringify([...(unpack(pack(new Set(numbers))).value as Set<number>)])).toBe(JSON.stringify(numbers));
      const fields = Object.fromEntries(numbers.map((n) => [`k${n}`, -n]));
      expect(JSON.stringify(unpack(pack(fields)).value)).toBe(JSON.stringify(fields));
    }
  });

  test("an error keeps its name, message, code and cause, and its stack only on request", () => {
    class NotFound extends Error {
      override readonly name = "NotFound";
      readonly code = "not-found";
      readonly secret = "of the class";
    }
    const error = new NotFound("no such VM", { cause: new RangeError("index", { cause: "a text" }) });
    const plain = unpack(pack(error)).value as NotFound;
    expect(Object.getPrototypeOf(plain)).toBe(Error.prototype);
    expect(plain).toMatchObject({ name: "NotFound", message: "no such VM", code: "not-found" });
    expect(plain.cause).toMatchObject({ name: "RangeError", message: "index", cause: "a text" });
    expect(plain).not.toHaveProperty("secret");
    expect(plain.stack).toBe("NotFound: no such VM");
    const told = unpack(pack(error, { errorStacks: true })).value as Error;
    expect(told.stack).toBe(error.stack);
  });

  test("an array that begins with undefined is one, at both versions", () => {
    for (const value of [[undefined], [undefined, 1, undefined], [[undefined, 5]], new Set([undefined, 5])]) {
      expect(unpack(pack(value)).value).toStrictEqual(value);
    }
    const old = pack([[undefined, 5], [ref("n1", "a")]], { extended: false });
    const reader = unpacker();
    expect(reader.array(old).map((element) => reader.resolve(element, false))).toEqual([
      [undefined, 5],
      [ref("n1", "a")],
    ]);
  });

  test("a Buffer comes out as a Buffer, any other array of bytes as a Uint8Array", () => {
    const { value } = unpack(pack([Buffer.from("ab"), new Uint8Array(2)]));
    const [buffer, bytes] = value as [unknown, unknown];
    expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  });
});

describe("Packer", () => {
  test("pack() refuses exactly what findUnplain() refuses, and says the same", () => {
    const culprit = fc.constantFrom(
      () => {},
      Symbol("a"),
      /a/,
      new DataView(new ArrayBuffer(1)),
      new (class Own {
        readonly a = 1;
      })(),
    );
    let refused = 0;
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        { weight: 8, arbitrary: anyPayload },
        { weight: 1, arbitrary: culprit },
        { weight: 4, arbitrary: fc.array(tie("value"), { maxLength: 3 }) },
        { weight: 2, arbitrary: tie("value").map((value) => new Map([[1, value]])) },
        { weight: 2, arbitrary: tie("value").map((value) => new Error("e", { cause: value })) },
        { weight: 2, arbitrary: tie("value").map((value) => new Money(1n, value)) },
        { weight: 4, arbitrary: fc.dictionary(fc.string({ maxLength: 3 }), tie("value"), { maxKeys: 3 }) },
      ),
    })).value;
    fc.assert(
      fc.property(tree, (value) => {
        const found = findUnplain(value, "message", EXTENDED);
        expect(detailOf(value)).toBe(found === undefined ? "" : `not-plain: ${found}`);
        if (found !== undefined) refused += 1;
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(20);
  });

  test("pack() refuses what is larger than its limit, before it has made all of it", () => {
    expect(detailOf("a".repeat(100), 101)).toBe("too-large: message has more than 101 bytes");
    expect(detailOf("a".repeat(100), 102)).toBe("");
    let bomb: unknown = "x".repeat(50_000_000);
    for (let i = 0; i < 19; i++) bomb = [bomb, bomb];
    expect(detailOf(bomb)).toBe(`too-large: message has more than ${MESSAGE_BYTES_MAX} bytes`);
  });

  test("pack() refuses cycles, getters that throw or never say the same twice, and encoders that never end", () => {
    const cycle: { a?: unknown } = {};
    cycle.a = [cycle];
    expect(detailOf(cycle)).toBe("not-plain: message.a[0] is cyclic");
    const throwing = Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw new Error("no");
      },
    });
    expect(detailOf(throwing)).toBe("not-plain: message cannot be read: Error: no");
    let reads = 0;
    const growing = Object.defineProperty({}, "a", {
      enumerable: true,
      get() {
        Object.assign(growing, { [`b${reads++}`]: 1 });
        return reads === 1 ? 1 : growing;
      },
    });
    expect(detailOf({ growing })).toMatch(/^not-plain: message cannot be read: RangeError/);
    expect(unpack(pack({ after: 1 })).value).toEqual({ after: 1 });
    const endless = { ...moneyType, encode: (value: Money) => [value] };
    const money = new Money(1n, null);
    expect(() =>
      pack(money, {
        types: new PayloadTypes([endless]),
      }),
    ).toThrow("message[0] is cyclic");
  });

  test("pack() without the extended types writes what a peer of version 1 reads", () => {
    const value = { bytes: Buffer.from("ab"), n: 2n ** 63n, ref: ref("n1", "a") };
    const bytes = pack({ bytes: value.bytes, n: value.n }, { extended: false });
    expect(new Packr({ useRecords: false }).unpack(Buffer.from(bytes))).toEqual({ bytes: value.bytes, n: value.n });
    expect(() => pack(new Map(), { extended: false })).toThrow("message is a Map");
    expect(() => pack(2n ** 64n, { extended: false })).toThrow("message is a bigint of more than 64 bits");
  });
});

describe("Unpacker", () => {
  test("no bytes make it throw anything but Malformed, or return what may not be in a message", () => {
    let read = 0;
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(anyPayload, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })).map(([value, flips]) => {
        const bytes = Uint8Array.from(pack(value));
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        try {
          const { value, unreadable } = unpack(bytes);
          read += 1;
          if (unreadable === null) expect(findUnplain(value, "message", EXTENDED)).toBeUndefined();
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 5000 },
    );
    expect(read).toBeGreaterThan(500);
  });

  test("what msgpackr would decode into more than data is not read", () => {
    const more = new Packr({ moreTypes: true, structuredClone: true, useRecords: false });
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [/a/, cycle, new Set([1])]) {
      const bytes = more.pack(value);
      let outcome: string | null;
      try {
        outcome = unpack(bytes).unreadable;
      } catch (error) {
        outcome = (error as Error).message;
      }
      expect(outcome).toMatch(/extension type|container|an extension of|inside a value|bytes follow/);
    }
    expect(() => unpack(new Packr({ useRecords: true, structures: [] }).pack({ a: 1 }))).toThrow(Malformed);
  });

  test("a value is refused that is cut off anywhere, or followed by bytes", () => {
    const bytes = pack({
      map: new Map([[1, new Set(["ab"])]]),
      error: new Error("e"),
      floats: new Float64Array(2),
      at: new Date(0),
    });
    for (let end = 0; end < bytes.length; end++)
      expect(() => unpack(bytes.subarray(0, end)), `cut at ${end}`).toThrow(Malformed);
    expect(() => unpack([...bytes, 0])).toThrow("bytes follow the value");
  });

  test.each([
    ["a map key that is __proto__", [0x81, 0xa9, ...Buffer.from("__proto__"), 1], 'a map key is "__proto__"'],
    ["a map key that is no text", [0x81, 1, 1], "a map key is not a string"],
    ["a byte that starts nothing", [0xc1], "the byte 0xc1 starts no value"],
    ["a text longer than the bytes", [0xdb, 0xff, 0xff, 0xff, 0xff, 1], "it ends inside a value"],
    ["an array longer than the bytes", [0xdd, 0xff, 0xff, 0xff, 0xff, 1], "a container is longer than the bytes"],
    ["an undefined of another form", [0xc7, 1, 0, 0], "an extension of type 0"],
    ["a stand-in cut off", [0x95, ...standIn(5), 1, 1], "it ends inside a value"],
    ["a stand-in without a kind", [0x91, 0xd4, 0, 0], "a stand-in has no kind"],
    ["a stand-in whose kind is a text", [0x92, 0xd4, 0, 0, 0xa1, 0x61], "a stand-in has no kind"],
    ["an array that needs no stand-in", [0x93, ...standIn(0), 1], "a value of kind 0 is not made of what it should be"],
    ["-0 of something", [0x93, ...standIn(1), 0], "a value of kind 1 is not made of what it should be"],
    ["a ref to nowhere", [0x93, ...standIn(2), 0xa2, 0x61, 0x2f], "a ref holds no address"],
    ["a ref to nowhere, as in version 1", [0xc7, 2, 1, 0x61, 0x2f], "a ref holds no address"],
    ["a bigint without digits", [0x93, ...standIn(3), 0xa0], "a value of kind 3 is not made of what it should be"],
    ["a bigint of 0x", [0x93, ...standIn(3), 0xa2, 0x30, 0x78], "a value of kind 3 is not made of what it should be"],
    ["a date of text", [0x93, ...standIn(4), 0xa0], "a value of kind 4 is not made of what it should be"],
    ["a Map of a key alone", [0x93, ...standIn(5), 1], "a value of kind 5 is not made of what it should be"],
    ["half an element", [0x94, ...standIn(7), 8, 0xc4, 2, 1, 2], "a typed array ends inside an element"],
    [
      "an error without a name",
      [0x97, ...standIn(8), 1, 1, 1, 1, 1],
      "a value of kind 8 is not made of what it should be",
    ],
    ["a custom value without a tag", [0x94, ...standIn(9), 1, 1], "a value of kind 9 is not made of what it should be"],
  ])("%s is malformed", (_, bytes, detail) => {
    expect(() => unpack(bytes)).toThrow(new Malformed(detail));
  });

  test("nothing exhausts its stack or its memory", () => {
    expect(() => unpack(new Uint8Array(1_000_000).fill(0x91))).toThrow(/nested deeper/);
    const sets = Array.from({ length: 200 }, () => 0).reduce<Uint8Array>(
      (inner) => Uint8Array.of(0x93, ...standIn(6), ...inner),
      Uint8Array.of(1),
    );
    expect(() => unpack(sets)).toThrow(/nested deeper/);
    const count = 2 ** 21;
    const empty = new Uint8Array(count + 5).fill(0x80);
    empty.set([0xdd, count >>> 24, count >>> 16, count >>> 8, count]);
    expect(() => unpack(empty)).toThrow(/more than \d+ values/);
    let nested: unknown = 1;
    for (let i = 0; i < DEPTH_MAX; i++) nested = i % 2 === 0 ? [nested] : new Set([nested]);
    expect(unpack(pack(nested)).value).toEqual(nested);
  });

  test("a type of another version is stepped over, and named", () => {
    const bytes = pack([1, { price: new Money(5n, new Set([1])) }, "end"]);
    const unknown = 'it holds a value of type "money", which this node does not know';
    expect(unpack(bytes, NO_PAYLOAD_TYPES).unreadable).toBe(unknown);
    const reader = unpacker(NO_PAYLOAD_TYPES);
    const elements = reader.array(Uint8Array.of(0x93, ...bytes, 0xc7, 4, 0x30, ...standIn(4), 7));
    expect(elements.map((element) => reader.resolve(element, true))).toEqual([
      new Unreadable(unknown.slice("it holds ".length)),
      new Unreadable("a value of extension type 48, which this node does not know"),
      7,
    ]);
    expect(unpack([0x92, ...standIn(99)]).unreadable).toMatch(/a value of kind 99, which this node does not know/);
    expect(unpack([0xc7, 2, 0x30, 1, 2]).unreadable).toMatch(/extension type 48, which this node does not know/);
    expect(unpack([0x94, ...standIn(7), 99, 0xc4, 1, 2]).unreadable).toMatch(
      /typed array of kind 99, which this node does not know/,
    );
  });

  test("a decode that throws makes its message unreadable, and nothing else", () => {
    const forged = new Map<unknown, unknown>([["a", new Money("a lot" as unknown as bigint, null)]]);
    expect(unpack(pack([forged, 1])).unreadable).toBe(
      'it holds a value of type "money" that cannot be decoded: TypeError: cents is no bigint',
    );
  });
});
