/**
 * Random bytes and random changes to valid frames: nothing throws, and what reaches the receiver is a whole, well-formed
 * envelope. The same frames go through the reader alone (many) and through a live node (few).
 */
import fc from "fast-check";
import { Packr } from "msgpackr";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Address } from "../../../runtime/ports/address.ts";
import type { Envelope } from "../../../runtime/ports/remoting.ts";
import { Ref } from "../../../runtime/ref.ts";
import { findUnplain, MESSAGE_BYTES_MAX, NO_PAYLOAD_TYPES } from "../../../transport/index.ts";
import { createWsRemoting, type WsRemoting } from "../../../transport/node/index.ts";
import { LinkReader, type ReadFrame } from "../../../transport/node/link-reader.ts";
import { Stranger } from "./stranger.ts";
import { until, wsOptions } from "./ws-cluster.ts";

const packr = new Packr({ useRecords: false });
const ref = new Ref<never>({ node: "n1", path: "web/client" }, { receive: () => {} });

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(ref),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

const envelopes = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 8 }), plain), {
  minLength: 1,
  maxLength: 3,
});

const validFrame = envelopes.map((wire) => new Uint8Array(packr.pack([5, ...wire])));

interface Mutation {
  readonly kind: "flip" | "cut" | "insert" | "append" | "swap";
  readonly at: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("flip", "cut", "insert", "append", "swap"),
  at: fc.nat(),
  byte: fc.nat(255),
});

const brokenFrame = fc
  .tuple(validFrame, fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([bytes, mutations]) => mutations.reduce(mutate, bytes));

const path = fc.oneof(
  fc.constantFrom("a", "", "$kernel"),
  fc.nat(3),
  fc.tuple(fc.nat(3), fc.constantFrom("a", "web/b")),
);

/** Frames of version 2, most of them well formed by themselves; whether they fit together is another question. */
const laterFrame = fc
  .oneof(
    fc.array(fc.tuple(plain, path, path), { maxLength: 3 }).map((messages) => [6, ...messages.flat()]),
    fc.array(fc.tuple(plain, path, path, fc.string()), { maxLength: 3 }).map((messages) => [9, ...messages.flat()]),
    fc.tuple(fc.constant(7), fc.nat(3), path, path, fc.nat(40)),
    fc.tuple(fc.constant(8), fc.nat(3), fc.uint8Array({ maxLength: 20 })),
  )
  .map((frame) => new Uint8Array(packr.pack(frame)));

const anyFrame = fc.oneof(fc.uint8Array({ maxLength: 200 }), brokenFrame);

function mutate(bytes: Uint8Array, { kind, at, byte }: Mutation): Uint8Array {
  const place = at % Math.max(bytes.length, 1);
  switch (kind) {
    case "flip":
      return bytes.map((old, i) => (i === place ? byte : old));
    case "cut":
      return bytes.slice(0, place);
    case "insert":
      return Uint8Array.from([...bytes.slice(0, place), byte, ...bytes.slice(place)]);
    case "append":
      return Uint8Array.from([...bytes, byte]);
    case "swap":
      return Uint8Array.from([...bytes.slice(place), ...bytes.slice(0, place)]);
    default:
      return kind satisfies never;
  }
}

function read(bytes: Uint8Array): ReadFrame {
  return createReader().read(bytes);
}

function createReader(): LinkReader {
  const resolve = (address: Address): Ref<never> => new Ref(address, { receive: () => {} });
  const unpacking = { extended: true, types: NO_PAYLOAD_TYPES, resolve };
  return new LinkReader({ from: "n1", to: "n2", unpacking, messageBytesMax: MESSAGE_BYTES_MAX });
}

function expectWellFormed({ from, to, message }: Envelope): void {
  expect(from).toEqual({ node: "n1", path: expect.any(String) });
  expect(to).toEqual({ node: "n2", path: expect.stringMatching(/^./s) });
  expect(findUnplain(message, "message")).toBeUndefined();
}

test("every valid frame is read back as it was", () => {
  fc.assert(
    fc.property(envelopes, (wire) => {
      const parsed = read(packr.pack([5, ...wire]));
      if (!parsed.ok) throw new Error("refused");
      const again = parsed.received.envelopes.map(({ from, to, message }) => [to.path, from.path, message]);
      expect(JSON.stringify(again)).toBe(JSON.stringify(wire));
    }),
    { numRuns: 300 },
  );
});

test("no frame makes the reader throw or yields a malformed envelope", () => {
  let refused = 0;
  fc.assert(
    fc.property(anyFrame, (bytes) => {
      const parsed = read(bytes);
      if (!parsed.ok) refused += 1;
      else parsed.received.envelopes.forEach(expectWellFormed);
    }),
    { numRuns: 3000 },
  );
  expect(refused).toBeGreaterThan(1000);
});

test("no sequence of frames makes a link's reader throw or yield a malformed envelope", () => {
  let delivered = 0;
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: laterFrame }, anyFrame), { maxLength: 12 }), (frames) => {
      const reader = createReader();
      for (const frame of frames) {
        const outcome = reader.read(frame);
        if (!outcome.ok) {
          expect(outcome.refusal.code).toMatch(/^(?:malformed|unknown|unexpected)-frame$/);
          return;
        }
        delivered += outcome.received.envelopes.length;
        outcome.received.envelopes.forEach(expectWellFormed);
      }
    }),
    { numRuns: 2000 },
  );
  expect(delivered).toBeGreaterThan(20);
});

let node: WsRemoting;
let port: number;
const received: Envelope[] = [];

beforeAll(async () => {
  const peers = new Map([["n1", { host: "127.0.0.1", port: 1 }]]);
  node = createWsRemoting(wsOptions("n2", { peers }));
  node.remoting.useRefs?.((address) => new Ref(address, { receive: () => {} }));
  node.remoting.onEnvelope((envelope) => received.push(envelope));
  ({ port } = await node.start());
});

afterAll(() => node.close());

test("no frame on a link reaches the receiver but whole ones, and the others end the link", async () => {
  await fc.assert(
    fc.asyncProperty(anyFrame, async (bytes) => {
      received.length = 0;
      const parsed = read(bytes);
      const delivered = parsed.ok ? parsed.received.envelopes.length : null;
      const stranger = await Stranger.linked(port);
      stranger.socket.send(bytes);
      if (delivered === null) await stranger.closed;
      else await until(() => received.length === delivered);
      stranger.end();
      expect(received).toHaveLength(delivered ?? 0);
      received.forEach(expectWellFormed);
      await until(() => node.counters().linksDown === node.counters().linksUp);
    }),
    { numRuns: 100 },
  );
});

test("no bytes before the handshake reach the receiver or open a link", async () => {
  received.length = 0;
  const { linksUp } = node.counters();
  await fc.assert(
    fc.asyncProperty(anyFrame, async (bytes) => {
      const stranger = await Stranger.open(port);
      stranger.socket.send(bytes);
      expect((await stranger.closed).code).toBeGreaterThan(4000);
    }),
    { numRuns: 100 },
  );
  expect(received).toEqual([]);
  expect(node.counters().linksUp).toBe(linksUp);
});
