import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkQueue, LARGE_BYTES, type HeldMessage } from "../../transport/index.ts";
import { LARGE_OPEN_MAX, MESSAGE_BYTES_MAX } from "../../transport/frame.ts";

function held(to: string, length: number, mark = 0): HeldMessage {
  return { to, from: "sender", bytes: new Uint8Array(length).fill(mark) };
}

/** Everything that comes out, as one line a piece. */
function drain(queue: ChunkQueue): string[] {
  const lines: string[] = [];
  for (let piece = queue.next(); piece !== undefined; piece = queue.next()) {
    if (piece.type === "large") lines.push(`large ${piece.id} to ${piece.message.to}`);
    else if (piece.type === "chunk") lines.push(`chunk of ${piece.id}: ${piece.bytes.length}`);
    else lines.push(...piece.messages.map(({ to, bytes }) => `message ${bytes[0]} to ${to}`));
  }
  return lines;
}

test("next() cuts a large message into chunks, and lets out what waited behind it", () => {
  const queue = new ChunkQueue(MESSAGE_BYTES_MAX);
  queue.add(held("a", 2 * LARGE_BYTES + 1));
  queue.add(held("a", 10, 1));
  queue.add(held("a", 10, 2));
  expect(queue.isHeld("a")).toBe(true);
  expect(queue.isHeld("b")).toBe(false);
  expect(drain(queue)).toEqual([
    "large 1 to a",
    `chunk of 1: ${LARGE_BYTES}`,
    `chunk of 1: ${LARGE_BYTES}`,
    "chunk of 1: 1",
    "message 1 to a",
    "message 2 to a",
  ]);
  expect(queue).toMatchObject({ bytes: 0, count: 0 });
  expect(queue.isHeld("a")).toBe(false);
});

test("next() lets receivers take turns", () => {
  const queue = new ChunkQueue(MESSAGE_BYTES_MAX);
  for (const to of ["a", "b"]) queue.add(held(to, LARGE_BYTES + 1));
  expect(drain(queue)).toEqual([
    "large 1 to a",
    "large 2 to b",
    `chunk of 1: ${LARGE_BYTES}`,
    `chunk of 2: ${LARGE_BYTES}`,
    "chunk of 1: 1",
    "chunk of 2: 1",
  ]);
});

test("next() never has more large messages open than a receiver takes, and keeps the order of each receiver", () => {
  const message = fc.tuple(
    fc.integer({ min: 0, max: 20 }),
    fc.constantFrom(5, LARGE_BYTES, LARGE_BYTES + 1, 3 * LARGE_BYTES),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), fc.nat(30), (messages, eager) => {
      const queue = new ChunkQueue(MESSAGE_BYTES_MAX);
      const open = new Map<number, { to: string; left: number }>();
      const out = new Map<string, number[]>();
      const take = (): boolean => {
        const piece = queue.next();
        if (piece === undefined) return false;
        const done = (to: string, bytes: number): void => void out.set(to, [...(out.get(to) ?? []), bytes]);
        if (piece.type === "messages") for (const { to, bytes } of piece.messages) done(to, bytes.length);
        else if (piece.type === "large") open.set(piece.id, { to: piece.message.to, left: piece.message.bytes.length });
        else {
          const at = open.get(piece.id);
          if (at === undefined) throw new Error("a chunk of nothing");
          at.left -= piece.bytes.length;
          if (at.left === 0) {
            open.delete(piece.id);
            done(at.to, -1);
          }
        }
        expect(open.size).toBeLessThanOrEqual(LARGE_OPEN_MAX);
        return true;
      };
      const expected = new Map<string, number[]>();
      for (const [i, [to, bytes]] of messages.entries()) {
        queue.add(held(`r${to}`, bytes));
        expected.set(`r${to}`, [...(expected.get(`r${to}`) ?? []), bytes > LARGE_BYTES ? -1 : bytes]);
        if (i >= eager) take();
      }
      while (take());
      expect(out).toEqual(expected);
      expect(queue).toMatchObject({ bytes: 0, count: 0 });
    }),
    { numRuns: 200 },
  );
});
