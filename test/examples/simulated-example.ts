/** What the examples that come with a simulation are asked: clean without the planted fault, found with it, short, and as their README says. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import {
  formatSimulationRun,
  parseSimulationRun,
  recordSimulation,
  replaySimulation,
  shrinkSimulation,
  simulateSeeds,
  type ScheduledEvent,
  type SimulationDefinition,
  type SimulationSummary,
} from "../../library/sim.ts";
import { readChapter } from "../docs/guide-listings.ts";
import { runCommandLine } from "../cli/run-command-line.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");

/** Seeds from 1 on, with nothing planted. */
export async function sweepExample(
  { make, sometimes = [] }: SimulationDefinition,
  { count }: { readonly count: number },
): Promise<SimulationSummary> {
  return simulateSeeds({ count, sometimes }, (seed) => make({ seed, planted: new Set() }));
}

/** Seeds that are looked at. */
const SEARCHED = 1000;

export interface FoundExample {
  readonly seed: number;
  /** The rule that did not hold. */
  readonly invariant: string;
  /** Of the short run. */
  readonly events: readonly ScheduledEvent[];
}

/**
 * The first seed from there on that shows what was planted; its run, made short in so many runs, fails in the same way from a file, and not without
 * what was planted. That the first thousand show it, and how short it becomes, is what the README's commands are run for.
 */
export async function findExample(
  definition: SimulationDefinition,
  plant: string,
  { from, runsMax }: { readonly from: number; readonly runsMax: number },
): Promise<FoundExample> {
  for (let seed = from; seed < from + SEARCHED; seed++) {
    const { run, result } = await recordSimulation(definition, { seed, planted: [plant] });
    if (result.failure === undefined) continue;
    const shrunk = await shrinkSimulation(definition, run, { runsMax });
    if (shrunk === null) throw new Error(`The replay of seed ${seed} does not fail`);
    const stored = parseSimulationRun(formatSimulationRun(shrunk, "test"), "a test");
    expect((await replaySimulation(definition, stored.run)).failure).toEqual(shrunk.failure);
    const mended = await replaySimulation(definition, { ...stored.run, planted: [] });
    expect(mended.failure, "it is the planted fault that breaks the rule").toBeUndefined();
    return { seed, invariant: shrunk.failure.invariant, events: stored.run.replay.schedule.events };
  }
  throw new Error(`None of ${SEARCHED} seeds from ${from} on shows "${plant}"`);
}

/** Seeds that are run where the README has a thousand, and nothing is planted. */
const SEEDS = 20;

/** Runs each `blixard` command of a README, in order, and compares how it ends with what is shown there. */
export async function readmeProblems(example: string): Promise<readonly string[]> {
  const readme = readFileSync(join(REPOSITORY, "examples", example, "README.md"), "utf8");
  const { commands } = readChapter(readme);
  const cwd = mkdtempSync(join(tmpdir(), "blixard-example-"));
  const problems: string[] = [];
  try {
    for (const { command, output } of commands) {
      const line = command.includes("--plant") ? command : command.replace(/--seeds \d+/, `--seeds ${SEEDS}`);
      const args = line.replace("examples/", `${REPOSITORY}/examples/`).split(" ").slice(2);
      const { exitCode, out, err } = await runCommandLine(args, { cwd });
      const [told, shown] = [endOf(`${out}\n${err}`), endOf(output)];
      // Twenty seeds need not reach what a thousand do.
      const isLess = exitCode === 1 && told === "never reached";
      if (told === shown || (isLess && shown === "clean")) continue;
      problems.push(`${command} ended "${told}", not "${shown}":\n${out}${err}`);
    }
    if (commands.length < 3) problems.push("it shows too few commands");
  } finally {
    rmSync(cwd, { recursive: true });
  }
  return problems;
}

function endOf(printed: string): string {
  if (/\d seeds: all clean/.test(printed)) return /None of \d+ seeds reached/.test(printed) ? "never reached" : "clean";
  if (printed.includes("It still fails")) return "fails still";
  return /Shrinking: .*\n[\s\S]*Wrote .*html[\s\S]*failed after/.test(printed)
    ? "found, shrunk and drawn"
    : "something else";
}
