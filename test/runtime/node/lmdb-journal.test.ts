/** The LMDB journal: the contract, damage of every kind, a full disk, a killed process, garbage, two processes. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRandom, StoreError, type Journal, type Snapshot, type StreamHead } from "../../../runtime/index.ts";
import { openLmdbJournal } from "../../../runtime/node/index.ts";
import { KEY } from "../../../runtime/node/journal-records.ts";
import { verifyJournal } from "../../../runtime/node/journal-verifier.ts";
import { readLmdbFile } from "../../../runtime/node/lmdb-file.ts";
import { journalContract } from "../../contract/journal.ts";
import { called, closed, event, readAll, say, texts } from "../../contract/journal-calls.ts";
import { startAppendingChild } from "./appending-child.ts";

journalContract("LMDB", () => {
  const folder = mkdtempSync(join(tmpdir(), "blixard-journal-"));
  return {
    open: () => openLmdbJournal({ folder }),
    isDurable: true,
    cleanup: () => rmSync(folder, { recursive: true }),
  };
});

/** Processes and threads are started several times, on a machine that may be busy. */
const SLOW = { timeout: 60_000 };

const CHILD = fileURLToPath(new URL("./lmdb-journal-child.ts", import.meta.url));

let folder: string;
let path: string;
let opened: Journal[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-journal-"));
  path = join(folder, "journal.mdb");
});
afterEach(async () => {
  await closeAll();
  rmSync(folder, { recursive: true });
});

async function open(): Promise<Journal> {
  const journal = await openLmdbJournal({ folder });
  opened.push(journal);
  return journal;
}

async function closeAll(): Promise<void> {
  for (const journal of opened) await closed(journal);
  opened = [];
}

function claim(journal: Journal, stream: string): Promise<StreamHead> {
  return called((done) => journal.open(stream, done));
}

/** A closed journal of some pages: ten streams of small events, a large one, snapshots, some deleted, so that free pages exist. */
async function fill(): Promise<void> {
  const journal = await open();
  for (let at = 0; at < 10; at++) {
    const stream = `s${at}`;
    const { epoch } = await claim(journal, stream);
    const after = await say(
      journal,
      { stream, epoch, after: 0 },
      ...Array.from({ length: 30 }, (_, n) => `${stream} says ${n}`),
    );
    const snapshot = { sequence: after, manifest: "state", version: 1, wallMs: 0, payload: Buffer.alloc(500, at) };
    await called((done) => journal.saveSnapshot({ stream, epoch, snapshot, keep: 1 }, done));
    const large = event("", { payload: Buffer.alloc(20_000, 100 + at) });
    await called((done) => journal.append({ stream, epoch, after, events: [large] }, done));
    if (at % 3 === 0) await called((done) => journal.deleteEvents({ stream, epoch, upTo: 10 }, done));
    if (at % 4 === 1) await called((done) => journal.deleteStream(stream, done));
  }
  await closeAll();
  cutSpareRoom();
}

/** The file grows ahead of what is used (`LmdbRoom`); where nothing is, nothing can be damaged. */
function cutSpareRoom(): void {
  const image = readFileSync(path);
  let end = image.length;
  while (image[end - 1] === 0) end -= 1;
  truncateSync(path, 4096 * Math.ceil(end / 4096));
}

describe("openLmdbJournal() refuses, naming the file and the way out,", () => {
  const damages: Readonly<Record<string, () => void>> = {
    emptied: () => truncateSync(path, 0),
    "cut within the second meta page": () => truncateSync(path, 5000),
    "cut to half": () => truncateSync(path, statSync(path).size / 2),
    "replaced by text": () => writeFileSync(path, "this is not a database\n".repeat(2000)),
    "without its first page": () => overwrite(0, Buffer.alloc(4096)),
    "missing beside its lock file": () => rmSync(path),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`a file ${name}`, async () => {
      await fill();
      damage();
      const error = await open().catch((refusal: unknown) => refusal);
      expect(error).toBeInstanceOf(StoreError);
      const { code, message, hint, path: named } = error as StoreError;
      expect({ code, named }).toEqual({ code: "store-corrupt", named: path });
      expect(message).toMatch(`Cannot open the journal "${path}": `);
      expect(hint).toMatch("restore its folder from a backup");
    });
  }

  test("a folder that another process has", SLOW, async () => {
    const child = await startAppendingChild([CHILD, folder, "append"]);
    try {
      await expect(open()).rejects.toMatchObject({
        code: "store-locked",
        message: expect.stringContaining(`process ${child.pid} has it`),
      });
    } finally {
      await child.kill();
    }
    await open();
  });
});

