import { unpack } from "msgpackr";
import { expect, test } from "vitest";
import { Outbox } from "../../transport/index.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_COUNT_MAX } from "../../transport/outbox.ts";

/** A binary of `size` bytes as MessagePack, so that a frame of them can be read back. */
function part(size: number, mark: number): Uint8Array {
  const bytes = new Uint8Array(5 + size).fill(mark, 5);
  new DataView(bytes.buffer).setUint32(1, size);
  bytes[0] = 0xc6;
  return bytes;
}

test("drain() joins what waits into one frame, in order, and leaves nothing", () => {
  const outbox = new Outbox();
  for (const mark of [1, 2, 3]) outbox.offer(part(1, mark), 0);
  const frames = outbox.drain();
  expect(frames).toHaveLength(1);
  expect(unpack(frames[0] as Uint8Array)).toEqual([5, ...[1, 2, 3].map((mark) => Uint8Array.of(mark))]);
  expect(outbox.isEmpty).toBe(true);
  expect(outbox.drain()).toEqual([]);
});

test("drain() cuts long queues into frames of 256 KiB, and gives a larger envelope one of its own", () => {
  const outbox = new Outbox();
  for (const size of [100_000, 100_000, 100_000, 1_000_000, 10]) outbox.offer(part(size, 7), 0);
  const sizes = outbox.drain().map((frame) => (unpack(frame) as Uint8Array[]).slice(1).map((bytes) => bytes.length));
  expect(sizes).toEqual([[100_000, 100_000], [100_000], [1_000_000], [10]]);
});

test("offer() refuses what would exceed the limit of bytes, those in the socket counted", () => {
  const outbox = new Outbox();
  const half = new Uint8Array(OUTBOX_BYTES_MAX / 2);
  expect(outbox.offer(half, 0)).toBe(true);
  expect(outbox.offer(half, 1)).toBe(false);
  expect(outbox.offer(half, 0)).toBe(true);
  expect(outbox.offer(new Uint8Array(1), 0)).toBe(false);
  outbox.drain();
  expect(outbox.offer(new Uint8Array(1), OUTBOX_BYTES_MAX)).toBe(false);
  expect(outbox.offer(new Uint8Array(1), 0)).toBe(true);
});

test("offer() refuses what would exceed the limit of envelopes", () => {
  const outbox = new Outbox();
  const tiny = new Uint8Array(1);
  for (let i = 0; i < OUTBOX_COUNT_MAX; i++) outbox.offer(tiny, 0);
  expect(outbox.offer(tiny, 0)).toBe(false);
});
