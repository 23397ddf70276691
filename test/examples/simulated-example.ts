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
import { runCommandLine } from "../cli/run-command-line.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");

/** Seeds from 1 on, with nothing planted. */
export async function sweepExample(
  { make, sometimes = [] }: SimulationDefinition,
  { count }: { readonly count: number },
): Promise<SimulationSummary> {
  return simulateSeeds({ count, sometimes }, (seed) => make({ seed, planted: new Set() }));
}

export interface FoundExample {
  readonly seed: number;
  /** The rule that did not hold. */
  readonly invariant: string;
  /** Of the short run. */
  readonly events: readonly ScheduledEvent[];
}

/** The first seed that shows what was planted; its short run fails in the same way from a file, and not without what was planted. */
export async function findExample(
  definition: SimulationDefinition,
  plant: string,
  { count }: { readonly count: number },
): Promise<FoundExample> {
  for (let seed = 1; seed <= count; seed++) {
    const { run, result } = await recordSimulation(definition, { seed, planted: [plant] });
    if (result.failure === undefined) continue;
    const shrunk = await shrinkSimulation(definition, run);
    if (shrunk === null) throw new Error(`The replay of seed ${seed} does not fail`);
    const stored = parseSimulationRun(formatSimulationRun(shrunk, "test"), "a test");
    expect((await replaySimulation(definition, stored.run)).failure).toEqual(shrunk.failure);
    const mended = await replaySimulation(definition, { ...stored.run, planted: [] });
    expect(mended.failure, "it is the planted fault that breaks the rule").toBeUndefined();
    return { seed, invariant: shrunk.failure.invariant, events: stored.run.replay.schedule.events };
  }
  throw new Error(`None of ${count} seeds shows "${plant}"`);
}

/** Seeds that are run where the README has a thousand. */
const SEEDS = "20";

/** Runs each `blixard` command of its README, in order and over fewer seeds, and compares the rule that it tells of. */
export async function checkReadme(example: string): Promise<void> {
  const readme = readFileSync(join(REPOSITORY, "examples", example, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/```sh\nnpx blixard (.+)\n```\n\n(?:[^`]*```\n([^`]+)```)?/g)];
  expect(blocks.length).toBeGreaterThanOrEqual(3);
  const cwd = mkdtempSync(join(tmpdir(), "blixard-example-"));
  try {
    for (const [, line = "", shown = ""] of blocks) {
      const asked = line.replace(/--seeds \d+/, `--seeds ${SEEDS}`).replace("examples/", `${REPOSITORY}/examples/`);
      const { exitCode, out, err } = await runCommandLine(asked.split(" "), { cwd });
      const told = `${line}\n${out}${err}`;
      expect(exitCode, told).toBe(/--plant|--replay/.test(line) ? 1 : 0);
      const rule = /failed after [^:]+: (.+)/.exec(shown)?.[1];
      if (rule !== undefined) expect(told).toContain(rule);
      if (exitCode === 0) expect(out).toContain(`${SEEDS} seeds: all clean`);
    }
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