test("what a crash left behind the last page is no damage", async () => {
  await fill();
  appendFileSync(path, Buffer.alloc(10_000, 7));
  const journal = await open();
  expect(await readAll(journal, "s4", 30)).toHaveLength(2);
});

describe("damage of one stream", () => {
  /** Flips a byte in the middle of the only place of a stream's large event, or of its snapshot. */
  async function flip(needle: Buffer): Promise<void> {
    await fill();
    const at = readFileSync(path).indexOf(needle);
    expect(at).toBeGreaterThan(0);
    overwrite(at + needle.length / 2, Buffer.of(1));
  }

  test("in an event refuses that stream by the event's number, and no other; it can be deleted", async () => {
    await flip(Buffer.alloc(20_000, 104));
    const journal = await open();
    const refusal = {
      code: "store-corrupt",
      message: `Cannot open stream "s4" of journal "${path}": event 31 of "s4" fails its checksum`,
      hint: "restore its folder from a backup, or delete the stream",
    };
    await expect(claim(journal, "s4")).rejects.toMatchObject(refusal);
    await expect(readAll(journal, "s4")).rejects.toMatchObject({ code: "store-corrupt" });
    expect((await claim(journal, "s7")).lastSequence).toBe(31);
    expect(await readAll(journal, "s7")).toHaveLength(31);
    await called((done) => journal.deleteStream("s4", done));
    expect(await claim(journal, "s4")).toMatchObject({ firstSequence: 1, lastSequence: 0 });
    await closeAll();
    expect(verifyJournal(path).damaged).toEqual(new Map());
  });

  test("in a snapshot refuses that stream by the snapshot's number", async () => {
    await flip(Buffer.alloc(500, 8));
    await expect(claim(await open(), "s8")).rejects.toThrow('snapshot 30 of "s8" fails its checksum');
  });
});

test(
  "damage at random places never changes an event unseen, and what is not seen LMDB can live with",
  SLOW,
  async () => {
    await fill();
    const image = readFileSync(path);
    const intact = digest();
    const random = createRandom(6);
    const outcomes = { refused: 0, stream: 0, unseen: 0 };
    for (let run = 0; run < 300; run++) {
      const damaged = Buffer.from(image);
      const page = 4096 * random.integer(image.length / 4096);
      if (run % 2 === 0) for (let at = 0; at < 4; at++) damaged[random.integer(image.length)] = random.integer(256);
      else damaged.fill(random.integer(256), page + random.integer(4096), page + 4096);
      writeFileSync(path, damaged);
      const outcome = verdict();
      outcomes[outcome] += 1;
      if (outcome !== "unseen") continue;
      expect(digest()).toBe(intact);
      if (outcomes.unseen % 20 === 0) await appendsToo();
    }
    expect(outcomes.refused).toBeGreaterThan(30);
    expect(outcomes.stream).toBeGreaterThan(10);
  },
);

function verdict(): "refused" | "stream" | "unseen" {
  try {
    return verifyJournal(path).damaged.size > 0 ? "stream" : "unseen";
  } catch (error) {
    if (error instanceof StoreError && error.code === "store-corrupt") return "refused";
    throw error;
  }
}

/** All records, as one short text. */
function digest(): string {
  return JSON.stringify(readLmdbFile(path).map(({ key, value }) => [key.toString("hex"), crc32(value)]));
}

async function appendsToo(): Promise<void> {
  const journal = await open();
  const { epoch } = await claim(journal, "s4");
  await say(journal, { stream: "s4", epoch, after: 31 }, "one more");
  await closeAll();
  expect(verdict()).toBe("unseen");
}

