/** Records come out of chunks as they went in, wherever the chunks were cut. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordChunks, RecordReader, type Chunk } from "../../../../actors/raft/machine/record-stream.ts";

function cut(records: readonly Uint8Array[], chunkBytes: number): Chunk[] {
  let at = 0;
  const source = new RecordChunks(() => records[at++] ?? null, chunkBytes);
  const chunks: Chunk[] = [];
  do chunks.push(source.next());
  while (chunks.at(-1)?.last === false);
  return chunks;
}

test("RecordReader gives back what RecordChunks has cut", () => {
  const record = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), fc.integer({ min: 1, max: 30 }), (records, chunkBytes) => {
      const chunks = cut(records, chunkBytes);
      const reader = new RecordReader();
      const read = chunks.flatMap(({ bytes }) => [...reader.add(bytes)]);
      expect(reader.isAtEnd).toBe(true);
      expect(read.map((bytes) => [...bytes])).toEqual(records.map((bytes) => [...bytes]));
      // All are full but the last, and none is empty unless there is nothing.
      for (const { bytes } of chunks.slice(0, -1)) expect(bytes).toHaveLength(chunkBytes);
      if (records.length > 0) expect(chunks.at(-1)?.bytes.length).toBeGreaterThan(0);
    }),
    { numRuns: 300, seed: 3 },
  );
});

test("RecordChunks asks for records only when a chunk needs them", () => {
  let asked = 0;
  const source = new RecordChunks(() => (asked++ < 10 ? new Uint8Array(6) : null), 20);
  expect(asked).toBe(0);
  source.next();
  expect(asked).toBe(3);
});

test("isAtEnd is false for a stream that ends inside a record", () => {
  const [chunk] = cut([new Uint8Array(10)], 100);
  const reader = new RecordReader();
  expect(reader.add((chunk as Chunk).bytes.subarray(0, 9))).toEqual([]);
  expect(reader.isAtEnd).toBe(false);
});
