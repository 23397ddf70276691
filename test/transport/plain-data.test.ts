import { expect, test } from "vitest";
import { Ref } from "../../runtime/ref.ts";
import { DEPTH_MAX, findUnplain, VALUES_MAX } from "../../transport/index.ts";

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

test.each([
  [{ at: new Date() }, "message.at is a Date"],
  [{ list: [1, { when: new Map() }] }, "message.list[1].when is a Map"],
  [[new Set()], "message[0] is a Set"],
  [{ run: () => {} }, "message.run is a function"],
  [{ mark: Symbol("a") }, "message.mark is a symbol"],
  [{ error: new Error("e") }, "message.error is a Error"],
  [{ floats: new Float64Array(1) }, "message.floats is a Float64Array"],
  [
    { replyTo: new Ref<never>({ node: "n1", path: "" }, { receive: () => {} }) },
    "message.replyTo is a ref to nowhere, blixard://n1/",
  ],
  [{ n: 2n ** 64n }, "message.n is a bigint of more than 64 bits"],
  [JSON.parse('{"labels": {"__proto__": 1}}'), 'message.labels has a key "__proto__"'],
])("findUnplain() says what cannot cross and where: %o", (value, detail) => {
  expect(findUnplain(value, "message")).toBe(detail);
});

test("findUnplain() refuses what is nested too deeply, cycles too", () => {
  expect(findUnplain(nested(DEPTH_MAX), "message")).toBeUndefined();
  expect(findUnplain(nested(DEPTH_MAX + 1), "message")).toMatch(/is nested deeper than 64$/);
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  expect(findUnplain(cycle, "message")).toMatch(/is nested deeper than 64$/);
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
