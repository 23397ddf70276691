import { expect, test } from "vitest";
import { Reassembly, type LargeMessage } from "../../transport/index.ts";
import { LARGE_OPEN_MAX } from "../../transport/frame.ts";

function large(id: number, length: number): LargeMessage {
  return { id, length, to: { node: "n2", path: "a" }, from: { node: "n1", path: "b" } };
}

const chunk = (length: number, mark = 0): Uint8Array => new Uint8Array(length).fill(mark);

test("add() makes chunks one message again, several messages at a time", () => {
  const reassembly = new Reassembly(100);
  expect(reassembly.begin(large(1, 3))).toBeUndefined();
  expect(reassembly.begin(large(2, 4))).toBeUndefined();
  expect(reassembly.add(1, chunk(2, 1))).toEqual({ type: "incomplete" });
  expect(reassembly.add(2, chunk(3, 5))).toEqual({ type: "incomplete" });
  expect(reassembly.add(1, chunk(1, 2))).toMatchObject({ type: "complete", bytes: Uint8Array.of(1, 1, 2) });
  expect(reassembly.add(2, chunk(1, 6))).toMatchObject({ type: "complete", bytes: Uint8Array.of(5, 5, 5, 6) });
  expect(reassembly.add(2, chunk(1))).toMatchObject({ type: "malformed" });
});

test("a message over the limit is read over, and what it would have held is free for others", () => {
  const reassembly = new Reassembly(10);
  reassembly.begin(large(1, 11));
  reassembly.begin(large(2, 10));
  reassembly.add(1, chunk(10));
  expect(reassembly.add(1, chunk(1))).toMatchObject({
    type: "too-large",
    message: { id: 1 },
    detail: "it has 11 bytes, this node takes 10 at most",
  });
  expect(reassembly.add(2, chunk(10))).toMatchObject({ type: "complete" });
});

test("messages that are too much together are read over; room comes back with each that is complete", () => {
  const reassembly = new Reassembly(10);
  for (const id of [1, 2, 3]) reassembly.begin(large(id, 10));
  expect(reassembly.add(3, chunk(10))).toMatchObject({
    type: "too-large",
    detail: "it has 10 bytes, too many beside the other large messages of this link",
  });
  expect(reassembly.add(1, chunk(10))).toMatchObject({ type: "complete" });
  reassembly.begin(large(4, 10));
  expect(reassembly.add(4, chunk(10))).toMatchObject({ type: "complete" });
});

test("begin() and add() name what no peer of this protocol says", () => {
  const reassembly = new Reassembly(10);
  expect(reassembly.begin(large(1, 0))).toBe("large message 1 is empty");
  expect(reassembly.begin(large(1, 5))).toBeUndefined();
  expect(reassembly.begin(large(1, 5))).toBe("large message 1 began twice");
  expect(reassembly.add(1, chunk(0))).toMatchObject({ type: "malformed" });
  expect(reassembly.add(1, chunk(6))).toMatchObject({ type: "malformed" });
  expect(reassembly.add(7, chunk(1))).toEqual({
    type: "malformed",
    detail: "a chunk of large message 7, which never began",
  });
  for (let id = 2; id <= LARGE_OPEN_MAX; id++) expect(reassembly.begin(large(id, 5))).toBeUndefined();
  expect(reassembly.begin(large(99, 5))).toBe(`more than ${LARGE_OPEN_MAX} large messages at a time`);
});
