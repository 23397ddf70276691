/** A thread of a sweep that answers seeds with results of its own making, and dies or hangs at some. */
import { parentPort } from "node:worker_threads";
import type { RunOptions, SeedResult } from "../../../sim/index.ts";
import { DOOM } from "./doom.ts";

parentPort?.on("message", ({ seed, durationMs }: RunOptions) => {
  if (seed === DOOM.throws) throw new Error("the model is wrong");
  if (seed === DOOM.exits) process.exit(7);
  while (seed === DOOM.hangs);
  // The first is the slowest, so that it ends after those behind it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seed === DOOM.slow ? 40 : 0);
  const result: SeedResult = {
    seed,
    durationMs,
    nodes: 3,
    profile: "calm",
    ok: seed !== DOOM.fails,
    ...(seed === DOOM.fails && { failure: { invariant: "settles", message: "no leader", atMs: 1, lines: [] } }),
    eventLogHash: "",
    events: 1,
    turns: 1,
    simulatedMs: durationMs,
    faults: {},
    marks: {},
  };
  parentPort?.postMessage(result);
});
