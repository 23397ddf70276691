import { expect, test } from "vitest";
import { Ref } from "../../runtime/ref.ts";
import {
  DEPTH_MAX,
  findUnplain,
  PayloadTypes,
  PLAIN_RULES,
  VALUES_MAX,
  type PayloadType,
} from "../../transport/index.ts";

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

test("findUnplain() lets plain data, bytes and refs through", () => {
  const ref = new Ref<never>({ node: "n1", path: "a" }, { receive: () => {} });
  const bare = Object.assign(Object.create(null), { a: 1 });
  for (const value of [
    null,
    undefined,
    1,
    "a",
    true,
    2n ** 64n - 1n,
    [],
    {},
    new Uint8Array(2),
    ref,
    [{ a: [ref] }],
    bare,
  ]) {
    expect(findUnplain(value, "message")).toBeUndefined();
  }
  expect(findUnplain({ toJSON: 1, constructor: "a", hasOwnProperty: null }, "message")).toBeUndefined();
});

class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

class Tally extends Map<string, number> {}

class Lost extends Error {}

const money: PayloadType<Money> = {
  tag: "money",
  matches: (value) => value instanceof Money,
  encode: ({ cents }) => ({ cents }),
  decode: (plain) => new Money((plain as Money).cents),
};

test("findUnplain() lets the other payload types through, what is in them too", () => {
  const values = {
    map: new Map<unknown, unknown>([[{ deep: [1] }, new Map([[1n, "b"]])]]),
    set: new Set([new Date(0), new Date(Number.NaN)]),
    huge: -(2n ** 4000n),
    views: [new Float64Array(1), new Uint8ClampedArray(1), new BigInt64Array(1), Buffer.from("a")],
    errors: [new Lost("a", { cause: new TypeError("b", { cause: { code: 5 } }) }), new AggregateError([], "c")],
  };
  expect(findUnplain(values, "message")).toBeUndefined();
});

test("findUnplain() asks the payload types for instances, and looks at what they encode to", () => {
  const types = new PayloadTypes([
    money,
    { tag: "tally", matches: (value) => value instanceof Tally, encode: () => ({ run: () => {} }), decode: () => 0 },
    {
      tag: "lost",
      matches: (value) => value instanceof Lost,
      encode: () => {
        throw new Error("not today");
      },
      decode: () => 0,
    },
  ]);
  const find = (value: unknown): string | undefined => findUnplain(value, "message", { extended: true, types });
  expect(find([new Money(1), { price: new Map([["a", new Money(2)]]) }])).toBeUndefined();
  expect(find({ tally: new Tally() })).toBe("message.tally.run is a function");
  expect(find({ lost: new Lost() })).toBe('message.lost cannot be encoded as "lost": Error: not today');
});

test.each([
  [{ at: new Date() }, "message.at is a Date"],
  [{ list: [1, { when: new Map() }] }, "message.list[1].when is a Map"],
  [[new Set()], "message[0] is a Set"],
  [{ error: new Error("e") }, "message.error is a Error"],
  [{ floats: new Float64Array(1) }, "message.floats is a Float64Array"],
  [{ n: 2n ** 64n }, "message.n is a bigint of more than 64 bits"],
])("findUnplain() refuses by the rules for plain data: %o", (value, detail) => {
  expect(findUnplain(value, "message", PLAIN_RULES)).toBe(detail);
});

test.each([
  [{ run: () => {} }, "message.run is a function"],
  [{ mark: Symbol("a") }, "message.mark is a symbol"],
  [new Map([["a", new Map([[7, [Symbol("b")]]])]]), 'message.get("a").get(7)[0] is a symbol'],
  [new Map([[{ a: 1 }, new Money(1)]]), "message.values()[0] is a Money"],
  [new Map([[new Money(1), 1]]), "message.keys()[0] is a Money"],
  [new Set([1, new Tally()]), "message[1] is a Tally"],
  [{ error: new Error("e", { cause: { at: new Money(1) } }) }, "message.error.cause.at is a Money"],
  [{ pattern: /a/ }, "message.pattern is a RegExp"],
  [{ buffer: new ArrayBuffer(1) }, "message.buffer is a ArrayBuffer"],
  [{ view: new DataView(new ArrayBuffer(1)) }, "message.view is a DataView"],
  [
    { replyTo: new Ref<never>({ node: "n1", path: "" }, { receive: () => {} }) },
    "message.replyTo is a ref to nowhere, blixard://n1/",
  ],
  [JSON.parse('{"labels": {"__proto__": 1}}'), 'message.labels has a key "__proto__"'],
])("findUnplain() says what cannot cross and where: %o", (value, detail) => {
  expect(findUnplain(value, "message")).toBe(detail);
});

test("findUnplain() refuses what is nested too deeply", () => {
  expect(findUnplain(nested(DEPTH_MAX), "message")).toBeUndefined();
  expect(findUnplain(nested(DEPTH_MAX + 1), "message")).toMatch(/^message(\[0\]){64} is nested deeper than 64$/);
});

test("findUnplain() says where a cycle closes", () => {
  const inner: { b?: unknown } = {};
  inner.b = inner;
  expect(findUnplain({ a: inner }, "message")).toBe("message.a.b is cyclic");
  const list: unknown[] = [1];
  list.push({ again: list });
  expect(findUnplain(list, "message")).toBe("message[1].again is cyclic");
  const map = new Map<string, unknown>();
  map.set("self", { map });
  expect(findUnplain({ map }, "message")).toBe('message.map.get("self").map is cyclic');
  const error = new Error("e");
  error.cause = error;
  expect(findUnplain([error], "message")).toBe("message[0].cause is cyclic");
});

test("findUnplain() takes what lies in two places for what it is, and ends when that makes too many values", () => {
  const shared = { n: 1 };
  expect(findUnplain({ a: shared, b: [shared, shared] }, "message")).toBeUndefined();
  let wide: unknown = 1;
  for (let i = 0; i < 40; i++) wide = [wide, wide];
  expect(findUnplain(wide, "message")).toBe(`message has more than ${VALUES_MAX} values`);
});

test("findUnplain() refuses more values than a receiver takes", () => {
  expect(
    findUnplain(
      Array.from({ length: VALUES_MAX - 1 }, () => 1),
      "message",
    ),
  ).toBeUndefined();
  expect(
    findUnplain(
      Array.from({ length: VALUES_MAX }, () => 1),
      "message",
    ),
  ).toBe(`message has more than ${VALUES_MAX} values`);
});
