/** The store of the examples without a cluster: its commands as bytes, its map with views, its snapshots, its frames. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeCommand,
  decodeValue,
  encodeCommand,
  encodeQuery,
  fromByteString,
  toByteString,
  type KvCommand,
} from "../../examples/kv/kv-command.ts";
import { KvMachine } from "../../examples/kv/kv-machine.ts";
import { OUTCOMES, readReplies, readRequests, REQUEST_KINDS } from "../../examples/kv/kv-protocol.ts";
import { KvState, type KvView } from "../../examples/kv/kv-state.ts";
import { msgpackPayloadCodec } from "../../transport/node/index.ts";

const byteString = (constraints: fc.IntArrayConstraints): fc.Arbitrary<string> =>
  fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes).toString("latin1"));

const key = byteString({ minLength: 1, maxLength: 3 });
const value = byteString({ maxLength: 40 });
const command: fc.Arbitrary<KvCommand> = fc.oneof(
  fc.record({ type: fc.constant("put" as const), key, value }),
  fc.record({ type: fc.constant("delete" as const), key }),
  fc.record({ type: fc.constant("cas" as const), key, expected: fc.option(value), value }),
);

/** Few keys, so that they meet. */
const fewKeys = fc.constantFrom("a", "b", "c", "d");

test("decodeCommand() reads what encodeCommand() writes", () => {
  fc.assert(
    fc.property(command, (given) => {
      expect(decodeCommand(encodeCommand(given))).toEqual(given);
    }),
  );
});

test("decodeCommand() refuses what is cut short", () => {
  const bytes = encodeCommand({ type: "cas", key: "k", expected: "before", value: "" });
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeCommand(bytes.subarray(0, length))).toThrow("it is not one of this store's");
  }
  expect(() => encodeCommand({ type: "put", key: "", value: "v" })).toThrow(RangeError);
});

test("toByteString() keeps every text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(fromByteString(toByteString(text))).toBe(text);
    }),
  );
});

type Step =
  | { readonly type: "set"; readonly key: string; readonly value: string }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "view" }
  | { readonly type: "read" }
  | { readonly type: "close" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("set" as const), key: fewKeys, value: fc.constantFrom("1", "2") }),
  fc.record({ type: fc.constant("delete" as const), key: fewKeys }),
  fc.constantFrom({ type: "view" as const }, { type: "read" as const }, { type: "close" as const }),
);

test("KvState shows a view as it was, and itself as it is", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const state = new KvState();
      const model = new Map<string, string>();
      let view: { readonly open: KvView; readonly left: [string, string][] } | null = null;
      for (const each of steps) {
        switch (each.type) {
          case "set":
            state.set(each.key, each.value);
            model.set(each.key, each.value);
            break;
          case "delete":
            expect(state.delete(each.key)).toBe(model.delete(each.key));
            break;
          case "view":
            view = { open: state.view(), left: [...model] };
            break;
          case "read":
            if (view === null) break;
            for (const entry of view.open.next(1)) {
              const at = view.left.findIndex(([name]) => name === entry[0]);
              expect(view.left.splice(at, 1)).toEqual([entry]);
            }
            break;
          case "close":
            while (view !== null && view.left.length > 0) {
              const [entry] = view.open.next(1);
              const at = view.left.findIndex(([name]) => name === entry?.[0]);
              expect(view.left.splice(at, 1)).toEqual([entry]);
            }
            view?.open.close();
            view = null;
            break;
          default:
            each satisfies never;
        }
        for (const name of ["a", "b", "c", "d"]) expect(state.get(name)).toBe(model.get(name));
      }
    }),
  );
});

test("KvMachine applies commands as a map would, and a snapshot brings its state elsewhere", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.array(command, { maxLength: 10 }), (before, after) => {
      const machine = new KvMachine();
      const model = new Map<string, string>();
      for (const each of before) {
        const result = machine.apply(encodeCommand(each));
        expect([...result]).toEqual(applyToModel(model, each));
      }
      const snapshot = machine.snapshot();
      const then = new Map(model);
      for (const each of after) machine.apply(encodeCommand(each));
      const copy = new KvMachine();
      copy.apply(encodeCommand({ type: "put", key: "old", value: "gone after the restore" }));
      const restore = copy.restore();
      for (let part = snapshot.next(); part !== null; part = snapshot.next()) restore.add(part);
      restore.finish();
      for (const [name, held] of then) expect(decodeValue(copy.query(encodeQuery(name)))).toBe(held);
      expect(decodeValue(copy.query(encodeQuery("old")))).toBe(then.get("old") ?? null);
    }),
  );
});

function applyToModel(model: Map<string, string>, given: KvCommand): number[] {
  switch (given.type) {
    case "put":
      model.set(given.key, given.value);
      return [];
    case "delete":
      return [model.delete(given.key) ? 1 : 0];
    case "cas":
      if ((model.get(given.key) ?? null) !== given.expected) return [0];
      model.set(given.key, given.value);
      return [1];
    default:
      return given satisfies never;
  }
}

test("readRequests() and readReplies() take what is of their form, and refuse the rest", () => {
  const bytes = Uint8Array.of(1, 2);
  const requests = [7, REQUEST_KINDS.write, bytes, ["s", 3, 9], 8, REQUEST_KINDS.read, bytes, null];
  expect(readRequests(msgpackPayloadCodec.encode(requests), msgpackPayloadCodec)).toEqual([
    { id: 7, kind: REQUEST_KINDS.write, bytes, session: { session: "s", sequence: 3, after: 9 } },
    { id: 8, kind: REQUEST_KINDS.read, bytes, session: null },
  ]);
  const replies: unknown[] = [];
  const frame = msgpackPayloadCodec.encode([7, OUTCOMES.ok, 12, bytes]);
  readReplies(frame, msgpackPayloadCodec, (id, reply) => replies.push([id, reply]));
  expect(replies).toEqual([[7, { outcome: OUTCOMES.ok, index: 12, bytes }]]);
  for (const wrong of [
    {},
    [1],
    [-1, 1, bytes, null],
    [1, 1, "text", null],
    [1, 1, bytes, ["s", 1]],
    [1.5, 1, bytes, null],
  ]) {
    expect(() => readRequests(msgpackPayloadCodec.encode(wrong), msgpackPayloadCodec)).toThrow(TypeError);
  }
  expect(() => readRequests(Uint8Array.of(0xc1), msgpackPayloadCodec)).toThrow(TypeError);
});
