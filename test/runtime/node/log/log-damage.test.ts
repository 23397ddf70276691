/**
 * What is found in a log that a crash tore or a disk has damaged: every byte, every cut, every set of sectors that were not written
 * (fault 23). A torn end is told from damage, and nothing that was acknowledged is ever missing without a word.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LogEntry } from "../../../../runtime/index.ts";
import { scanLog, type LogScan } from "../../../../runtime/node/log/log-scan.ts";
import { readState, type LogState } from "../../../../runtime/node/log/log-state.ts";
import { EMPTY, intoSectors, SECTOR_BYTES } from "../../../../runtime/node/log/sector.ts";
import { append } from "../../../contract/log-store-calls.ts";
import { LogFolder, type FoundBatch } from "./log-folder.ts";

const SIZES = { firstBytes: 4096, largestBytes: 4096 };
const COUNTS = [1, 3, 1, 8, 2, 1, 6, 1, 9];

let log: LogFolder;
let state: LogState;
let intact: readonly LogEntry[];
let batches: readonly FoundBatch[];
let images: ReadonlyMap<string, Buffer>;

/** Four segments, and one that is ready; the last batch has five sectors. */
beforeAll(async () => {
  log = new LogFolder({ segmentSizes: SIZES });
  const store = log.open();
  store.load();
  let index = 0;
  for (const count of COUNTS) {
    const entries = Array.from({ length: count }, (): LogEntry => {
      index += 1;
      return { index, term: 1, type: "command", payload: new Uint8Array(230).fill(index) };
    });
    await append(store, { hardState: { term: 1, vote: null, commit: 0 }, entries });
  }
  await log.close();
  state = readState(join(log.folder, "hard-state.mdb")) as LogState;
  batches = log.batches();
  images = new Map(log.segments().map((file) => [file, readFileSync(file)]));
  intact = scan().entries;
});

afterAll(async () => log.remove());

function scan(): LogScan {
  return scanLog(log.folder, state);
}

/** Scans with one file changed, or missing when that is null. */
function scanWith(file: string, change: (image: Buffer) => Buffer | null | void): LogScan {
  const copy = Buffer.from(images.get(file) as Buffer);
  const changed = change(copy);
  return scanLog(log.folder, state, (path) => {
    if (path !== file) return images.get(path) ?? null;
    return changed === undefined ? copy : changed;
  });
}

/** Either all is there, or what is missing is told and what is given is as it was. */
function expectHonest({ entries, damage, torn }: LogScan): void {
  const wrong = entries.findIndex(({ index, payload }, at) => {
    const expected = intact[at] as LogEntry;
    return index !== expected.index || Buffer.compare(payload, expected.payload) !== 0;
  });
  const isTold = damage === null ? entries.length === intact.length : damage.fromIndex === entries.length + 1;
  // One assertion, since there are thousands of cases.
  if (torn !== null || wrong !== -1 || !isTold) {
    expect({ torn, wrong, fromIndex: damage?.fromIndex, given: entries.length }).toBe("honest");
  }
}

test("the log that is damaged here has four segments, and a last batch of several sectors", () => {
  expect(intact).toHaveLength(COUNTS.reduce((sum, count) => sum + count, 0));
  expect(batches.map(({ indexes }) => indexes.length)).toEqual(COUNTS);
  expect(new Set(batches.map(({ file }) => file)).size).toBe(4);
  expect(batches.at(-1)?.sectors).toBe(5);
  expect(scan()).toMatchObject({ torn: null, damage: null });
});

test("every flipped byte is found, or changes nothing", () => {
  let found = 0;
  for (const [file, image] of images) {
    for (let at = 0; at < image.length; at++) {
      const result = scanWith(file, (changed) => void (changed[at] = (changed[at] as number) ^ 0x10));
      expectHonest(result);
      if (result.damage !== null) found += 1;
    }
  }
  // All of the headers and the records; the rest is stamps, and room that is not used.
  expect(found).toBeGreaterThan(intact.length * 250);
}, 60_000);

test("every sector of noise or of another place is found, or is in no use", () => {
  const noise = Buffer.alloc(SECTOR_BYTES, 0xa7);
  for (const [file, image] of images) {
    for (let at = 0; at < image.length; at += SECTOR_BYTES) {
      expectHonest(scanWith(file, (changed) => void noise.copy(changed, at)));
      const other = image.subarray(SECTOR_BYTES, 2 * SECTOR_BYTES);
      if (at !== SECTOR_BYTES) expectHonest(scanWith(file, (changed) => void other.copy(changed, at)));
    }
  }
});

