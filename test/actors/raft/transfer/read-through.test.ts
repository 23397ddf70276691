/** A snapshot is read through chunk by chunk, and what is wrong with it is named. */
import { expect, test } from "vitest";
import { readThrough } from "../../../../actors/raft/transfer/read-through.ts";
import { crc32 } from "../../../../runtime/crc32.ts";
import type { FinishedSnapshot } from "../../../../runtime/ports/snapshot-store.ts";
import { createMemorySnapshots } from "../../../../runtime/testkit/index.ts";

const CHUNKS = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5])];
const WHOLE = new Uint8Array([1, 2, 3, 4, 5]);
const ID = "7-2-1";

/** What reading says and hands out, of a store with one snapshot in two chunks. */
function read(
  change: { readonly damaged?: number; readonly snapshot?: Partial<FinishedSnapshot> },
  take?: (chunk: Uint8Array) => void,
): { readonly faults: readonly (string | undefined)[]; readonly taken: readonly number[] } {
  const disk = createMemorySnapshots();
  const store = disk.open();
  store.load();
  const head = { id: ID, index: 7, term: 2, configuration: new Uint8Array() };
  const end = { chunks: CHUNKS.length, sizeBytes: WHOLE.length, checksum: crc32(WHOLE) };
  store.begin(head, () => {});
  for (const [number, bytes] of CHUNKS.entries()) store.write({ id: ID, number, bytes }, () => {});
  store.finish(ID, end, () => {});
  disk.flush();
  if (change.damaged !== undefined) disk.damage(ID, change.damaged);
  const faults: (string | undefined)[] = [];
  const taken: number[] = [];
  readThrough({
    snapshots: store,
    snapshot: { ...head, ...end, ...change.snapshot },
    take: (chunk) => {
      take?.(chunk);
      taken.push(...chunk);
    },
    done: (fault) => faults.push(fault),
  });
  for (let at = 0; at <= CHUNKS.length; at++) disk.flush();
  return { faults, taken };
}

test("readThrough() hands out all of a whole snapshot, in order", () => {
  expect(read({})).toEqual({ faults: [undefined], taken: [1, 2, 3, 4, 5] });
});

test("readThrough() stops at a chunk that cannot be read, and says which", () => {
  const { faults, taken } = read({ damaged: 1 });
  expect(taken).toEqual([1, 2, 3]);
  expect(faults).toEqual([expect.stringContaining(ID)]);
});

test("readThrough() says when the whole is not what was finished", () => {
  expect(read({ snapshot: { checksum: 1 } }).faults).toEqual([
    expect.stringContaining("wanted 5 bytes with checksum 1"),
  ]);
  expect(read({ snapshot: { sizeBytes: 6 } }).faults).toEqual([expect.stringContaining("it has 5 bytes")]);
});

test("readThrough() ends with what a reader makes of a chunk", () => {
  const { faults } = read({}, () => {
    throw new Error("it is of tomorrow");
  });
  expect(faults).toEqual(["it is of tomorrow"]);
});
