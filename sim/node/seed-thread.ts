/**
 * A thread that runs seeds, seen from the one that waits: it answers each run once, with a result or with why there will be none.
 *
 * The thread's file has the extension of this one: `.ts` in the repository, `.js` in the published package.
 */
import { Worker } from "node:worker_threads";
import type { RunOptions, SeedResult } from "../run/run-result.ts";

/** What came of one run. `lost`: its thread died or did not answer in time, for the reason given, and runs nothing more. */
export type SweepOutcome<Run = RunOptions, Result = SeedResult> =
  | { readonly type: "result"; readonly run: Run; readonly result: Result }
  | { readonly type: "lost"; readonly run: Run; readonly reason: string };

const WORKER = import.meta.url.endsWith(".ts")
  ? new URL("./seed-worker.ts", import.meta.url)
  : new URL("./seed-worker.js", import.meta.url);

/** What a timer of Node.js can wait at most; a longer one would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

interface UnderWay<Run, Result> {
  readonly run: Run;
  readonly timer: NodeJS.Timeout;
  resolve(outcome: SweepOutcome<Run, Result>): void;
}

export class SeedThread<Run = RunOptions, Result = SeedResult> {
  readonly #worker: Worker;
  #underWay: UnderWay<Run, Result> | null = null;
  #death: string | null = null;

  /** `file`: what the thread runs. Default: `seed-worker.ts`. */
  constructor(file: URL = WORKER) {
    this.#worker = new Worker(file);
    this.#worker.on("message", (result: Result) => {
      this.#settle((run) => ({ type: "result", run, result }));
    });
    this.#worker.on("error", (error) => this.#die(`its thread died: ${error.message}`));
    this.#worker.on("messageerror", (error) => this.#die(`its result could not be read: ${error.message}`));
    this.#worker.on("exit", (code) => this.#die(`its thread ended with exit code ${code}`));
  }

  /** One at a time. Without a result after `hungMs` the run is lost. */
  run(run: Run, hungMs: number): Promise<SweepOutcome<Run, Result>> {
    const { promise, resolve } = Promise.withResolvers<SweepOutcome<Run, Result>>();
    const timer = setTimeout(
      () => this.#die(`it had none after ${hungMs < 1000 ? `${hungMs} ms` : `${Math.round(hungMs / 1000)} s`}`),
      Math.min(hungMs, TIMER_MAX_MS),
    );
    this.#underWay = { run, timer, resolve };
    if (this.#death === null) this.#worker.postMessage(run);
    else this.#die(this.#death);
    return promise;
  }

  /** Ends it wherever it is, also in a loop without an end. */
  async end(): Promise<void> {
    clearTimeout(this.#underWay?.timer);
    await this.#worker.terminate();
  }

  /** The first reason is the one that is told: an error is followed by an exit. */
  #die(reason: string): void {
    this.#death ??= reason;
    const why = this.#death;
    this.#settle((run) => ({ type: "lost", run, reason: why }));
  }

  #settle(outcomeOf: (run: Run) => SweepOutcome<Run, Result>): void {
    const underWay = this.#underWay;
    if (underWay === null) return;
    this.#underWay = null;
    clearTimeout(underWay.timer);
    underWay.resolve(outcomeOf(underWay.run));
  }
}