test(
  "after kill -9 in the middle of appends, snapshots and deletions, everything acknowledged is there",
  SLOW,
  async () => {
    for (let run = 0; run < 3; run++) {
      const child = await startAppendingChild([CHILD, folder, "append"]);
      const acknowledged = await child.kill(100);
      const journal = await open();
      const { firstSequence, lastSequence } = await claim(journal, "a");
      expect(acknowledged).toBeGreaterThan(0);
      expect(lastSequence).toBeGreaterThanOrEqual(acknowledged);
      // Appends of three are there as a whole; deletions follow snapshots, which are there.
      expect(lastSequence % 3).toBe(0);
      expect(await readAll(journal, "a", firstSequence)).toHaveLength(lastSequence - firstSequence + 1);
      const snapshot = await called<Snapshot | null>((done) => journal.loadSnapshot("a", lastSequence, done));
      expect(snapshot?.sequence ?? 0).toBeGreaterThanOrEqual(firstSequence - 1);
      await closeAll();
    }
  },
);

test(
  "a full disk is reported as store-full, every later call too, and what was confirmed is there",
  SLOW,
  async (context) => {
    const script = `mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1" fill`;
    try {
      execFileSync("unshare", ["-m", "true"]);
    } catch {
      return context.skip("unshare -m is not permitted here");
    }
    const output = execFileSync("unshare", ["-m", "sh", "-c", script, "sh", folder, process.execPath, CHILD], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(JSON.parse(output)).toEqual({
      code: "store-full",
      message: `Cannot write the journal "${path}": no space left on its disk`,
      hint: `free space on the disk of "${path}", then open it again`,
      afterwards: "store-full",
      lost: 0,
      unhandled: 0,
    });
  },
);

test(
  "a stream of many events is forgotten at once and removed bit by bit, also after the end of the process",
  SLOW,
  async () => {
    const journal = await open();
    const { epoch } = await claim(journal, "a");
    const events = Array.from({ length: 10_000 }, () => event("x"));
    await called((done) => journal.append({ stream: "a", epoch, after: 0, events }, done));
    await called((done) => journal.deleteEvents({ stream: "a", epoch, upTo: 3000 }, done));
    await called((done) => journal.deleteStream("a", done));
    expect(await called((done) => journal.listStreams({}, done))).toEqual([]);
    await closeAll();
    const left = readLmdbFile(path).filter(({ key }) => key[0] === KEY.event).length;
    expect(left).toBeGreaterThan(0);
    expect(verifyJournal(path).garbage.length).toBeGreaterThan(0);
    for (let round = 0; round < 50 && readLmdbFile(path).some(({ key }) => key[0] === KEY.event); round++) {
      const again = await open();
      for (let at = 0; at < 5; at++) await claim(again, "b");
      await closeAll();
    }
    expect(readLmdbFile(path).filter(({ key }) => key[0] === KEY.event || key[0] === KEY.garbage)).toEqual([]);
  },
);

test(
  "calls over what may wait for the disk are refused with store-busy, and nothing of them is written",
  SLOW,
  async () => {
    const journal = await open();
    const { epoch } = await claim(journal, "a");
    const events = [event("", { payload: Buffer.alloc(16_000_000) }), event("", { payload: Buffer.alloc(16_000_000) })];
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        called((done) => journal.append({ stream: "a", epoch, after: 2 * at, events }, done)).then(
          () => "written",
          (error: unknown) => (error as StoreError).code,
        ),
      ),
    );
    expect(results.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => "written"));
    expect(results.slice(8)).toEqual(["store-busy", "store-busy"]);
    expect(await claim(journal, "a")).toMatchObject({ lastSequence: 16 });
  },
);

test("many streams at once: each is whole after they were opened again", async () => {
  const journal = await open();
  const streams = Array.from({ length: 200 }, (_, at) => `stream-${at}`);
  await Promise.all(
    streams.map(async (stream) => {
      const { epoch } = await claim(journal, stream);
      for (let after = 0; after < 10;) after = await say(journal, { stream, epoch, after }, `${stream} ${after}`, "x");
    }),
  );
  await closeAll();
  const again = await open();
  for (const stream of streams) expect(await readAll(again, stream)).toHaveLength(10);
  expect(await texts(again, "stream-7")).toContain("9 stream-7 8");
});

function overwrite(at: number, noise: Buffer): void {
  const image = readFileSync(path);
  noise.copy(image, at);
  writeFileSync(path, image);
}
