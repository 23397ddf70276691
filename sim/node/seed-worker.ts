/**
 * The thread that runs seeds, one after another: options in, result out (`seed-thread.ts` is its other side).
 *
 * Each thread has globals of its own, and so its own seal over them (`../timeline/sealed-globals.ts`): the thread that waits for results goes on
 * with its timers. What a run throws is a fault of the simulator and ends the thread.
 */
import { parentPort } from "node:worker_threads";
import type { RunOptions } from "../run/run-result.ts";
import { runSeed } from "../run/run-seed.ts";
import { withEditions } from "./load-edition.ts";

const port = parentPort;
if (!port) throw new Error("seed-worker.ts runs as a worker thread");

port.on("message", (options: RunOptions) => {
  void withEditions(options).then((run) => port.postMessage(runSeed(run)));
});
