/**
 * A simulated month of five nodes under default faults, on two threads: each runs one seed for half a month, without a break. Beside the rate it
 * tells how much memory a thread holds early and late, which must be the same; each is given so little that one which grows ends in an error.
 *
 * Two halves and not one whole: a run is one thread's, since each event may depend on the one before it.
 */
import { Worker } from "node:worker_threads";
import type { SeedResult } from "../sim/index.ts";
import type { Bench, Row } from "./bench.ts";

const THREADS = 2;
const HOUR_MS = 3_600_000;
const MONTH_MS = 30 * 24 * HOUR_MS;

/** With `--quick`: two hours in all. */
const QUICK_MS = 2 * HOUR_MS;

/** What the objects of a thread may take. A run of minutes holds some 50 MB. */
const HEAP_MAX_MB = 256;

/** How often the memory of the threads is looked at. */
const LOOK_MS = 2000;

type Half = Pick<SeedResult, "ok" | "failure" | "events" | "simulatedMs"> & { readonly cpuMs: number };

interface Measured {
  readonly half: Half;
  /** Megabytes that were held, in order of time. */
  readonly heapMB: readonly number[];
}

export const simMonthBench: Bench = {
  name: "sim-month",
  summary: "a simulated month of five nodes, half of it in each of two threads; memory over time",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const totalMs = quick ? QUICK_MS : MONTH_MS;
    const startMs = performance.now();
    const halves = await Promise.all(
      Array.from({ length: THREADS }, (_, at) => runHalf(at + 1, totalMs / THREADS, progress)),
    );
    const minutes = (performance.now() - startMs) / 60_000;
    const events = halves.reduce((sum, { half }) => sum + half.events, 0);
    const days = halves.reduce((sum, { half }) => sum + half.simulatedMs, 0) / (24 * HOUR_MS);
    const cpuMinutes = halves.reduce((sum, { half }) => sum + half.cpuMs, 0) / 60_000;
    const monthMinutes = ((cpuMinutes / days) * 30) / THREADS;
    return [
      row(quick ? "two hours, half in each thread" : "a month, half in each thread", minutes, "min", "by the wall"),
      row("CPU time of both threads", cpuMinutes, "min", ""),
      row("a month at that rate, two cores of its own", monthMinutes, "min", "wanted: under 30"),
      row("events, a CPU second", events / (cpuMinutes * 60), "events/s", ""),
      ...halves.flatMap(({ heapMB }, at) => [
        row(
          `heap of thread ${at + 1}, second tenth`,
          least(heapMB.slice(tenth(heapMB), 2 * tenth(heapMB))),
          "MB",
          "least of the looks",
        ),
        row(`heap of thread ${at + 1}, last tenth`, least(heapMB.slice(-tenth(heapMB))), "MB", "wanted: as before"),
      ]),
    ];
  },
};

/** @throws when a rule does not hold in it. */
async function runHalf(seed: number, durationMs: number, progress: (line: string) => void): Promise<Measured> {
  const options = { seed, nodes: 5, profile: "mixed", durationMs };
  const worker = new Worker(new URL("./sim-month-thread.ts", import.meta.url), {
    workerData: options,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
  });
  const heapMB: number[] = [];
  const startMs = performance.now();
  const looks = setInterval(() => {
    void worker.getHeapStatistics().then(
      ({ used_heap_size: used }) => {
        heapMB.push(used / 1e6);
        if (heapMB.length % 30 !== 0) return;
        const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
        progress(`seed ${seed}: ${minutes} min, ${(used / 1e6).toFixed(0)} MB`);
      },
      // It ended between two looks.
      () => {},
    );
  }, LOOK_MS);
  try {
    const half = await new Promise<Half>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if (!half.ok) throw new Error(`Seed ${seed} failed: ${half.failure?.invariant}, ${half.failure?.message}`);
    return { half, heapMB };
  } finally {
    clearInterval(looks);
    await worker.terminate();
  }
}

function tenth(values: readonly number[]): number {
  return Math.max(1, Math.floor(values.length / 10));
}

/** Just behind a collection of garbage, so what is held. */
function least(values: readonly number[]): number {
  return values.length === 0 ? 0 : Math.min(...values);
}

function row(measure: string, value: number, unit: string, note: string): Row {
  return { measure, value: Number(value.toPrecision(3)), unit, note };
}
