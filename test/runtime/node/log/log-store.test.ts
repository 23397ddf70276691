/** The log store on disk beyond its contract: killed processes, segments that are used again, folders that are not its own. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRandom, StoreError, type LogEntry } from "../../../../runtime/index.ts";
import { readState } from "../../../../runtime/node/log/log-state.ts";
import { append, close, commands, term } from "../../../contract/log-store-calls.ts";
import { startAppendingChild } from "../appending-child.ts";
import { LogFolder } from "./log-folder.ts";

const CHILD = fileURLToPath(new URL("./log-child.ts", import.meta.url));
const SIZES = { firstBytes: 4096, largestBytes: 8192 };

let log: LogFolder;

beforeEach(() => {
  log = new LogFolder({ segmentSizes: SIZES });
});
afterEach(async () => log.remove());

async function loadError(): Promise<StoreError> {
  const error: unknown = await log.load().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
}

async function fill(count: number): Promise<void> {
  const store = log.open();
  store.load();
  for (let index = 1; index <= count; index++) {
    await append(store, { identity: { member: "n1@a", cluster: "c" }, hardState: term(1), entries: sized(index, 300) });
  }
  await log.close();
}

function sized(index: number, sizeBytes: number): readonly LogEntry[] {
  return [{ index, term: 1, type: "command", payload: new Uint8Array(sizeBytes).fill(index) }];
}

test("after kill -9 in the middle of appends, everything acknowledged is there", async () => {
  for (let run = 0; run < 3; run++) {
    const child = await startAppendingChild([CHILD, log.folder]);
    const acknowledged = await child.kill(150);
    const { base, entries, hardState, damage, repairs } = await log.load();
    expect(acknowledged).toBeGreaterThan(0);
    expect(base.index + entries.length).toBeGreaterThanOrEqual(acknowledged);
    expect(hardState.commit).toBeLessThanOrEqual(base.index + entries.length);
    // The kernel finishes a write that it was given: only power loss tears one.
    expect({ damage, repairs }).toEqual({ damage: null, repairs: [] });
    const wrong = entries.find(
      ({ index, payload }, at) => index !== base.index + 1 + at || payload[0] !== (index & 255),
    );
    expect(wrong).toBeUndefined();
  }
}, 30_000);

test("load() gives what hundreds of random writes, replacements, compactions and resets amount to", async () => {
  const random = createRandom(11);
  let store = log.open();
  store.load();
  let base = { index: 0, term: 0 };
  let model: readonly LogEntry[] = [];
  for (let run = 1; run <= 400; run++) {
    const last = base.index + model.length;
    if (random.integer(40) === 0) {
      base = { index: last + random.integer(20), term: run };
      model = [];
      await append(store, { hardState: term(run), reset: base, entries: [] });
    } else {
      const first = Math.max(base.index + 1, last + 1 - random.integer(random.integer(8) === 0 ? 30 : 2));
      const entries = Array.from({ length: 1 + random.integer(8) }, (_, at): LogEntry => {
        const payload = new Uint8Array(random.integer(random.integer(30) === 0 ? 9000 : 300)).fill(run);
        return { index: first + at, term: run, type: "command", payload };
      });
      model = [...model.slice(0, first - 1 - base.index), ...entries];
      await append(store, { ...(random.integer(3) === 0 && { hardState: term(run) }), entries });
    }
    const through = base.index + random.integer(model.length + 1);
    if (random.integer(10) === 0 && through > base.index) {
      const forgotten = through - base.index;
      base = { index: through, term: model[forgotten - 1]?.term ?? 0 };
      model = model.slice(forgotten);
      store.compact(base);
    }
    if (run % 50 !== 0) continue;
    await append(store, { hardState: term(run), entries: [] });
    await log.close();
    store = log.open();
    const loaded = store.load();
    expect(loaded).toMatchObject({ base, damage: null, repairs: [], hardState: { term: run } });
    expect(digest(loaded.entries)).toEqual(digest(model));
  }
}, 60_000);

function digest(entries: readonly LogEntry[]): readonly string[] {
  return entries.map(({ index, term: of, payload }) => `${index} ${of} ${payload.length} ${payload[0]}`);
}

test("a log that is compacted takes no more room, however much is written", async () => {
  const store = log.open();
  store.load();
  const most = { files: 0 };
  for (let index = 1; index <= 600; index++) {
    await append(store, { hardState: term(1), entries: sized(index, 300) });
    if (index % 10 === 0) store.compact({ index, term: 1 });
    if (index > 100) most.files = Math.max(most.files, log.segments().length);
  }
  // 600 writes of a sector each; a segment has 15.
  expect(most.files).toBeLessThanOrEqual(6);
  expect(readState(join(log.folder, "hard-state.mdb"))?.firstSegment).toBeGreaterThan(20);
  await log.close();
  expect(await log.load()).toMatchObject({ base: { index: 600, term: 1 }, entries: [], damage: null });
});

test("a write that is larger than a segment gets one of its own", async () => {
  const store = log.open();
  store.load();
  await append(store, { hardState: term(1), entries: sized(1, 10) });
  await append(store, { hardState: term(1), entries: sized(2, 100_000) });
  await append(store, { hardState: term(1), entries: sized(3, 10) });
  await log.close();
  const { entries } = await log.load();
  expect(entries.map(({ payload }) => payload.length)).toEqual([10, 100_000, 10]);
});

test("openLogStore() refuses a folder that this or another process has, and names the holder", async () => {
  log.open();
  const again = new LogFolder({}, log.folder);
  expect(() => again.open()).toThrow(`Cannot use data folder "${log.folder}": process ${process.pid} has it`);
  await log.close();
  const child = await startAppendingChild([CHILD, log.folder]);
  try {
    const message = expect.stringContaining(`process ${child.pid} has it`);
    expect(() => log.open()).toThrow(expect.objectContaining({ code: "store-locked", message }));
  } finally {
    await child.kill();
  }
});

test("load() refuses a log of before the first release, and says what helps", async () => {
  writeFileSync(join(log.folder, "raft-log.mdb"), "anything");
  const { code, message, hint } = await loadError();
  expect({ code, message }).toEqual({
    code: "store-version",
    message: `Cannot read the Raft log in "${log.folder}": raft-log.mdb was written by a version before the first release`,
  });
  expect(hint).toContain("add the node again");
});

test("load() refuses a log whose identity, term and vote are damaged or missing", async () => {
  await fill(3);
  const path = join(log.folder, "hard-state.mdb");
  const image = readFileSync(path);
  const damages: readonly (() => void)[] = [
    () => rmSync(path),
    () => writeFileSync(path, ""),
    () => writeFileSync(path, Buffer.from(image.toString("latin1").replaceAll('"term":1', '"term":0'), "latin1")),
  ];
  for (const damage of damages) {
    damage();
    const { code, message, hint } = await loadError();
    expect(code).toBe("store-corrupt");
    expect(message).toContain(`Cannot read the Raft log in "${log.folder}": `);
    expect(hint).toContain("cannot know any more what it has promised");
    writeFileSync(path, image);
  }
  rmSync(path);
  rmSync(`${path}-lock`);
  expect((await loadError()).message).toContain("there are segments, but hard-state.mdb is missing");
});

test("a segment of another log is damage, and not taken for the own", async () => {
  await fill(40);
  const other = new LogFolder({ segmentSizes: SIZES });
  const store = other.open();
  store.load();
  for (let index = 1; index <= 40; index++) await append(store, { hardState: term(1), entries: sized(index, 300) });
  await other.close();
  const [, second = ""] = log.segments();
  writeFileSync(second, readFileSync(other.segments()[1] as string));
  await other.remove();
  const { damage, entries } = await log.load();
  expect(damage?.message).toContain("belongs to another log");
  expect(entries).toHaveLength(damage ? damage.fromIndex - 1 : 0);
});

test("an identity that came with entries counts only when they do", async () => {
  const alone = { member: "n1@a", cluster: null };
  const store = log.open();
  store.load();
  await append(store, { identity: alone, entries: [] });
  const clustered = { member: "n1@a", cluster: "c" };
  await append(store, { identity: clustered, hardState: term(1), entries: commands(1, 1) });
  await log.close();
  expect((await log.load()).identity).toEqual(clustered);
  const [batch] = log.batches();
  log.overwrite(batch?.file ?? "", batch?.byte ?? 0, new Uint8Array(512));
  expect(await log.load()).toMatchObject({ identity: alone, entries: [], damage: null, hardState: { term: 1 } });
  const again = log.open();
  again.load();
  await append(again, { entries: commands(1, 1) });
  await log.close();
  expect((await log.load()).identity).toEqual(alone);
});

test("damage that was found stays told while its replacement is not durable, wherever that was interrupted", async () => {
  await fill(40);
  log.rot(20);
  const store = log.open();
  expect(store.load().damage?.fromIndex).toBe(20);
  await append(store, { hardState: term(2), entries: [] });
  await log.close();
  // As a crash would leave it between the wiping and the write: the rotten batch and all behind it are gone.
  const rotten = log.batches().at(-1);
  for (const file of log.segments()) {
    if (file > (rotten?.file ?? "")) renameSync(file, `${file}.gone`);
  }
  const { damage, entries } = await log.load();
  expect(damage?.fromIndex).toBe(20);
  expect(entries).toHaveLength(19);
  const last = log.open();
  last.load();
  await append(last, { hardState: term(3), entries: commands(20, 3, 3) });
  await log.close();
  const mended = await log.load();
  expect(mended).toMatchObject({ damage: null, repairs: [] });
  expect(mended.entries).toHaveLength(21);
});

test("close() without load() lets the folder go", async () => {
  await close(log.open());
  await close(log.open());
  expect(existsSync(join(log.folder, "lock.pid"))).toBe(false);
});
