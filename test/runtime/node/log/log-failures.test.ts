/** A log store whose writes fail: for good after any error but a lack of room, and held back where that is what lacks. */
import type * as Fs from "node:fs";
import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogStore, StoreError } from "../../../../runtime/index.ts";
import { append, commands, term } from "../../../contract/log-store-calls.ts";
import { LogFolder } from "./log-folder.ts";

/** What the next writes to segments fail with, first to last; null: they succeed. */
const failures = vi.hoisted((): (string | null)[] => []);

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  type Write = (error: NodeJS.ErrnoException | null, written: number) => void;
  const write = (...args: [number, Uint8Array, number, number, number, Write]): void => {
    const code = failures.shift() ?? null;
    const [file, bytes, from, , position, done] = args;
    if (code === null) return fs.write(...args);
    // The disk has taken a sector of it.
    fs.write(file, bytes, from, 512, position, () => done(Object.assign(new Error(`${code}: failed`), { code }), 0));
  };
  return { ...fs, write };
});

let log: LogFolder;
let store: LogStore;
const room: boolean[] = [];

beforeEach(async () => {
  log = new LogFolder({ roomRetryMs: 5 });
  store = log.open();
  store.load();
  room.length = 0;
  store.onRoom((hasRoom) => room.push(hasRoom));
  await append(store, { hardState: term(1), entries: commands(1, 1) });
});
afterEach(async () => {
  failures.length = 0;
  await log.remove();
});

async function codeOf(write: Promise<void>): Promise<string> {
  return write.then(
    () => "written",
    (error: unknown) => (error as StoreError).code,
  );
}

test("append() after a failed write is refused, though the disk would take it: a sync that failed proves nothing later (22)", async () => {
  failures.push("EIO");
  const payload = new Uint8Array(2000).fill(1);
  const writes = [2, 3, 4].map(async (index) =>
    codeOf(append(store, { entries: [{ index, term: 1, type: "command", payload }] })),
  );
  expect(await Promise.all(writes)).toEqual(["store-io", "store-io", "store-io"]);
  await expect(append(store, { entries: commands(5, 1) })).rejects.toMatchObject({
    code: "store-io",
    message: `Cannot write the Raft log in "${log.folder}": EIO: failed`,
    hint: expect.stringContaining("check the disk"),
  });
  await log.close();
  const { entries, repairs } = await log.load();
  expect(entries).toEqual(commands(1, 1));
  expect(repairs).toHaveLength(1);
});

test("a write that found no room is made again as a whole, and is told of", async () => {
  failures.push("ENOSPC", "EDQUOT", "ENOSPC");
  await append(store, { hardState: term(2), entries: commands(2, 2, 2) });
  expect(room).toEqual([false, true]);
  await log.close();
  expect(await log.load()).toMatchObject({ hardState: { term: 2 }, damage: null, repairs: [] });
});

test("close() does not wait for room: what waits for it is refused as store-full", async () => {
  failures.push(...Array.from({ length: 1000 }, () => "ENOSPC"));
  const write = codeOf(append(store, { entries: commands(2, 1) }));
  await expect.poll(() => room).toEqual([false]);
  await log.close();
  expect(await write).toBe("store-full");
});

test("a folder that is gone stops the store when it needs the next segment", async () => {
  rmSync(log.folder, { recursive: true });
  const payload = new Uint8Array(700_000);
  const large = [2, 3, 4].map(async (index) =>
    codeOf(append(store, { entries: [{ index, term: 1, type: "command", payload }] })),
  );
  expect((await Promise.all(large)).at(-1)).toBe("store-io");
  expect(await codeOf(append(store, { entries: commands(5, 1) }))).toBe("store-io");
});
