/** What every snapshot store must keep (`runtime/ports/snapshot-store.ts`), whatever it keeps it on. */
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { StoreError, type SnapshotEnd, type SnapshotHead, type SnapshotStore } from "../../runtime/index.ts";

/** A disk on which one store after the other is opened. */
export interface SnapshotDisk {
  /** Opens a store as after an end of the process; the one before is dead. */
  open(): SnapshotStore;
  /** Runs until everything that was called has completed. */
  settle(): Promise<void>;
  /** Ends the store that is open, as a process does that is asked to. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const HEAD: SnapshotHead = { id: "7-2-1", index: 7, term: 2, configuration: new Uint8Array([9, 8, 7]) };
const CHUNKS = [new Uint8Array([1, 2, 3]), new Uint8Array(3000).fill(5), new Uint8Array([0])];

export function endOf(chunks: readonly Uint8Array[]): SnapshotEnd {
  return {
    chunks: chunks.length,
    sizeBytes: chunks.reduce((sum, { length }) => sum + length, 0),
    checksum: chunks.reduce((sum, chunk) => crc32(chunk, sum), 0),
  };
}

function begin(store: SnapshotStore, head: SnapshotHead): Promise<StoreError | undefined> {
  return new Promise((done) => store.begin(head, done));
}

function write(store: SnapshotStore, id: string, number: number, bytes: Uint8Array): Promise<StoreError | undefined> {
  return new Promise((done) => store.write({ id, number, bytes }, done));
}

function finish(store: SnapshotStore, id: string, end: SnapshotEnd): Promise<StoreError | undefined> {
  return new Promise((done) => store.finish(id, end, done));
}

function read(store: SnapshotStore, id: string, number: number): Promise<Uint8Array | StoreError> {
  return new Promise((done) => store.read(id, number, done));
}

export function testSnapshotStore(name: string, openDisk: () => SnapshotDisk): void {
  async function whole(disk: SnapshotDisk, store: SnapshotStore, head: SnapshotHead): Promise<void> {
    const all = [
      begin(store, head),
      ...CHUNKS.map((chunk, number) => write(store, head.id, number, chunk)),
      finish(store, head.id, endOf(CHUNKS)),
    ];
    await disk.settle();
    expect(await Promise.all(all)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  }

  test(`${name}: an empty store has nothing`, async () => {
    await using disk = openDisk();
    expect(disk.open().load()).toEqual({ newest: null, unfinished: null, repairs: [] });
  });

  test(`${name}: a finished snapshot is read back chunk by chunk, also by the next store`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    await whole(disk, store, HEAD);
    await disk.close();
    const next = disk.open();
    expect(next.load()).toEqual({ newest: { ...HEAD, ...endOf(CHUNKS) }, unfinished: null, repairs: [] });
    const chunks = CHUNKS.map((_, number) => read(next, HEAD.id, number));
    await disk.settle();
    expect(await Promise.all(chunks)).toEqual(CHUNKS);
  });

  test(`${name}: an unfinished snapshot counts for nothing and goes on where it stopped`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    const first = [begin(store, HEAD), write(store, HEAD.id, 0, CHUNKS[0] as Uint8Array)];
    await disk.settle();
    await Promise.all(first);
    await disk.close();

    const next = disk.open();
    expect(next.load()).toEqual({ newest: null, unfinished: { head: HEAD, chunks: 1 }, repairs: [] });
    const rest = [
      begin(next, HEAD),
      write(next, HEAD.id, 1, CHUNKS[1] as Uint8Array),
      write(next, HEAD.id, 2, CHUNKS[2] as Uint8Array),
      finish(next, HEAD.id, endOf(CHUNKS)),
    ];
    await disk.settle();
    expect(await Promise.all(rest)).toEqual([undefined, undefined, undefined, undefined]);
    await disk.close();
    expect(disk.open().load().newest?.id).toBe(HEAD.id);
  });

  test(`${name}: another begin drops what was unfinished`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    const other = { ...HEAD, id: "9-2-4", index: 9 };
    const all = [begin(store, HEAD), write(store, HEAD.id, 0, CHUNKS[0] as Uint8Array), begin(store, other)];
    await disk.settle();
    await Promise.all(all);
    expect(() => store.write({ id: HEAD.id, number: 1, bytes: CHUNKS[1] as Uint8Array }, () => {})).toThrow(RangeError);
    await disk.close();
    expect(disk.open().load().unfinished).toEqual({ head: other, chunks: 0 });
  });

  test(`${name}: a snapshot that is not what its end says is refused, and the one before stays`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    await whole(disk, store, HEAD);
    const other = { ...HEAD, id: "9-2-4", index: 9 };
    const all = [begin(store, other), write(store, other.id, 0, CHUNKS[0] as Uint8Array)];
    const refused = finish(store, other.id, { ...endOf(CHUNKS.slice(0, 1)), checksum: 1 });
    await disk.settle();
    await Promise.all(all);
    expect(await refused).toMatchObject({ code: "store-corrupt" });
    await disk.close();
    expect(disk.open().load().newest?.id).toBe(HEAD.id);
  });

  test(`${name}: the newest and the one before are kept, older ones are refused by name`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    const ids = ["1-1-0", "2-1-0", "3-1-0"];
    for (const [at, id] of ids.entries()) await whole(disk, store, { ...HEAD, id, index: at + 1 });
    const found = ids.map((id) => read(store, id, 0));
    await disk.settle();
    const [oldest, ...kept] = await Promise.all(found);
    expect(oldest).toMatchObject({ code: "store-corrupt" });
    expect(kept).toEqual([CHUNKS[0], CHUNKS[0]]);
    await disk.close();
    expect(disk.open().load().newest?.id).toBe("3-1-0");
  });

  test(`${name}: a chunk that is not there is refused by name`, async () => {
    await using disk = openDisk();
    const store = disk.open();
    store.load();
    await whole(disk, store, HEAD);
    const missing = read(store, HEAD.id, CHUNKS.length);
    await disk.settle();
    const error = await missing;
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "store-corrupt" });
  });
}
