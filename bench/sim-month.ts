/**
 * A simulated month of five nodes, on two threads: each runs one seed for half a month, without a break. Two halves and not one whole: a run is one
 * thread's, since each event may depend on the one before it.
 *
 * Run to its end is the month under profile `months`, some 900 faults at the rates of a bad rack. Beside it, always, stands some of the same under the default
 * faults, which strike each few seconds, and what a month of that would take. With the rates it tells how much memory a thread holds early and late,
 * which must be the same; each is given so little that one which grows ends in an error.
 */
import { Worker } from "node:worker_threads";
import type { SeedResult } from "../sim/index.ts";
import type { Bench, Row } from "./bench.ts";

const THREADS = 2;
const HOUR_MS = 3_600_000;
const MONTH_DAYS = 30;

interface Measure {
  readonly profile: NonNullable<SeedResult["profile"]>;
  readonly faults: string;
  /** Simulated, by both threads together; `quick` with `--quick`. */
  readonly hours: number;
  readonly quick: number;
  readonly wanted: string;
}

const MEASURES: readonly Measure[] = [
  { profile: "months", faults: "a bad rack", hours: 24 * MONTH_DAYS, quick: 2, wanted: "wanted: under 30" },
  { profile: "mixed", faults: "default faults", hours: 4, quick: 2, wanted: "a fault each few seconds" },
];

/** What the objects of a thread may take. A run of minutes holds some 50 MB. */
const HEAP_MAX_MB = 256;

/** How often the memory of the threads is looked at. */
const LOOK_MS = 2000;

type Half = Pick<SeedResult, "ok" | "failure" | "events" | "simulatedMs" | "faults"> & { readonly cpuMs: number };

interface Measured {
  readonly half: Half;
  /** Megabytes that were held, in order of time. */
  readonly heapMB: readonly number[];
}

export const simMonthBench: Bench = {
  name: "sim-month",
  summary:
    "a simulated month of five nodes, half of it in each of two threads, and the rate under default faults; memory over time",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const measure of MEASURES) rows.push(...(await runBoth(measure, quick, progress)));
    return rows;
  },
};

async function runBoth(measure: Measure, quick: boolean, progress: (line: string) => void): Promise<readonly Row[]> {
  const { profile, faults, wanted } = measure;
  const hours = quick ? measure.quick : measure.hours;
  const startMs = performance.now();
  const halves = await Promise.all(
    Array.from({ length: THREADS }, (_, at) => runHalf({ profile, seed: at + 1, hours: hours / THREADS }, progress)),
  );
  const wallMinutes = (performance.now() - startMs) / 60_000;
  const sum = (of: (half: Half) => number): number => halves.reduce((total, { half }) => total + of(half), 0);
  const [events, seconds] = [sum((half) => half.events), sum(({ simulatedMs }) => simulatedMs) / 1000];
  const cpuSeconds = sum(({ cpuMs }) => cpuMs) / 1000;
  const struck = sum((half) => Object.values(half.faults).reduce((total, count) => total + count, 0));
  const monthMinutes = ((cpuSeconds / seconds) * MONTH_DAYS * 24 * 60) / THREADS;
  const name = `${profile}, ${hours === 24 * MONTH_DAYS ? "a month" : `${hours} hours`}`;
  return [
    row(`${name}, half in each thread`, wallMinutes, "min", "by the wall"),
    row(`${name}: CPU time of both threads`, cpuSeconds / 60, "min", ""),
    row(`${profile}: a month at that rate, two cores of its own`, monthMinutes, "min", wanted),
    row(`${profile}: simulated seconds, a CPU second`, seconds / cpuSeconds, "s/s", faults),
    row(`${profile}: events, a CPU second`, events / cpuSeconds, "events/s", ""),
    row(`${profile}: events, a simulated second`, events / seconds, "events/s", ""),
    row(`${profile}: faults, a simulated day`, (struck / seconds) * 86_400, "faults", ""),
    ...halves.flatMap(({ heapMB }, at) => [
      row(
        `${profile}: heap of thread ${at + 1}, second tenth`,
        least(heapMB.slice(tenth(heapMB), 2 * tenth(heapMB))),
        "MB",
        "least of the looks",
      ),
      row(
        `${profile}: heap of thread ${at + 1}, last tenth`,
        least(heapMB.slice(-tenth(heapMB))),
        "MB",
        "wanted: as before",
      ),
    ]),
  ];
}

interface Wanted {
  readonly profile: Measure["profile"];
  readonly seed: number;
  readonly hours: number;
}

/** @throws when a rule does not hold in it. */
async function runHalf({ profile, seed, hours }: Wanted, progress: (line: string) => void): Promise<Measured> {
  const worker = new Worker(new URL("./sim-month-thread.ts", import.meta.url), {
    workerData: { seed, nodes: 5, profile, durationMs: hours * HOUR_MS },
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
        progress(`${profile}, seed ${seed}: ${minutes} min, ${(used / 1e6).toFixed(0)} MB`);
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
    const { ok, failure } = half;
    if (!ok) throw new Error(`Seed ${seed} of ${profile} failed: ${failure?.invariant}, ${failure?.message}`);
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
