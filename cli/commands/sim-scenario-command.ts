/**
 * `blixard sim scenario`: would a platform survive what a scenario file says?
 *
 *     FILE…, --platform ─▶ scenario/read-scenarios.ts ─▶ plans ─▶ seeds over threads ─▶ summary ─▶ text or JSON, exit code
 */
import { availableParallelism } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import type { Command } from "commander";
import type { ScenarioRun, ScenarioSummary } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { formatAge } from "../output/duration.ts";
import { Progress, type Step } from "../progress.ts";
import type { ReadScenario } from "../scenario/read-scenarios.ts";
import { refuseUnwritable } from "./sim-output-files.ts";
import { drawScenario } from "./sim-report.ts";
import { takeInherited, toChoice } from "./sim-inherited-option.ts";

/** Where nobody says: so that the answer is the same each time it is asked. */
const SEED_DEFAULT = 1;

const TELL_EVERY_MS = 500;

const MORE = `
A scenario says what a cluster is made of, what runs on it, what strikes it and what is expected then: docs/scenarios.md has the
format, examples/scenarios some to begin with. Each seed draws delays, elections and the like anew; an expectation holds when it is kept under all.

Examples:
  blixard sim scenario examples/scenarios/lose-zone.yaml
  blixard sim scenario lose-zone.yaml --platform platform.yaml     the VMs of your manifests, in the cluster of the file
  blixard get nodes -o yaml >nodes.yaml                            in a folder with your manifests: your nodes as well
  blixard sim scenario lose-zone.yaml --seed 7 --events            one run, with everything that happened in it
  blixard sim scenario --schema >scenario.schema.json              the format, for editors

Exit codes: 0 everything expected holds · 1 it does not · 2 a file is wrong`;

interface ScenarioFlags {
  readonly platform?: string;
  readonly schema?: boolean;
  readonly seed?: number;
  readonly seeds?: number;
  readonly workers?: number;
  /** A file. */
  readonly report?: string;
  readonly events: boolean;
  readonly output: "text" | "json";
}

/** Options of `blixard sim` that mean the same here. */
const SHARED = ["seed", "seeds", "workers", "report", "events"] as const;

export function addSimScenarioCommand(sim: Command, context: CliContext): void {
  const command = sim
    .command("scenario")
    .description("would a platform survive what a scenario file says")
    .argument("[file...]", "scenario files, or folders of them; - for standard input")
    .option(
      "--platform <path>",
      "the manifests you apply, in place of the VMs of the files; with nodes, in place of theirs",
    )
    .option("--seeds <count>", "how many seeds (default: as the file says, or 20)")
    .option("--seed <number>", `the first seed; alone: only this one (default: ${SEED_DEFAULT})`)
    .option("--workers <count>", "threads that run seeds beside each other (default: as many as there are cores)")
    .option("--events", "print every event of one run")
    .option("--report <file>", "write a page about one run, the worst, with a sequence diagram (HTML)")
    .option("--schema", "print the JSON Schema of the format, and run nothing")
    .option("-o, --output <format>", 'form of the output (choices: "text", "json", default: "text")')
    .addHelpText("after", MORE);
  command.action(async (files: readonly string[]) => {
    refuseOptionsOf(sim, command);
    const output = takeInherited(command, "output", toChoice<"text" | "json">(["text", "json"])) ?? "text";
    const flags = { ...command.opts<ScenarioFlags>(), ...sharedOf(sim), output };
    if (flags.schema === true) return printSchema(context);
    await runScenarios(context, files, flags);
  });
}

/** What stands behind the second command is taken by the first, which reads it as its own. */
function sharedOf(sim: Command): Omit<ScenarioFlags, "platform" | "schema" | "output"> {
  const given: Partial<ScenarioFlags> = Object.fromEntries(
    SHARED.flatMap((name) => (sim.getOptionValueSource(name) === "cli" ? [[name, sim.getOptionValue(name)]] : [])),
  );
  return { ...given, events: given.events === true };
}

/** Options that only a drawn simulation has would be without effect. */
function refuseOptionsOf(sim: Command, command: Command): void {
  const own = new Set(command.options.map((option) => option.attributeName()));
  const given = sim.options.find((option) => {
    const name = option.attributeName();
    return !own.has(name) && sim.getOptionValueSource(name) === "cli";
  });
  if (given === undefined) return;
  throw usageError(
    `Cannot run a scenario with ${given.long ?? given.flags}: the file says what is run.`,
    'See "blixard sim scenario --help".',
  );
}

async function printSchema({ terminal }: CliContext): Promise<void> {
  const { editorSchema } = await import("../../sim/index.ts");
  terminal.out.write(`${JSON.stringify(editorSchema(), null, 2)}\n`);
}

