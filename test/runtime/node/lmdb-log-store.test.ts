/** The LMDB log store: the contract, damage of every kind, a full disk, a killed process, two processes. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRandom, StoreError, type LoadedLog, type LogStore } from "../../../runtime/index.ts";
import { openLmdbLogStore } from "../../../runtime/node/index.ts";
import { LmdbFileError, readLmdbFile } from "../../../runtime/node/lmdb-file.ts";
import { formatRecord, parseLog } from "../../../runtime/node/log-records.ts";
import { RecordError } from "../../../runtime/node/sealed-record.ts";
import { append, close, commands, term } from "../../contract/log-store-calls.ts";
import { logStoreContract } from "../../contract/log-store.ts";
import { startAppendingChild } from "./appending-child.ts";

logStoreContract("LMDB", () => {
  const folder = mkdtempSync(join(tmpdir(), "blixard-log-"));
  return {
    open: () => openLmdbLogStore({ folder }),
    cleanup: () => rmSync(folder, { recursive: true }),
  };
});

const CHILD = fileURLToPath(new URL("./lmdb-log-store-child.ts", import.meta.url));

let folder: string;
let path: string;
let opened: LogStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-log-"));
  path = join(folder, "raft-log.mdb");
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await close(store);
  rmSync(folder, { recursive: true });
});

function open(): LogStore {
  const store = openLmdbLogStore({ folder });
  opened.push(store);
  return store;
}

async function closeAll(): Promise<void> {
  for (const store of opened) await close(store);
  opened = [];
}

/** A closed store of some pages: small entries, one on overflow pages, some replaced, so that free pages exist. */
async function fill(): Promise<void> {
  const store = open();
  store.load();
  for (let index = 1; index <= 60; index++) await append(store, { hardState: term(1), entries: commands(index, 1) });
  const large = { index: 61, term: 1, type: "command" as const, payload: new Uint8Array(20_000).fill(7) };
  await append(store, { hardState: term(1), entries: [large, ...commands(62, 1, 1, 1)] });
  await append(store, { hardState: term(2), entries: commands(63, 2, 2) });
  await closeAll();
}

/** What `load` throws; the store is closed again. */
async function loadError(): Promise<unknown> {
  try {
    open().load();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await closeAll();
  }
}

describe("load() refuses, naming the file and the way out,", () => {
  const damages: Readonly<Record<string, () => void>> = {
    emptied: () => truncateSync(path, 0),
    "cut within the first meta page": () => truncateSync(path, 100),
    "cut within the second meta page": () => truncateSync(path, 5000),
    "cut to half": () => truncateSync(path, statSync(path).size / 2),
    "replaced by text": () => writeFileSync(path, "this is not a database\n".repeat(2000)),
    "replaced by zeros": () => writeFileSync(path, Buffer.alloc(statSync(path).size)),
    "without its first page": () => overwrite(0, Buffer.alloc(4096)),
    "without its second page": () => overwrite(4096, Buffer.alloc(4096)),
    "missing beside its lock file": () => rmSync(path),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`a file ${name}`, async () => {
      await fill();
      damage();
      const error = await loadError();
      expect(error).toBeInstanceOf(StoreError);
      const { code, message, hint, path: named } = error as StoreError;
      expect({ code, named }).toEqual({ code: "store-corrupt", named: path });
      expect(message).toMatch(`Cannot read the Raft log "${path}": `);
      expect(hint).toMatch("only while all other nodes run and agree on a leader");
      expect(hint).toMatch(`move "${folder}" away and start this node again, empty`);
    });
  }

  test("a flipped bit in any record is found", async () => {
    await fill();
    const image = readFileSync(path);
    const payload = image.indexOf(Buffer.alloc(20_000).fill(7)) + 10_000;
    overwrite(payload, Buffer.from([8]));
    expect(await loadError()).toMatchObject({
      code: "store-corrupt",
      message: `Cannot read the Raft log "${path}": the entry of index 61 fails its checksum`,
    });
  });

  test("a page of zeros or of noise in any place is found, or not in use", async () => {
    await fill();
    const image = readFileSync(path);
    const intact = parseLog(readLmdbFile(path));
    const random = createRandom(5);
    let found = 0;
    for (let page = 0; page < image.length / 4096; page++) {
      for (const noise of [Buffer.alloc(4096), bytes(4096, () => random.integer(256))]) {
        const damaged = Buffer.from(image);
        noise.copy(damaged, page * 4096);
        if (isFound(damaged, intact)) found += 1;
      }
    }
    expect(found).toBeGreaterThan(8);
  });

  test("a few random bytes at random places never change an entry unseen", async () => {
    await fill();
    const image = readFileSync(path);
    const intact = parseLog(readLmdbFile(path));
    const random = createRandom(6);
    let found = 0;
    for (let run = 0; run < 300; run++) {
      const damaged = Buffer.from(image);
      for (let at = 0; at < 4; at++) damaged[random.integer(image.length)] = random.integer(256);
      if (isFound(damaged, intact)) found += 1;
      else if (run % 10 === 0) await appendsToo();
    }
    expect(found).toBeGreaterThan(50);
  });

  /** Damage that is not found must be in no record, and LMDB must be able to live with it. */
  function isFound(damaged: Buffer, intact: LoadedLog): boolean {
    writeFileSync(path, damaged);
    try {
      expect(digest(parseLog(readLmdbFile(path)))).toBe(digest(intact));
      return false;
    } catch (error) {
      if (error instanceof LmdbFileError || error instanceof RecordError) return true;
      throw error;
    }
  }

  async function appendsToo(): Promise<void> {
    const store = open();
    store.load();
    await append(store, { hardState: term(3), entries: commands(65, 3) });
    await closeAll();
    expect(parseLog(readLmdbFile(path)).entries).toHaveLength(65);
  }

  function overwrite(at: number, noise: Buffer): void {
    const image = readFileSync(path);
    noise.copy(image, at);
    writeFileSync(path, image);
  }
});

