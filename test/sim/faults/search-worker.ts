/** A thread that searches for planted faults, one after another, and makes the run of the first that it is asked to shorter. */
import { parentPort } from "node:worker_threads";
import { threadCpuUsage } from "node:process";
import { recordSeed, shrink, type SeedResult } from "../../../sim/index.ts";
import { findPlant, LIVENESS_PLANTS, optionsOf, PLANTS, type Plant } from "./raft-plants.ts";
import type { Find, Search, ShrunkTo } from "./find.ts";

/** A search that has found nothing by then is given up: what takes longer is no find. Of the thread's own CPU time, whatever else the machine does. */
const SEEDS_MAX = 20_000;
const SEARCH_MAX_MS = 60_000;

/** What is made of a run within that is what stands in the table. */
const SHRINK_MAX_MS = 40_000;

const port = parentPort;
if (!port) throw new Error("search-worker.ts runs as a worker thread");

port.on("message", (search: Search) => port.postMessage(run(search)));

function run({ number, from, isShrunk }: Search): Find {
  const plant = [...PLANTS, ...LIVENESS_PLANTS].find((one) => one.number === number);
  if (plant === undefined) throw new Error(`There is no fault ${number}`);
  const beganMs = cpuMs();
  const elapsedMs = (): number => cpuMs() - beganMs;
  const found = findPlant(plant, { from, seedsMax: SEEDS_MAX, goesOn: () => elapsedMs() < SEARCH_MAX_MS });
  const seconds = elapsedMs() / 1000;
  if (found === undefined) return { seeds: Infinity, seconds, invariant: undefined, shrunk: null };
  const invariant = found.result.failure?.invariant;
  return { seeds: found.seeds, seconds, invariant, shrunk: isShrunk ? shorten(plant, found.result) : null };
}

function shorten(plant: Plant, { seed }: SeedResult): ShrunkTo | null {
  const options = { ...optionsOf(plant), seed };
  const { result, schedule } = recordSeed(options);
  const { nodes, profile } = result;
  const untilMs = cpuMs() + SHRINK_MAX_MS;
  let to: ShrunkTo | null = null;
  for (const { best } of shrink({ ...options, nodes, profile, replay: { schedule } })) {
    const { events, ending = [] } = best.run.replay.schedule;
    to = { acts: events.length + ending.length, seconds: best.failure.atMs / 1000 };
    if (cpuMs() > untilMs) break;
  }
  return to;
}

function cpuMs(): number {
  const { user, system } = threadCpuUsage();
  return (user + system) / 1000;
}
