/** What the machine takes to make bytes durable: without it no rate of durable writes says anything. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

const SYNCS = 500;
const BLOCK_BYTES = 4096;

/** The median of an `fdatasync` behind a write of 4 KiB into a file whose blocks are there, in microseconds. */
export function measureSyncUs(folder: string): number {
  const file = openSync(join(folder, "sync"), "w");
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  for (let at = 0; at < SYNCS; at++) writeSync(file, block, 0, BLOCK_BYTES, at * BLOCK_BYTES);
  fsyncSync(file);
  const timesUs: number[] = [];
  for (let at = 0; at < SYNCS; at++) {
    writeSync(file, block, 0, BLOCK_BYTES, at * BLOCK_BYTES);
    const startMs = performance.now();
    fdatasyncSync(file);
    timesUs.push((performance.now() - startMs) * 1000);
  }
  closeSync(file);
  return timesUs.toSorted((a, b) => a - b)[SYNCS / 2] ?? Number.NaN;
}

/** Cache flushes that the disk of this folder has done so far, as Linux counts them; null where it does not. */
export function diskFlushes(folder: string): number | null {
  const { dev } = statSync(folder);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  for (const line of readFileSync("/proc/diskstats", "utf8").split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (Number(fields[0]) === major && Number(fields[1]) === minor) return Number(fields[18] ?? Number.NaN);
  }
  return null;
}
