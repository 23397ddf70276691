/**
 * Whether a user's file can be loaded, and its simulation made, in bounded time: tried in a thread that can be ended wherever it is, before this
 * one does the same. What hangs here would hang a program that nothing but a kill ends, and in a sweep only after minutes, with a reason that names
 * a seed.
 *
 *     this thread ──file, seed──▶ simulation-trial.ts ──loaded──▶ ──made──▶ all is well
 *                                          └── neither in time, or its end ──▶ which of the two it was
 *
 * What loading or making throws is told by who does it next.
 */
import { Worker } from "node:worker_threads";
import { SimulationFileError } from "./load-simulation.ts";

const WORKER = import.meta.url.endsWith(".ts")
  ? new URL("./simulation-trial.ts", import.meta.url)
  : new URL("./simulation-trial.js", import.meta.url);

/** What the thread is told. */
export interface SimulationTrial {
  readonly file: string;
  readonly seed: number;
  readonly planted: readonly string[];
}

/** How far it is. */
export type TrialPhase = "loaded" | "made";

/** A file is code, and takes moments; the rest is for machines under load. */
export const TRIAL_MS = 30_000;

/**
 * @param withinMs for each of the two.
 * @throws {SimulationFileError} when loading or making has not ended by then, or has ended its thread.
 */
export async function trySimulation(trial: SimulationTrial, withinMs: number = TRIAL_MS): Promise<void> {
  // What it writes is written by who loads it next.
  const worker = new Worker(WORKER, { workerData: trial, stdout: true, stderr: true });
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let phase: TrialPhase | null = null;
  const what = (): string => (phase === null ? "loading it" : "its make()");
  const late = (): void => resolve(`${what()} has not ended after ${withinMs / 1000} s`);
  let timer = setTimeout(late, withinMs);
  worker.on("message", (reached: TrialPhase) => {
    phase = reached;
    clearTimeout(timer);
    timer = setTimeout(late, withinMs);
    if (reached === "made") resolve(null);
  });
  worker.on("error", (error) => resolve(`${what()} ends its thread: ${error.message}`));
  worker.on("exit", (code) => {
    // Node.js ends a thread that has nothing left to do like one that exits by itself.
    const why = code === 0 ? "waits for what never comes, or exits" : `exits with ${code}`;
    resolve(`${what()} ${why}`);
  });
  const why = await promise;
  clearTimeout(timer);
  await worker.terminate();
  if (why !== null) throw new SimulationFileError(`Cannot simulate ${trial.file}: ${why}`);
}
