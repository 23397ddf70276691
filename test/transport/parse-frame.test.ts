import { expect, test } from "vitest";
import { parseFrame, toWire, type HandshakeFrame } from "../../transport/index.ts";

const HASH = "0123456789abcdef".repeat(4);
const IDENTITY = { cluster: "c", node: "n1", incarnation: "i" };

const HANDSHAKE_FRAMES: HandshakeFrame[] = [
  { type: "hello", versionMin: 1, versionMax: 2, identity: IDENTITY, nonce: HASH },
  { type: "challenge", version: 1, identity: IDENTITY, nonce: HASH },
  { type: "proof", proof: HASH },
  { type: "welcome", proof: HASH },
  { type: "knock", identity: IDENTITY },
];

function refusalOf(value: unknown): string | undefined {
  const parsed = parseFrame(value);
  return parsed.ok ? undefined : parsed.refusal.code;
}

test.each(HANDSHAKE_FRAMES)("parseFrame() reads back $type", (frame) => {
  expect(parseFrame(toWire(frame))).toEqual({ ok: true, frame });
});

test.each([5, 6, 7, 8, 9])("parseFrame() refuses messages, tag %i: they are for links", (tag) => {
  expect(refusalOf([tag, ["raft", "", 1]])).toBe("unexpected-frame");
});

test.each([0, 11, 99, -1, "1", null, undefined, {}])("parseFrame() refuses the tag %s as unknown", (tag) => {
  expect(refusalOf([tag, 1, 2, 3])).toBe("unknown-frame");
});

test.each([null, 1, "hello", {}, new Uint8Array(3), undefined, true])(
  "parseFrame() refuses %s, which is no frame",
  (value) => {
    expect(refusalOf(value)).toBe("malformed-frame");
  },
);

test.each(HANDSHAKE_FRAMES)("parseFrame() refuses $type with any field missing or of another type", (frame) => {
  const wire = toWire(frame);
  for (let i = 1; i < wire.length; i++) {
    for (const wrong of [undefined, null, -1, 1.5, "", "x/y", "a".repeat(65), [], {}]) {
      expect(refusalOf(wire.with(i, wrong)), `field ${i}`).toBe("malformed-frame");
    }
    expect(refusalOf(wire.slice(0, i))).toBe("malformed-frame");
  }
});

test("parseFrame() reads greetings of later versions, which are longer, and no other longer frame", () => {
  const [hello, challenge, proof, welcome, knock] = HANDSHAKE_FRAMES.map((frame) => [...toWire(frame), "new"]);
  expect(parseFrame(hello).ok).toBe(true);
  expect(parseFrame(challenge).ok).toBe(true);
  expect(parseFrame(knock).ok).toBe(true);
  expect(refusalOf(proof)).toBe("malformed-frame");
  expect(refusalOf(welcome)).toBe("malformed-frame");
});

test("parseFrame() refuses a range of versions that is upside down", () => {
  expect(refusalOf([1, 2, 1, "c", "n1", "i", HASH])).toBe("malformed-frame");
});