async function runScenarios(context: CliContext, files: readonly string[], flags: ScenarioFlags): Promise<void> {
  if (files.length === 0) {
    throw usageError("Cannot run a scenario: none is named.", "For example: blixard sim scenario examples/scenarios");
  }
  const { cwd, readStdin, terminal } = context;
  const { readScenarios } = await import("../scenario/read-scenarios.ts");
  const scenarios = await readScenarios(files, { cwd, readStdin, platform: flags.platform ?? null });
  if (flags.events && (scenarios.length > 1 || flags.seed === undefined || (flags.seeds ?? 1) > 1)) {
    throw usageError("Cannot print the events of many runs.", "Name one scenario and one seed: --seed 1 --events");
  }
  await refuseUnwritable(context, flags);
  if (flags.report !== undefined && scenarios.length > 1) {
    throw usageError(`Cannot draw ${scenarios.length} scenarios into one page.`, "Name one scenario.");
  }
  const { formatScenario } = await import("../../sim/index.ts");
  const summaries: ScenarioSummary[] = [];
  for (const scenario of scenarios) {
    const summary = await runOne(context, scenario, flags);
    summaries.push(summary);
    const again = `blixard sim scenario ${scenario.file}${flags.platform === undefined ? "" : ` --platform ${flags.platform}`}`;
    if (flags.output === "text") {
      const commandOf = (seed: number): string => `${again} --seed ${seed} --events`;
      const gap = summaries.length > 1 ? "\n" : "";
      terminal.out.write(gap + formatScenario({ plan: scenario.plan, summary, commandOf }));
    }
    const seed = summary.worstSeed ?? flags.seed ?? SEED_DEFAULT;
    await drawScenario(context, flags, { plan: scenario.plan, seed, again: `${again} --seed ${seed}` });
  }
  if (flags.output === "json") {
    terminal.out.write(`${JSON.stringify({ ok: summaries.every(({ ok }) => ok), scenarios: summaries }, null, 2)}\n`);
  }
  const failed = summaries.filter(({ ok }) => !ok).map(({ scenario }) => scenario);
  if (failed.length === 0) return;
  const of = summaries.length === 1 ? "The scenario does" : `${failed.length} of ${summaries.length} scenarios do`;
  throw new CliError(EXIT.failed, `${of} not hold: ${failed.join(", ")}`);
}

/** @throws {CliError} when it is interrupted, or a seed has no result. */
async function runOne(context: CliContext, { plan }: ReadScenario, flags: ScenarioFlags): Promise<ScenarioSummary> {
  const { summarize } = await import("../../sim/index.ts");
  const first = flags.seed ?? SEED_DEFAULT;
  const count = flags.seeds ?? (flags.seed === undefined ? plan.seeds : 1);
  const { terminal } = context;
  const runs: ScenarioRun[] = [];
  using interrupts = count === 1 ? null : context.takeInterrupts();
  const signal = interrupts?.first;
  const title = count === 1 ? `${plan.name}: seed ${first}` : `${plan.name}: seeds ${first} to ${first + count - 1}`;
  await new Progress(terminal.err).step(
    title,
    async (step) => {
      if (count === 1) {
        runs.push(await runHere(plan, first, flags.events ? (line) => terminal.out.write(`${line}\n`) : null));
        return;
      }
      const tell = teller(step, count);
      const tasks = Array.from({ length: count }, (_, at) => ({ plan, seed: first + at, durationMs: plan.durationMs }));
      const { sweepScenario } = await import("../../sim/node/index.ts");
      const workers = Math.min(count, flags.workers ?? availableParallelism());
      for await (const outcome of sweepScenario({ runs: tasks, workers, ...(signal && { signal }) })) {
        if (outcome.type === "lost") {
          throw new CliError(
            EXIT.failed,
            `Seed ${outcome.run.seed} of "${plan.name}" has no result: ${outcome.reason}`,
          );
        }
        runs.push(outcome.result);
        tell(runs);
      }
    },
    () => `${runs.filter(({ ok }) => ok).length} of ${count} hold`,
  );
  if (runs.length < count) {
    throw new CliError(EXIT.interrupted, `Interrupted after ${runs.length} of ${count} seeds of "${plan.name}".`);
  }
  return summarize(plan, runs);
}

async function runHere(
  plan: ReadScenario["plan"],
  seed: number,
  print: ((line: string) => void) | null,
): Promise<ScenarioRun> {
  const { runScenario } = await import("../../sim/index.ts");
  // A run does not let anything else happen in this process.
  await breathe();
  const lines: string[] = [];
  const run = runScenario({ plan, seed, ...(print !== null && { onLine: (line) => void lines.push(line) }) });
  for (const line of lines) print?.(line);
  return run;
}

function teller(step: Step, count: number): (runs: readonly ScenarioRun[]) => void {
  const startedMs = performance.now();
  let toldMs = startedMs;
  return (runs) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < TELL_EVERY_MS) return;
    toldMs = nowMs;
    const leftMs = ((count - runs.length) * (nowMs - startedMs)) / runs.length;
    const broken = runs.filter(({ ok }) => !ok).length;
    step.detail(`${runs.length} of ${count} seeds, ${broken} do not hold, ${formatAge(leftMs)} left`);
  };
}
