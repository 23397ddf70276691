import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { StoreError, type SnapshotStore } from "../../../runtime/index.ts";
import { openLmdbSnapshotStore } from "../../../runtime/node/index.ts";
import { endOf, testSnapshotStore, type SnapshotDisk } from "../../contract/snapshot-store.ts";

interface Folder extends SnapshotDisk {
  readonly path: string;
}

function openFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), "blixard-snapshots-"));
  let store: SnapshotStore | null = null;
  const close = async (): Promise<void> => {
    const open = store;
    store = null;
    if (open) await new Promise<void>((done) => open.close(done));
  };
  return {
    path: join(folder, "snapshots.mdb"),
    open: () => (store = openLmdbSnapshotStore({ folder })),
    settle: async () => {},
    close,
    [Symbol.asyncDispose]: async () => {
      await close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

testSnapshotStore("LMDB", openFolder);

const HEAD = { id: "3-1-7", index: 3, term: 1, configuration: new Uint8Array() };
const CHUNK = new Uint8Array(100).fill(171);

async function writeOne(folder: Folder): Promise<void> {
  const store = folder.open();
  store.load();
  store.begin(HEAD, () => {});
  store.write({ id: HEAD.id, number: 0, bytes: CHUNK }, () => {});
  expect(await new Promise((done) => store.finish(HEAD.id, endOf([CHUNK]), done))).toBeUndefined();
  await folder.close();
}

test("read() refuses a chunk that has rotted, and only that", async () => {
  await using folder = openFolder();
  await writeOne(folder);
  const bytes = readFileSync(folder.path);
  const at = bytes.indexOf(Buffer.from(CHUNK));
  expect(at).toBeGreaterThan(0);
  bytes[at] = 0;
  writeFileSync(folder.path, bytes);
  const store = folder.open();
  expect(store.load().newest?.id).toBe(HEAD.id);
  const error = await new Promise((done) => store.read(HEAD.id, 0, done));
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({
    code: "store-corrupt",
    message: expect.stringContaining('chunk 0 of snapshot "3-1-7"'),
  });
});

test("load() refuses a head that has rotted", async () => {
  await using folder = openFolder();
  await writeOne(folder);
  const bytes = readFileSync(folder.path);
  const at = bytes.indexOf('"id":"3-1-7"');
  expect(at).toBeGreaterThan(0);
  for (let found = at; found >= 0; found = bytes.indexOf('"id":"3-1-7"', found + 1)) bytes[found + 7] = 57;
  writeFileSync(folder.path, bytes);
  expect(() => folder.open().load()).toThrow(StoreError);
});

test("load() refuses a store that another one has open", async () => {
  await using folder = openFolder();
  folder.open().load();
  expect(() => openLmdbSnapshotStore({ folder: join(folder.path, "..") })).toThrow("Cannot use data folder");
});
