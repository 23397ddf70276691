/**
 * The thread that verifies seeds: runs each here and, at the same time, in a thread of its own, and compares the two.
 *
 *     options ─┬─▶ this thread, which has run something else before ─┬─▶ the same? ─▶ result
 *              └─▶ seed-worker.ts in another thread ─────────────────┘        └─▶ run again, until the event is found that parts them
 *
 * The two threads differ in what they did before, since what an earlier run left behind is what mostly makes the next one another.
 */
import { parentPort } from "node:worker_threads";
import type { RunOptions } from "../run/run-result.ts";
import { runSeed } from "../run/run-seed.ts";
import { verifyResult } from "../run/verify-seed.ts";
import { withEditions } from "./load-edition.ts";
import { SeedThread } from "./seed-thread.ts";

/** Simulated time of the run that only this thread does. */
const ELSE_MS = 1000;

const port = parentPort;
if (!port) throw new Error("verify-worker.ts runs as a worker thread");

const twin = new SeedThread();

// The next message comes when this one has its answer (`SeedThread.run()`).
port.once("message", (first: RunOptions) => void warm(first).then(() => answer(first)));

async function warm(options: RunOptions): Promise<void> {
  const run = await withEditions(options);
  runSeed({ ...run, durationMs: Math.min(ELSE_MS, run.durationMs) });
  port?.on("message", (next: RunOptions) => void answer(next));
}

async function answer(options: RunOptions): Promise<void> {
  port?.postMessage(await verify(options));
}

async function verify(options: RunOptions): Promise<Awaited<ReturnType<typeof verifyResult>>> {
  const run = await withEditions(options);
  // This thread does nothing else while it runs, and whoever waits for its result has a time limit.
  const elsewhere = twin.run(options, Infinity);
  const here = runSeed(run);
  const outcome = await elsewhere;
  if (outcome.type === "lost") throw new Error(`the thread beside it has no result, ${outcome.reason}`);
  return verifyResult(run, here, outcome.result);
}