test("every file that is cut short or missing is found, with all that comes before it", () => {
  for (const [file, image] of images) {
    const used = Math.max(0, ...batches.filter((batch) => batch.file === file).map(endOf));
    for (let length = 0; length < image.length; length += 37) {
      const result = scanWith(file, (changed) => changed.subarray(0, length));
      expectHonest(result);
      if (length < used - SECTOR_BYTES) expect(result.damage).not.toBeNull();
    }
    const first = batches.findIndex((batch) => batch.file === file);
    const before = first === -1 ? batches.length : first;
    const missing = scanWith(file, () => null);
    expect(missing.damage?.message).toContain(`${basename(file)} at byte 512: is missing`);
    expect(missing.entries).toHaveLength(COUNTS.slice(0, before).reduce((sum, count) => sum + count, 0));
  }
});

/** What the sector held in the segment's former life. */
function remnant(sector: number): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES, 0x5c);
  intoSectors(bytes, 400, sector, { salt: state.salt, sequence: 1 });
  return bytes;
}

function lose(image: Buffer, { byte }: FoundBatch, sectors: readonly number[], as: "zeros" | "remnants"): void {
  for (const sector of sectors) {
    const at = byte + sector * SECTOR_BYTES;
    const before = as === "zeros" ? Buffer.alloc(SECTOR_BYTES, EMPTY) : remnant(at / SECTOR_BYTES);
    before.copy(image, at);
  }
}

function subsets(count: number): readonly (readonly number[])[] {
  const all = Array.from({ length: count }, (_, at) => at);
  return Array.from({ length: 2 ** count - 1 }, (_, set) => all.filter((at) => ((set + 1) >> at) & 1));
}

for (const as of ["zeros", "remnants"] as const) {
  test(`every set of sectors of the last batch that were not written, ${as} in their place, is a torn end`, () => {
    const last = batches.at(-1) as FoundBatch;
    for (const lost of subsets(last.sectors)) {
      const { torn, damage, entries } = scanWith(last.file, (image) => lose(image, last, lost, as));
      expect(damage).toBeNull();
      expect(entries).toHaveLength(intact.length - last.indexes.length);
      // Of a write of which nothing reached the disk nothing is known.
      if (lost.length < last.sectors) expect(torn?.message).toContain(`batch ${COUNTS.length}`);
      else expect(torn).toBeNull();
    }
  });

  test(`sectors of an earlier batch that were lost, ${as} in their place, are damage`, () => {
    for (const batch of batches.slice(0, -1)) {
      for (const lost of subsets(Math.min(batch.sectors, 4))) {
        const result = scanWith(batch.file, (image) => lose(image, batch, lost, as));
        expectHonest(result);
        expect(result.damage?.fromIndex).toBe(batch.indexes[0]);
      }
    }
  });
}

test("a last batch that has all of its sectors and has rotted is damage, and not torn", () => {
  const last = batches.at(-1) as FoundBatch;
  const result = scanWith(last.file, (image) => void (image[last.byte + 600] = 1));
  expectHonest(result);
  expect(result.damage?.message).toContain(`batch ${COUNTS.length} fails the checksum of its record`);
});

test("a torn end is wiped before anything is written behind it, and told once", async () => {
  const last = batches.at(-1) as FoundBatch;
  const image = Buffer.from(images.get(last.file) as Buffer);
  lose(image, last, [0, 2], "remnants");
  writeFileSync(last.file, image);
  const store = log.open();
  const { repairs, entries, damage } = store.load();
  expect({ told: repairs.length, damage }).toEqual({ told: 1, damage: null });
  expect(repairs[0]).toMatch(/cut off the last write, batch 9 at byte \d+ of log-0000000\d.seg: the power was lost/);
  const wiped = readFileSync(last.file).subarray(last.byte, last.byte + last.sectors * SECTOR_BYTES);
  expect(wiped.equals(Buffer.alloc(wiped.length))).toBe(true);
  const next: LogEntry = { index: entries.length + 1, term: 1, type: "command", payload: Uint8Array.of(1) };
  await append(store, { entries: [next] });
  await log.close();
  const again = await log.load();
  expect(again.repairs).toEqual([]);
  expect(again.entries.map(({ index }) => index)).toEqual([...entries, next].map(({ index }) => index));
});

function endOf({ byte, sectors }: FoundBatch): number {
  return byte + sectors * SECTOR_BYTES;
}
