/** The two ends of a link without sockets: what the writer writes, the reader reads, in order, whatever the version. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Envelope } from "../../../runtime/ports/remoting.ts";
import { FRAME_BYTES_TARGET, MESSAGE_BYTES_MAX } from "../../../transport/index.ts";
import { LinkReader, type LostEnvelope } from "../../../transport/node/link-reader.ts";
import { HELD_COUNT_MAX, LINK_BYTES_MAX, LinkWriter, type Drop } from "../../../transport/node/link-writer.ts";
import { anyPayload, MONEY, ref } from "./payload-values.ts";

interface TestLink {
  readonly writer: LinkWriter;
  /** What the socket has not taken; frames above it wait. */
  waitingBytes: number;
  readonly frames: Uint8Array[];
  readonly envelopes: Envelope[];
  readonly lost: LostEnvelope[];
  tell(to: string, message: unknown, from?: string): Drop | undefined;
}

function createLink({ version = 2, writeMax = MESSAGE_BYTES_MAX, readMax = MESSAGE_BYTES_MAX } = {}): TestLink {
  const rules = { extended: true, types: MONEY };
  const unpacking = { ...rules, resolve: ({ node, path }: { node: string; path: string }) => ref(node, path) };
  const reader = new LinkReader({ from: "n1", to: "n2", unpacking, messageBytesMax: readMax });
  const link: TestLink = {
    waitingBytes: 0,
    frames: [],
    envelopes: [],
    lost: [],
    writer: new LinkWriter(
      {
        get waitingBytes() {
          return link.waitingBytes;
        },
        send(frame, sent) {
          link.frames.push(frame);
          const read = reader.read(frame);
          if (!read.ok) throw new Error(read.refusal.detail);
          link.envelopes.push(...read.received.envelopes);
          link.lost.push(...read.received.lost);
          sent?.();
        },
      },
      { version, packing: rules, messageBytesMax: writeMax },
    ),
    tell(to, message, from = "sender") {
      return link.writer.add({ from: { node: "n1", path: from }, to: { node: "n2", path: to }, message });
    },
  };
  return link;
}

const messagesOf = ({ envelopes }: TestLink): unknown[] => envelopes.map(({ message }) => message);

describe.each([1, 2])("version %i", (version) => {
  test("what waits shares a frame, and comes out as it went in", () => {
    const link = createLink({ version });
    for (let i = 0; i < 100; i++) link.tell(`to-${i % 3}`, { i }, `from-${i % 5}`);
    link.writer.flush();
    expect(link.frames).toHaveLength(1);
    expect(link.envelopes).toEqual(
      Array.from({ length: 100 }, (_, i) => ({
        from: { node: "n1", path: `from-${i % 5}` },
        to: { node: "n2", path: `to-${i % 3}` },
        message: { i },
      })),
    );
  });

  test("frames are closed at their size before the turn ends, and hold whole messages", () => {
    const link = createLink({ version });
    const text = "x".repeat(1000);
    for (let i = 0; i < 1000; i++) link.tell("a", text);
    expect(link.frames.length).toBeGreaterThanOrEqual(3);
    for (const frame of link.frames) expect(frame.length).toBeLessThan(FRAME_BYTES_TARGET + 2000);
    link.writer.flush();
    expect(messagesOf(link)).toEqual(Array.from({ length: 1000 }, () => text));
  });

  test("a refused message leaves its neighbours as they are", () => {
    const link = createLink({ version });
    expect(link.tell("a", 1)).toBeUndefined();
    expect(link.tell("a", { deep: [{ run: () => {} }] })).toEqual({
      reason: "not-plain",
      detail: "message.deep[0].run is a function",
    });
    expect(link.tell("a", 2)).toBeUndefined();
    link.writer.flush();
    expect(messagesOf(link)).toEqual([1, 2]);
  });

  test("a large message arrives whole, between small ones", () => {
    const link = createLink({ version });
    const large = new Uint8Array(3 * FRAME_BYTES_TARGET).fill(3);
    for (const message of [1, large, 2]) link.tell("a", message);
    link.writer.flush();
    const [before, arrived, after] = messagesOf(link);
    expect([before, after]).toEqual([1, 2]);
    expect(Buffer.compare(arrived as Uint8Array, large)).toBe(0);
  });
});

