/**
 * The kernel beside nact 7.6.2 and, where `erl` is installed, Erlang: every measure of every system in a child process of its
 * own, in rounds that take the systems in turn, so that a noisy minute of the machine falls on all of them alike. The ratios
 * are medians of the rounds' own ratios. Erlang's figure is the better one of one scheduler and of as many as there are cores:
 * on few cores it is often faster with one.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MEASURES, type ChildFigures, type Measure } from "./actors/measured-system.ts";
import { spreadRow, type Bench, type Row } from "./bench.ts";

const ROUNDS = 5;
const QUICK_ROUNDS = 1;
/** What a quick run does of each count. */
const QUICK_SHARE = 0.1;
const CHILD = join(import.meta.dirname, "actors/child.ts");
const ERLANG_SOURCE = join(import.meta.dirname, "erlang/actors.erl");
/** One run of a child; the slowest takes a tenth of it. */
const CHILD_MS = 60_000;

type SystemName = "kernel" | "nact" | "erlang";

interface Plan {
  readonly what: string;
  readonly unit: string;
  /** So many that each system is busy for about half a second. */
  readonly counts: Readonly<Record<SystemName, number>>;
  /** What is wanted of the kernel, as a ratio to each. */
  readonly goals: Readonly<Partial<Record<"nact" | "erlang", string>>>;
}

const PLANS: Readonly<Record<Measure, Plan>> = {
  "ping-pong": {
    what: "ping-pong",
    unit: "messages/s",
    counts: { kernel: 4_000_000, nact: 200_000, erlang: 2_000_000 },
    goals: { erlang: "at least 2", nact: "" },
  },
  "one-way": {
    what: "one-way to one actor",
    unit: "messages/s",
    counts: { kernel: 8_000_000, nact: 200_000, erlang: 4_000_000 },
    goals: { erlang: "at least 1", nact: "at least 10" },
  },
  "fan-out": {
    what: "one-way to 1,000 actors",
    unit: "messages/s",
    counts: { kernel: 8_000_000, nact: 400_000, erlang: 4_000_000 },
    goals: { erlang: "at least 1", nact: "at least 10" },
  },
  "spawn-stop": {
    what: "spawn and stop",
    unit: "actors/s",
    counts: { kernel: 400_000, nact: 100_000, erlang: 200_000 },
    goals: { nact: "at least 1", erlang: "" },
  },
  ask: {
    what: "ask in sequence",
    unit: "asks/s",
    counts: { kernel: 1_000_000, nact: 100_000, erlang: 500_000 },
    goals: { nact: "", erlang: "" },
  },
  idle: {
    what: "idle actor",
    unit: "bytes",
    counts: { kernel: 1_000_000, nact: 200_000, erlang: 1_000_000 },
    goals: { nact: "", erlang: "" },
  },
};

const run = promisify(execFile);

async function runNode(system: "kernel" | "nact", measure: Measure, count: number): Promise<ChildFigures> {
  const args = ["--expose-gc", "--max-old-space-size=4096", CHILD, system, measure, String(count)];
  return JSON.parse((await run(process.execPath, args, { timeout: CHILD_MS })).stdout) as ChildFigures;
}

async function runErlang(folder: string, measure: Measure, count: number): Promise<number> {
  const args = ["+P", "2000000", "-noshell", "-pa", folder, "-run", "actors", "main", measure, String(count)];
  const many = Number((await run("erl", args, { timeout: CHILD_MS })).stdout);
  if (measure === "idle") return many;
  return Math.max(many, Number((await run("erl", ["+S", "1", ...args], { timeout: CHILD_MS })).stdout));
}

/** Compiles the Erlang side into `folder`; false where there is no Erlang. */
async function compileErlang(folder: string): Promise<boolean> {
  try {
    await run("erlc", ["-o", folder, ERLANG_SOURCE], { timeout: CHILD_MS });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

type Figures = Readonly<Record<SystemName, number[]>> & { readonly cpuNs: number[] };

function rowsOf(measure: Measure, figures: Figures): Row[] {
  const { what, unit, goals } = PLANS[measure];
  const rows: Row[] = [];
  const others = (["nact", "erlang"] as const).filter((name) => figures[name].length > 0);
  rows.push(
    spreadRow(what, figures.kernel, {
      unit,
      goal: measure === "ask" ? "the kernel; at least 1,000,000" : "the kernel",
    }),
  );
  if (measure !== "idle") rows.push(spreadRow("  CPU time of one", figures.cpuNs, { unit: "ns", goal: "the kernel" }));
  for (const name of others)
    rows.push(spreadRow(`  ${name}`, figures[name], { unit, goal: name === "nact" ? "7.6.2" : "" }));
  for (const name of others) {
    const ratios = figures.kernel.map((value, round) => value / (figures[name][round] ?? Number.NaN));
    rows.push(spreadRow(`  kernel / ${name}`, ratios, { unit: "x", goal: goals[name] ?? "" }));
  }
  return rows;
}

export const actorsBench: Bench = {
  name: "actors",
  summary: "messages, asks and spawns a second and bytes an actor, beside nact and Erlang",
  async run(progress, { quick }): Promise<readonly Row[]> {
    const folder = mkdtempSync(join(tmpdir(), "blixard-erlang-"));
    try {
      const erlang = await compileErlang(folder);
      if (!erlang) progress("no erlc on the PATH: without Erlang");
      const rows: Row[] = [];
      const rounds = quick ? QUICK_ROUNDS : ROUNDS;
      const share = quick ? QUICK_SHARE : 1;
      for (const measure of MEASURES) {
        const { counts } = PLANS[measure];
        const figures: Figures = { kernel: [], nact: [], erlang: [], cpuNs: [] };
        for (let round = 1; round <= rounds; round++) {
          progress(`${measure}, round ${round} of ${rounds}`);
          const kernel = await runNode("kernel", measure, counts.kernel * share);
          figures.kernel.push(kernel.value);
          figures.cpuNs.push(kernel.cpuNs);
          figures.nact.push((await runNode("nact", measure, counts.nact * share)).value);
          if (erlang) figures.erlang.push(await runErlang(folder, measure, counts.erlang * share));
        }
        rows.push(...rowsOf(measure, figures));
      }
      return rows;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
