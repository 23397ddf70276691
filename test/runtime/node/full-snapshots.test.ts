/** A snapshot store on a disk that is full: the snapshot is refused, what was there stays, and the next one is kept when there is room. */
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import type { SnapshotEnd, SnapshotStore, StoreError } from "../../../runtime/index.ts";
import { openLmdbSnapshotStore } from "../../../runtime/node/index.ts";
import { mountSmallDisk } from "./log/small-disk.ts";

const CHUNK = new Uint8Array(100_000).fill(7);

async function make(store: SnapshotStore, index: number, chunks: number): Promise<StoreError | undefined> {
  const head = { id: `${index}-1-0`, index, term: 1, configuration: new Uint8Array() };
  const call = async (start: (done: (error?: StoreError) => void) => void): Promise<StoreError | undefined> =>
    new Promise((resolve) => start(resolve));
  let error = await call((done) => store.begin(head, done));
  let checksum = 0;
  for (let number = 0; number < chunks && error === undefined; number++) {
    checksum = crc32(CHUNK, checksum);
    error = await call((done) => store.write({ id: head.id, number, bytes: CHUNK }, done));
  }
  const end: SnapshotEnd = { chunks, sizeBytes: chunks * CHUNK.length, checksum };
  return error ?? call((done) => store.finish(head.id, end, done));
}

test("a snapshot that finds no room is refused as store-full, and the store goes on", async (context) => {
  const disk = mountSmallDisk(2_097_152);
  if (typeof disk === "string") return context.skip(disk);
  let store = openLmdbSnapshotStore({ folder: disk.folder });
  onTestFinished(async () => {
    await new Promise<void>((done) => store.close(done));
    disk.remove();
  });
  store.load();
  expect(await make(store, 1, 3)).toBeUndefined();
  disk.setRoom(false);
  expect(await make(store, 2, 20)).toMatchObject({ code: "store-full" });
  const chunk = await new Promise((resolve) => store.read("1-1-0", 2, resolve));
  expect(chunk).toEqual(CHUNK);
  disk.setRoom(true);
  // Many: what found no room, and what is older than the two that are kept, makes room for what comes.
  for (let index = 3; index <= 12; index++) expect(await make(store, index, 4)).toBeUndefined();
  await new Promise<void>((done) => store.close(done));
  store = openLmdbSnapshotStore({ folder: disk.folder });
  expect(store.load()).toMatchObject({ newest: { index: 12 }, unfinished: null });
});

test("a snapshot store that is first used when its disk is full refuses the snapshot, and keeps the next one when there is room", async (context) => {
  const disk = mountSmallDisk(2_097_152);
  if (typeof disk === "string") return context.skip(disk);
  const store = openLmdbSnapshotStore({ folder: disk.folder });
  onTestFinished(async () => {
    await new Promise<void>((done) => store.close(done));
    disk.remove();
  });
  store.load();
  disk.setRoom(false);
  expect(await make(store, 1, 1)).toMatchObject({ code: "store-full" });
  expect(await make(store, 2, 1)).toMatchObject({ code: "store-full" });
  disk.setRoom(true);
  expect(await make(store, 3, 1)).toBeUndefined();
  expect(await new Promise((resolve) => store.read("3-1-0", 0, resolve))).toEqual(CHUNK);
});