describe("version 1", () => {
  test("what only later versions carry is refused, and says so", () => {
    const link = createLink({ version: 1 });
    expect(link.tell("a", { map: new Map() })).toEqual({
      reason: "not-plain",
      detail: "message.map is a Map, which a peer of protocol version 1 cannot read",
    });
    expect(link.tell("a", { map: Symbol("a") })?.detail).toBe("message.map is a symbol");
    expect(link.tell("a", new Uint8Array(16 * 1024 * 1024))).toEqual({
      reason: "too-large",
      detail: "message has more than 16769024 bytes, all that a peer of protocol version 1 takes",
    });
  });
});

describe("version 2", () => {
  test("whatever is sent to whomever arrives once, in the order of each receiver", () => {
    const path = fc.constantFrom("a", "b", "web/c", "$ask/1-1");
    const payload = fc.oneof(
      { weight: 6, arbitrary: anyPayload },
      { weight: 1, arbitrary: fc.integer({ min: FRAME_BYTES_TARGET - 10, max: 600_000 }).map((n) => "x".repeat(n)) },
    );
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ to: path, from: path, payload }) },
      { weight: 1, arbitrary: fc.constantFrom("flush", "congest", "relieve" as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const link = createLink();
        const sent = new Map<string, unknown[]>();
        for (const one of steps) {
          if (one === "flush") link.writer.flush();
          else if (one === "congest") link.waitingBytes = LINK_BYTES_MAX;
          else if (one === "relieve") link.waitingBytes = 0;
          else if (link.tell(one.to, one.payload, one.from) === undefined) {
            sent.set(one.to, [...(sent.get(one.to) ?? []), one.payload]);
          }
        }
        link.waitingBytes = 0;
        link.writer.flush();
        const received = new Map<string, unknown[]>();
        for (const { to, message } of link.envelopes)
          received.set(to.path, [...(received.get(to.path) ?? []), message]);
        expect(received).toStrictEqual(sent);
        expect(link.lost).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("messages to others pass between the chunks of a large one, those to its receiver wait", () => {
    const link = createLink();
    const large = new Uint8Array(40 * FRAME_BYTES_TARGET).fill(7);
    link.waitingBytes = LINK_BYTES_MAX / 2;
    link.tell("a", large);
    link.tell("a", "behind");
    link.tell("b", "beside");
    link.writer.flush();
    expect(messagesOf(link)).toEqual(["beside"]);
    link.waitingBytes = 0;
    link.writer.flush();
    expect(link.frames.every((frame) => frame.length < 2 * FRAME_BYTES_TARGET)).toBe(true);
    const [, arrived, behind] = messagesOf(link);
    expect(Buffer.compare(arrived as Uint8Array, large)).toBe(0);
    expect(behind).toBe("behind");
  });

  test("what stood behind a large message goes in frames of the usual size, however long its paths are", () => {
    const link = createLink();
    link.waitingBytes = LINK_BYTES_MAX / 2;
    const path = "p".repeat(1024);
    link.tell(path, new Uint8Array(2 * FRAME_BYTES_TARGET), path);
    for (let i = 0; i < 2000; i++) link.tell(path, i, path);
    link.waitingBytes = 0;
    link.writer.flush();
    expect(messagesOf(link).slice(1)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(Math.max(...link.frames.map(({ length }) => length))).toBeLessThan(2 * FRAME_BYTES_TARGET);
  });

  test("large messages to many receivers are never more side by side than the reader sets aside", () => {
    const bytesMax = 4 * FRAME_BYTES_TARGET;
    const link = createLink({ writeMax: bytesMax, readMax: bytesMax });
    link.waitingBytes = LINK_BYTES_MAX / 2;
    const receivers = Array.from({ length: 10 }, (_, i) => `receiver-${i}`);
    for (const to of receivers) {
      link.tell(to, new Uint8Array(bytesMax - 100));
      link.tell(to, "behind");
    }
    link.waitingBytes = 0;
    link.writer.flush();
    expect(link.lost).toEqual([]);
    expect(link.envelopes.filter(({ message }) => message === "behind").map(({ to }) => to.path)).toEqual(receivers);
    expect(link.envelopes).toHaveLength(20);
  });

  test("a path travels once", () => {
    const link = createLink();
    const path = "a".repeat(500);
    link.tell(path, 1);
    link.writer.flush();
    link.tell(path, 2);
    link.writer.flush();
    expect(link.frames.map((frame) => frame.length > 500)).toEqual([true, false]);
    expect(link.envelopes[1]?.to).toBe(link.envelopes[0]?.to);
  });

  test("a cause travels with its message, in frames of their own", () => {
    const link = createLink();
    const add = (message: number, cause: string): void =>
      void link.writer.add({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "b" }, message, cause });
    add(1, "n1-7");
    add(2, "n1-8");
    link.tell("b", 3);
    link.writer.flush();
    expect(link.envelopes.map(({ message, cause }) => [message, cause])).toEqual([
      [1, "n1-7"],
      [2, "n1-8"],
      [3, undefined],
    ]);
    expect(link.frames).toHaveLength(2);
  });

  test("a message over its sender's limit is refused, one over its receiver's is lost there alone", () => {
    const link = createLink({ writeMax: 2_000_000, readMax: 1_000_000 });
    expect(link.tell("a", new Uint8Array(2_000_000))).toEqual({
      reason: "too-large",
      detail: "message has more than 2000000 bytes",
    });
    link.tell("a", new Uint8Array(1_500_000));
    link.tell("a", "next");
    link.writer.flush();
    expect(link.lost).toEqual([
      {
        envelope: { from: { node: "n1", path: "sender" }, to: { node: "n2", path: "a" }, message: undefined },
        reason: "too-large",
        detail: "it has 1500005 bytes, this node takes 1000000 at most",
      },
    ]);
    expect(messagesOf(link)).toEqual(["next"]);
  });

  test("what waits is bounded, small ones and large ones each", () => {
    const link = createLink();
    link.waitingBytes = LINK_BYTES_MAX + 1;
    expect(link.tell("a", 1)?.reason).toBe("queue-full");
    link.waitingBytes = 0;
    const large = new Uint8Array(LINK_BYTES_MAX);
    const drops = ["a", "b", "c"].map((to) => link.tell(to, large)?.reason);
    expect(drops).toEqual([undefined, "queue-full", "queue-full"]);
    for (let i = 0; i < HELD_COUNT_MAX + 10; i++) {
      const drop = link.tell("a", 1);
      if (drop === undefined) continue;
      expect(i).toBeGreaterThan(HELD_COUNT_MAX - 10);
      expect(drop.reason).toBe("queue-full");
      return;
    }
    expect.unreachable("nothing was refused");
  });

  test("what a kernel says gets through when nothing else does", () => {
    const link = createLink();
    link.tell("a", new Uint8Array(60_000_000));
    link.waitingBytes = LINK_BYTES_MAX + 1;
    expect(link.tell("a", "report", "$kernel")).toBeUndefined();
    expect(link.tell("$kernel", "credit", "$kernel")).toBeUndefined();
    link.waitingBytes = 2 * LINK_BYTES_MAX;
    expect(link.tell("$kernel", "credit", "$kernel")?.reason).toBe("queue-full");
  });

  test("rest() gives the memory of a busy time back", () => {
    const link = createLink();
    for (let i = 0; i < 1000; i++) link.tell("a", "x".repeat(1000));
    link.writer.flush();
    link.writer.rest();
    link.tell("a", "again");
    link.writer.flush();
    expect(link.frames.at(-1)?.buffer.byteLength).toBeLessThan(100_000);
    expect(messagesOf(link).at(-1)).toBe("again");
  });
});
