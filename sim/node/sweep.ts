/**
 * Runs many seeds over worker threads and gives their results in the order of the seeds, so that a sweep says the same on one core and
 * on eight.
 *
 *     runs ──next──▶ idle thread ──▶ outcome ─┐ in whatever order they end
 *                                             ▼
 *                    outcomes under way, in the order of runs ──first──▶ the caller
 *
 * Invariants: runs are taken one by one, each when a thread is free for it, so those that are done have no gap; the one whose outcome is
 * lost is the last that the caller gets, and all before it have been given.
 */
import type { RunOptions, SeedResult } from "../run/run-result.ts";
import { SeedThread, type SweepOutcome } from "./seed-thread.ts";

export type { SweepOutcome } from "./seed-thread.ts";

/** Without `onLine` and `editions`: no function can go to another thread, which loads software by itself. */
export type SweptRun = Omit<RunOptions, "onLine" | "editions">;

/** Whatever a thread is told to run. */
interface Timed {
  /** Simulated. */
  readonly durationMs?: number;
}

export interface SweepOptions<Run extends Timed = SweptRun> {
  /** What is run, in this order. The next is taken when a thread is free, so it may depend on the time. */
  readonly runs: Iterable<Run>;
  /** Threads, each with a run of its own at a time. From 1 on. */
  readonly workers: number;
  /** Without a result after this long on the wall a run is lost. Default: 5 minutes and the simulated time of the run. */
  readonly hungMs?: number;
  /** Ends all threads and the sweep, after the outcomes that have been given. */
  readonly signal?: AbortSignal;
  /** What the threads run. Default: `seed-worker.ts`. */
  readonly file?: URL;
}

/** For `file`: each seed runs in two threads with different pasts, and fails where the two runs differ. A thread is two, then. */
export const VERIFY_WORKER: URL = import.meta.url.endsWith(".ts")
  ? new URL("./verify-worker.ts", import.meta.url)
  : new URL("./verify-worker.js", import.meta.url);

/** A run that is slower than life has stopped: the slowest do some ten simulated seconds a second. The rest is for machines under load. */
const HUNG_MS = 300_000;

/** Outcomes a thread may be ahead of the caller: behind one slow run the others go on, and what they found waits in memory. */
const AHEAD_MAX = 32;

/**
 * Each outcome, in the order of `runs`, and none after one that is lost. Leaving the loop over them ends the threads.
 * @throws {RangeError} when `workers` is no number of threads.
 */
export async function* sweep<Run extends Timed = SweptRun, Result = SeedResult>(
  options: SweepOptions<Run>,
): AsyncGenerator<SweepOutcome<Run, Result>, void> {
  const { workers, signal } = options;
  if (!Number.isSafeInteger(workers) || workers < 1) {
    throw new RangeError(`Cannot sweep with ${workers} threads: wanted a whole number from 1 on`);
  }
  const crew = new Crew<Run, Result>(options);
  const stop = (): void => crew.stop();
  signal?.addEventListener("abort", stop);
  try {
    while (signal?.aborted !== true) {
      const outcome = await crew.next();
      if (outcome === null) return;
      yield outcome;
      if (outcome.type === "lost") return;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    await crew.end();
  }
}

class Crew<Run extends Timed, Result> {
  readonly #options: SweepOptions<Run>;
  readonly #runs: Iterator<Run>;
  readonly #threads: SeedThread<Run, Result>[] = [];
  readonly #idle: SeedThread<Run, Result>[] = [];
  /** In the order of runs. */
  readonly #underWay: Promise<SweepOutcome<Run, Result>>[] = [];
  #isOver = false;
  /** Answers whoever waits for an outcome that there is none. */
  #dismiss: () => void = () => {};

  constructor(options: SweepOptions<Run>) {
    this.#options = options;
    this.#runs = options.runs[Symbol.iterator]();
  }

  /** The outcome of the first run that has not been given; null after the last, and when it is stopped meanwhile. */
  async next(): Promise<SweepOutcome<Run, Result> | null> {
    this.#fill();
    const first = this.#underWay.shift();
    if (first === undefined) return null;
    // Not by a race with one promise for the whole sweep, which would keep something of each run until the end.
    return new Promise((resolve) => {
      this.#dismiss = () => resolve(null);
      void first.then(resolve);
    });
  }

  /** Takes no more runs, and waits for none. */
  stop(): void {
    this.#isOver = true;
    this.#dismiss();
  }

  async end(): Promise<void> {
    this.stop();
    await Promise.all(this.#threads.map(async (thread) => thread.end()));
  }

  #fill(): void {
    const { workers } = this.#options;
    while (!this.#isOver && this.#underWay.length < workers * AHEAD_MAX && this.#hasRoom()) {
      const { done, value } = this.#runs.next();
      if (done === true) this.#isOver = true;
      else this.#underWay.push(this.#start(value));
    }
  }

  #hasRoom(): boolean {
    return this.#idle.length > 0 || this.#threads.length < this.#options.workers;
  }

  async #start(run: Run): Promise<SweepOutcome<Run, Result>> {
    const thread = this.#idle.pop() ?? this.#hire();
    const outcome = await thread.run(run, this.#options.hungMs ?? HUNG_MS + (run.durationMs ?? 0));
    if (outcome.type === "lost") this.#isOver = true;
    this.#idle.push(thread);
    this.#fill();
    return outcome;
  }

  #hire(): SeedThread<Run, Result> {
    const thread = new SeedThread<Run, Result>(this.#options.file);
    this.#threads.push(thread);
    return thread;
  }
}
