/**
 * `npm run seeds-to-find [-- --only 13,14] [--bases N] [--workers N]`: plants each fault of `raft-plants.ts`, counts the seeds until it is found, from
 * several bases, makes the run of the first base short, and writes docs/seeds-to-find.md. With `--only` the other rows stay as they are.
 *
 * Searches run over threads, each in one; the table is the same on one and on eight but for seconds.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { DIRECTED_PLANTS, LIVENESS_PLANTS, PLANTS } from "./raft-plants.ts";
import type { Find, Search } from "./find.ts";
import { measuredRow, directedRow, readRows, renderTable } from "./seeds-table.ts";

const FILE = join(import.meta.dirname, "..", "..", "..", "docs", "seeds-to-find.md");

/** A base is the first seed of a search; they lie so far apart that no search comes to the next. */
const BASES_APART = 1_000_000;
const BASES_MAX = 100;

const SEARCHED = [...PLANTS, ...LIVENESS_PLANTS];

try {
  await main();
} catch (error) {
  if (!(error instanceof RangeError || (error instanceof TypeError && "code" in error))) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      bases: { type: "string", default: "5" },
      workers: { type: "string", default: `${availableParallelism()}` },
    },
  });
  const only = values.only === undefined ? null : readNumbers(values.only);
  const bases = readCount("search from", values.bases, "bases", BASES_MAX);
  const workers = readCount("search with", values.workers, "workers", BASES_MAX);
  const rows = new Map(existsSync(FILE) ? readRows(readFileSync(FILE, "utf8")) : []);
  for (const plant of DIRECTED_PLANTS) rows.set(plant.number, directedRow(plant));
  const plants = SEARCHED.filter(({ number }) => only === null || only.includes(number));
  const finds = new Map<number, Find[]>(plants.map(({ number }) => [number, []]));
  const searches = plants.flatMap(({ number }) =>
    Array.from({ length: bases }, (_, base): Search => ({
      number,
      from: 1 + base * BASES_APART,
      isShrunk: base === 0,
    })),
  );
  await searchAll(searches, workers, (search, find) => {
    tell(search, find);
    const found = finds.get(search.number) ?? [];
    found.push(find);
    const plant = plants.find(({ number }) => number === search.number);
    if (plant === undefined || found.length < bases) return;
    rows.set(plant.number, measuredRow(plant, found));
    // After each fault, so that a run that is broken off has not been for nothing.
    writeFileSync(FILE, renderTable(rows));
  });
  writeFileSync(FILE, renderTable(rows));
}

/** Each thread takes the next search when it is free. */
async function searchAll(
  searches: readonly Search[],
  workers: number,
  onFound: (search: Search, find: Find) => void,
): Promise<void> {
  const left = [...searches];
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("./search-worker.ts", import.meta.url));
    try {
      for (let search = left.shift(); search !== undefined; search = left.shift()) {
        onFound(search, await ask(worker, search));
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, searches.length) }, work));
}

function ask(worker: Worker, search: Search): Promise<Find> {
  const { promise, resolve, reject } = Promise.withResolvers<Find>();
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.postMessage(search);
  return promise.finally(() => worker.removeListener("error", reject));
}

function tell({ number, from }: Search, { seeds, seconds, invariant, shrunk }: Find): void {
  const told = invariant === undefined ? "not found" : `${invariant} at seed ${from + seeds - 1}`;
  const short = shrunk === null ? "" : `, shrunk to ${shrunk.acts} acts in ${shrunk.seconds.toFixed(1)} s`;
  console.log(`fault ${number} from seed ${from}: ${seeds} seeds, ${seconds.toFixed(1)} s, ${told}${short}`);
}

/** @throws {RangeError} */
function readNumbers(text: string): readonly number[] {
  const known = [...SEARCHED, ...DIRECTED_PLANTS].map(({ number }) => number).toSorted((one, other) => one - other);
  return text.split(",").map((part) => {
    const number = Number(part);
    if (part.trim() !== "" && known.includes(number)) return number;
    throw new RangeError(
      `Cannot plant fault "${part}": wanted one of ${known.join(", ")}, or several with commas between`,
    );
  });
}

/** @throws {RangeError} */
function readCount(what: string, text: string, of: string, max: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= max) return count;
  throw new RangeError(`Cannot ${what} "${text}" ${of}: wanted a whole number from 1 to ${max}`);
}