test("load() accepts what LMDB wrote after hundreds of random writes and replacements", async () => {
  const random = createRandom(7);
  let store = open();
  store.load();
  let model = commands(1);
  for (let run = 0; run < 300; run++) {
    const first = Math.max(1, model.length + 1 - random.integer(random.integer(8) === 0 ? 60 : 2));
    const entries = Array.from({ length: 1 + random.integer(10) }, (_, at) => ({
      index: first + at,
      term: 1,
      type: "command" as const,
      payload: bytes(random.integer(random.integer(10) === 0 ? 9000 : 300), () => run & 255),
    }));
    model = [...model.slice(0, first - 1), ...entries];
    await append(store, { hardState: term(1), entries });
    if (run % 50 !== 49) continue;
    await closeAll();
    store = open();
    expect(digest(store.load())).toBe(digest({ hardState: term(1), entries: model, repairs: [] }));
  }
});

test("a file of a later format is refused by its number", () => {
  const { key } = formatRecord();
  const body = Buffer.from('{"format":2}');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body, crc32(key)));
  expect(() => parseLog([{ key, value: Buffer.concat([checksum, body]) }])).toThrow("it has format 2, wanted 1");
});

test("openLmdbLogStore() refuses a folder that this or another process has, and names the holder", async () => {
  open();
  expect(() => open()).toThrow(`Cannot use data folder "${folder}": process ${process.pid} has it`);
  await closeAll();
  const child = await startAppendingChild([CHILD, folder, "append"]);
  try {
    expect(() => open()).toThrow(
      expect.objectContaining({
        code: "store-locked",
        message: expect.stringContaining(`process ${child.pid} has it`),
      }),
    );
  } finally {
    await child.kill();
  }
  expect(open().load().entries.length).toBeGreaterThan(0);
});

test("after kill -9 in the middle of appends, everything acknowledged is there", async () => {
  for (let run = 0; run < 3; run++) {
    const child = await startAppendingChild([CHILD, folder, "append"]);
    const acknowledged = await child.kill(100);
    const { entries, hardState } = open().load();
    await closeAll();
    expect(acknowledged).toBeGreaterThan(0);
    expect(entries.length).toBeGreaterThanOrEqual(acknowledged);
    expect(hardState.commit).toBe(entries.length - 1);
  }
});

test("a full disk is reported as store-full, and what was confirmed is there", async (context) => {
  const script = `mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1" fill`;
  try {
    execFileSync("unshare", ["-m", "true"]);
  } catch {
    return context.skip("unshare -m is not permitted here");
  }
  const output = execFileSync("unshare", ["-m", "sh", "-c", script, "sh", folder, process.execPath, CHILD], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const result = JSON.parse(output) as Record<string, unknown>;
  expect(result).toEqual({
    code: "store-full",
    message: `Cannot write the Raft log "${path}": no space left on its disk`,
    hint: `free space on the disk of "${folder}", then start the node again`,
    afterwards: "store-full",
    lost: 0,
    unhandled: 0,
  });
});

function bytes(length: number, next: () => number): Buffer {
  return Buffer.from(Array.from({ length }, next));
}

/** A log as one short text: a comparison of many payloads byte by byte takes seconds. */
function digest({ hardState, entries }: LoadedLog): string {
  return JSON.stringify([
    hardState,
    entries.map(({ index, term: of, type, payload }) => [index, of, type, crc32(payload)]),
  ]);
}
