/** The loads that are put on each system, what they are to reach, and the rows that come of it. */
import type { Row } from "../bench.ts";
import type { LoadGenerator, LoadReport } from "./load-generator.ts";
import type { LoadJob } from "./load.ts";
import type { MeasuredSystem } from "./measured-system.ts";

export interface MeasuredLoad {
  readonly name: string;
  readonly clients: number;
  /** The share of reads. */
  readonly reads: number;
  /** What etcd 3.4.23 did, loaded by its own benchmark, on a quiet machine of the kind that the goals were set for. */
  readonly quoted?: { readonly perSecond: number; readonly p50?: number; readonly p99?: number };
  readonly goal: string;
}

export const MEASURED_LOADS: readonly MeasuredLoad[] = [
  { name: "writes, 1 client", clients: 1, reads: 0, quoted: { perSecond: 1240, p50: 0.8 }, goal: "p50 under 0.75 x" },
  { name: "writes, 64 clients", clients: 64, reads: 0, quoted: { perSecond: 10_000 }, goal: "" },
  {
    name: "writes, 256 clients",
    clients: 256,
    reads: 0,
    quoted: { perSecond: 15_500, p99: 33 },
    goal: "4 x at a lower p99",
  },
  {
    name: "writes, 1,000 clients",
    clients: 1000,
    reads: 0,
    quoted: { perSecond: 18_000, p99: 112 },
    goal: "5 x at a lower p99",
  },
  { name: "reads, 1 client", clients: 1, reads: 1, quoted: { perSecond: 3350, p50: 0.3 }, goal: "p50 not above" },
  { name: "reads, 256 clients", clients: 256, reads: 1, quoted: { perSecond: 24_700, p99: 22 }, goal: "4 x" },
  { name: "reads, 1,000 clients", clients: 1000, reads: 1, quoted: { perSecond: 24_700, p99: 74 }, goal: "4 x" },
  { name: "half reads, 1 client", clients: 1, reads: 0.5, goal: "" },
  { name: "half reads, 256 clients", clients: 256, reads: 0.5, goal: "" },
  { name: "half reads, 1,000 clients", clients: 1000, reads: 0.5, goal: "" },
];

/** Of 16 to 64, as the goals say; more do not make more of a client that waits. */
const CONNECTIONS = 16;

/** Warm-ups of one client, in those of many. */
const LONE_WARM_UPS = 4;

export interface LoadTimes {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** By system and load, one report a round. Systems take turns within a round, so that a noisy minute hits all of them. */
export type Reports = ReadonlyMap<MeasuredSystem, ReadonlyMap<string, LoadReport[]>>;

export async function measureLoads(
  systems: readonly { readonly system: MeasuredSystem; readonly generator: LoadGenerator }[],
  loads: readonly MeasuredLoad[],
  { rounds, warmUpMs, measureMs, progress }: LoadTimes & { readonly progress: (line: string) => void },
): Promise<Reports> {
  const reports = new Map(
    systems.map(({ system }) => [system, new Map(loads.map(({ name }) => [name, [] as LoadReport[]]))]),
  );
  for (const { system, generator } of systems) {
    progress(`${system.name}: writing every key once`);
    await generator.connect(system, CONNECTIONS);
    await generator.fill();
  }
  // Many clients first: what the compiler learns of them is what a server that has run for a while knows.
  const order = loads.toSorted((a, b) => b.clients - a.clients);
  for (let round = 1; round <= rounds; round++) {
    for (const load of order) {
      const { clients, reads } = load;
      // One client makes few requests a second, and a process that was just loaded otherwise has to find its way back first.
      const job: LoadJob = { clients, reads, warmUpMs: clients === 1 ? LONE_WARM_UPS * warmUpMs : warmUpMs, measureMs };
      for (const { system, generator } of systems) {
        const report = await generator.run(system, job);
        if (report.failed > 0) throw new Error(`${load.name}: ${report.failed} requests failed at ${system.name}`);
        reports.get(system)?.get(load.name)?.push(report);
        progress(
          `round ${round} of ${rounds}, ${load.name}: ${system.name} ${Math.round(report.perSecond).toLocaleString("en-US")}/s, p50 ${report.p50.toFixed(2)} ms, p99 ${report.p99.toFixed(1)} ms`,
        );
      }
    }
  }
  return reports;
}

/** Two rows a load: ours, beside the other system where it ran and beside what is quoted of it. */
export function loadRows(reports: Reports, ours: MeasuredSystem, theirs: MeasuredSystem | null): readonly Row[] {
  return MEASURED_LOADS.flatMap((load) => {
    const our = summary(reports.get(ours)?.get(load.name));
    const their = theirs && summary(reports.get(theirs)?.get(load.name));
    if (our === null) return [];
    const { quoted } = load;
    const beside = [
      their && `${ratio(our.perSecond, their.perSecond)} of ${theirs?.name} here (${figures(their)})`,
      quoted && `${ratio(our.perSecond, quoted.perSecond)} of etcd's own benchmark (${figuresOf(quoted)})`,
      load.goal && `wanted ${load.goal}`,
    ].filter((part) => typeof part === "string" && part !== "");
    return [
      { measure: load.name, value: Math.round(our.perSecond), unit: "/s", note: beside.join("; ") },
      {
        measure: "  median, 99th percentile",
        value: Number(our.p50.toPrecision(3)),
        unit: "ms",
        note: `p99 ${our.p99.toPrecision(3)} ms; ${our.runs} runs, ${our.lowest} to ${our.highest}/s`,
      },
      {
        measure: "  CPU of a request",
        value: Number(our.systemCpuUs.toPrecision(3)),
        unit: "µs",
        note: `the load itself ${our.loadCpuUs.toPrecision(3)} µs${their ? `; ${theirs?.name} ${their.systemCpuUs.toPrecision(3)} µs` : ""}`,
      },
    ];
  });
}

interface Summary {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly systemCpuUs: number;
  readonly loadCpuUs: number;
  readonly runs: number;
  readonly lowest: string;
  readonly highest: string;
}

export function summary(reports: readonly LoadReport[] | undefined): Summary | null {
  if (reports === undefined || reports.length === 0) return null;
  const rates = reports.map(({ perSecond }) => perSecond);
  const text = (rate: number): string => Math.round(rate).toLocaleString("en-US");
  return {
    perSecond: median(rates),
    p50: median(reports.map(({ p50 }) => p50)),
    p99: median(reports.map(({ p99 }) => p99)),
    systemCpuUs: median(reports.map(({ systemCpuUs }) => systemCpuUs)),
    loadCpuUs: median(reports.map(({ loadCpuUs }) => loadCpuUs)),
    runs: reports.length,
    lowest: text(Math.min(...rates)),
    highest: text(Math.max(...rates)),
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function ratio(ours: number, theirs: number): string {
  return `${(ours / theirs).toPrecision(3)} x`;
}

function figures({ perSecond, p50, p99 }: Summary): string {
  return `${Math.round(perSecond).toLocaleString("en-US")}/s, p50 ${p50.toPrecision(3)} ms, p99 ${p99.toPrecision(3)} ms`;
}

function figuresOf({ perSecond, p50, p99 }: NonNullable<MeasuredLoad["quoted"]>): string {
  const times = [p50 === undefined ? [] : [`p50 ${p50} ms`], p99 === undefined ? [] : [`p99 ${p99} ms`]].flat();
  return [`${perSecond.toLocaleString("en-US")}/s`, ...times].join(", ");
}
