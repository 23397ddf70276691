/**
 * `npm run seeds-to-find [-- --only 13,14] [--bases N]`: plants each fault of `raft-plants.ts`, counts the seeds until it is found, from
 * several bases, and writes docs/seeds-to-find.md. With `--only` the other rows stay as they are.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";
import { DIRECTED_PLANTS, findPlant, PLANTS, type Plant } from "./raft-plants.ts";
import { measuredRow, directedRow, readRows, renderTable, type Find } from "./seeds-table.ts";

const FILE = join(import.meta.dirname, "..", "..", "..", "docs", "seeds-to-find.md");

/** A base is the first seed of a search; they lie so far apart that no search comes to the next. */
const BASES_APART = 1_000_000;

/** A search that has found nothing by then is given up: what takes longer is no find. Time is the processor's, so that others do not count. */
const SEEDS_MAX = 20_000;
const SEARCH_MAX_MS = 180_000;

const { values } = parseArgs({
  options: { only: { type: "string" }, bases: { type: "string", default: "5" } },
});
const only = values.only?.split(",").map(Number);
const bases = Number(values.bases);
const known = [...PLANTS, ...DIRECTED_PLANTS].map(({ number }) => number);
const unknown = only?.find((number) => !known.includes(number));
if (unknown !== undefined) throw new RangeError(`Cannot plant fault ${unknown}: wanted one of ${known.join(", ")}`);
if (!Number.isInteger(bases) || bases < 1)
  throw new RangeError(`Cannot search from ${values.bases} bases: wanted 1 or more`);

const rows = new Map(existsSync(FILE) ? readRows(readFileSync(FILE, "utf8")) : []);
for (const plant of DIRECTED_PLANTS) rows.set(plant.number, directedRow(plant));
for (const plant of PLANTS) {
  if (only !== undefined && !only.includes(plant.number)) continue;
  const finds = Array.from({ length: bases }, (_, base) => search(plant, 1 + base * BASES_APART));
  rows.set(plant.number, measuredRow(plant, finds));
  // After each fault, so that a run that is broken off has not been for nothing.
  writeFileSync(FILE, renderTable(rows));
}
writeFileSync(FILE, renderTable(rows));

function search(plant: Plant, from: number): Find {
  const start = cpuUsage();
  const elapsedMs = (): number => (cpuUsage(start).user + cpuUsage(start).system) / 1000;
  const found = findPlant(plant, { from, seedsMax: SEEDS_MAX, goesOn: () => elapsedMs() < SEARCH_MAX_MS });
  const find = {
    seeds: found?.seeds ?? Infinity,
    seconds: elapsedMs() / 1000,
    invariant: found?.result.failure?.invariant,
  };
  const told = find.invariant === undefined ? "not found" : `${find.invariant} at seed ${from + find.seeds - 1}`;
  console.log(`fault ${plant.number} from seed ${from}: ${find.seeds} seeds, ${find.seconds.toFixed(1)} s, ${told}`);
  return find;
}
