/** `blixard sim --actors FILE --seeds N`: seeds of a user's actors, one after another or over threads. */
import { availableParallelism } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import type { SeedLines, SimulateOptions, SimulationResult, SimulationSummary } from "../../sim/index.ts";
import type { SimulationTask, SweepOutcome } from "../../sim/node/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import type { Stream } from "../terminal.ts";
import { seedCommand, type ActorsFlags, type ActorsRequest } from "./sim-actors.ts";
import { drawActors, drawSweep, watchedActors } from "./sim-report.ts";
import { sweepTeller } from "./sweep-detail.ts";

const MINUTE_MS = 60_000;

/** Failures that are told whole; of the others only the seeds. */
const TOLD_MAX = 5;

type Outcome = SweepOutcome<SimulationTask, SimulationResult>;

interface SweepEnd {
  readonly summary: SimulationSummary;
  /** The run that has no result, and that ended the sweep. */
  readonly lost: Extract<Outcome, { readonly type: "lost" }> | null;
}

/**
 * Null: all is clean and done.
 * @returns with --shrink the seed that failed, untold.
 * @throws {CliError} when a seed failed or has no result, a mark was never reached, or the sweep was interrupted.
 */
export async function sweepActors(context: CliContext, request: ActorsRequest): Promise<number | null> {
  const { endSimulations, formatSimulationTotals, SeedLines } = await import("../../sim/index.ts");
  const lines = new SeedLines();
  const { flags, task, definition } = request;
  const { sometimes = [] } = definition;
  const { out, err } = context.terminal;
  const { seeds, minutes } = flags;
  const untilMs = minutes === undefined ? null : performance.now() + minutes * MINUTE_MS;
  const isHere = flags.events === true || (seeds === 1 && minutes === undefined);
  using interrupts = isHere ? null : context.takeInterrupts();
  const signal = interrupts?.first ?? null;
  const wanted = seeds === 1 && minutes === undefined ? [] : sometimes;
  const { value: end, elapsedMs } = await new Progress(err).step(
    titleOf(request),
    async (step) => {
      const tasks = tasksOf(flags, task, untilMs);
      const outcomes =
        signal === null
          ? runHere(request, tasks, flags.events === true ? out : null)
          : await runOverThreads(flags, tasks, signal);
      const neverReached = (_: unknown, marks: Readonly<Record<string, number>>): readonly string[] =>
        wanted.filter((mark) => !(mark in marks));
      const seedsMax = untilMs === null ? seeds : null;
      const tell = sweepTeller({ step, interactive: err.interactive, seeds: seedsMax, untilMs, neverReached });
      return tally(outcomes, flags, (summary, result) => {
        if (flags.json === true) out.write(`${JSON.stringify(result)}\n`);
        lines.add(result);
        tell({ ...summary, profiles: {} });
      });
    },
    ({ summary }) => describeEnd(summary, flags),
  );
  const isWhole = end.lost === null && signal?.aborted !== true && end.summary.failed.length === 0;
  const summary = isWhole ? endSimulations(end.summary, wanted) : end.summary;
  if (flags.json !== true && summary.seeds > 0) out.write(`${formatSimulationTotals(summary, elapsedMs)}\n`);
  const [found] = summary.failed;
  if (flags.shrink !== undefined && found !== undefined) return found.seed;
  await drawEnd(context, request, {
    ...end,
    summary,
    lines,
    wallMs: elapsedMs,
    isInterrupted: signal?.aborted === true,
  });
  await refuseUnclean(request, { ...end, summary }, signal);
  return null;
}

/** A sweep that ends with its first failure has not looked at the others. */
function describeEnd({ seeds, failed }: SimulationSummary, { keepGoing, seeds: asked }: ActorsFlags): string {
  const [first] = failed;
  const isEnded = first !== undefined && keepGoing !== true && asked > 1;
  return isEnded ? `seed ${first.seed} fails, after ${seeds - 1} clean` : `${seeds - failed.length} of ${seeds} clean`;
}

function titleOf({ definition, flags: { seeds, minutes }, task: { seed, planted = [] } }: ActorsRequest): string {
  const broken = planted.length === 0 ? "" : `, with ${planted.join(" and ")}`;
  const name = `${definition.name}${broken}`;
  if (minutes !== undefined) return `${name}: seeds from ${seed} on, for ${minutes} min`;
  return seeds === 1 ? `${name}: seed ${seed}` : `${name}: seeds ${seed} to ${seed + seeds - 1}`;
}

/** Asked for one by one, so that time ends them between two. */
function* tasksOf({ seeds }: ActorsFlags, task: SimulationTask, untilMs: number | null): Generator<SimulationTask> {
  const goesOn = (at: number): boolean => (untilMs === null ? at < seeds : performance.now() < untilMs);
  for (let at = 0; goesOn(at); at++) yield { ...task, seed: task.seed + at };
}

/** One after another, with their lines to `events`. What a run throws is a fault of the user's file, and is thrown on. */
async function* runHere(
  { definition, name }: ActorsRequest,
  tasks: Iterable<SimulationTask>,
  events: Stream | null,
): AsyncGenerator<Outcome> {
  const { runTask } = await import("../../sim/node/index.ts");
  for (const run of tasks) {
    // A run does not let anything else happen in this process.
    await breathe();
    const lines: string[] = [];
    const watched = events === null ? {} : { onLine: (line: string) => void lines.push(line) };
    const result = await runTask(definition, run, watched).catch((error: unknown) => {
      throw new CliError(EXIT.failed, `Cannot simulate ${name}: ${String(error)}`, { cause: error });
    });
    for (const line of lines) events?.write(`${line}\n`);
    yield { type: "result", run, result };
  }
}

async function runOverThreads(
  { workers = availableParallelism(), hungAfter }: ActorsFlags,
  runs: Iterable<SimulationTask>,
  signal: AbortSignal,
): Promise<AsyncGenerator<Outcome>> {
  const { sweepSimulation } = await import("../../sim/node/index.ts");
  return sweepSimulation({ runs, workers, signal, ...(hungAfter !== undefined && { hungMs: hungAfter }) });
}

/** Sums up until the first failure, or with `keepGoing` until the end. */
async function tally(
  outcomes: AsyncIterable<Outcome>,
  { keepGoing }: ActorsFlags,
  onResult: (summary: SimulationSummary, result: SimulationResult) => void,
): Promise<SweepEnd> {
  const { addSimulation, EMPTY_SIMULATIONS } = await import("../../sim/index.ts");
  let summary = EMPTY_SIMULATIONS;
  for await (const outcome of outcomes) {
    if (outcome.type === "lost") return { summary, lost: outcome };
    summary = addSimulation(summary, outcome.result);
    onResult(summary, outcome.result);
    if (!outcome.result.ok && keepGoing !== true) break;
  }
  return { summary, lost: null };
}

interface DrawnEnd extends SweepEnd {
  readonly lines: SeedLines;
  readonly wallMs: number;
  readonly isInterrupted: boolean;
}

/** With --report: one seed is drawn whole, of many what failed. */
async function drawEnd(context: CliContext, request: ActorsRequest, end: DrawnEnd): Promise<void> {
  const { definition, flags, name, task } = request;
  if (flags.report === undefined) return;
  const { optionsOfSimulation } = await import("../../sim/index.ts");
  const { summary, lost, lines, wallMs, isInterrupted } = end;
  const { file: _, verify: __, ...asked } = task;
  const of = (seed: number): { readonly name: string; readonly options: SimulateOptions } => {
    return { name: definition.name, options: optionsOfSimulation(definition, { ...asked, seed }) };
  };
  const commandOf = (seed: number): string => seedCommand(name, { ...task, seed });
  if (flags.seeds === 1 && flags.minutes === undefined && summary.seeds === 1) {
    return drawActors(context, flags, of(task.seed), { again: commandOf(task.seed) });
  }
  const notes = [
    ...(lost === null ? [] : [`Seed ${lost.run.seed} has no result, ${lost.reason}. The sweep ended with it.`]),
    ...(isInterrupted ? ["The sweep was interrupted."] : []),
  ];
  const many = flags.minutes === undefined ? `--seeds ${flags.seeds}` : `--minutes ${flags.minutes}`;
  await drawSweep(
    context,
    flags,
    {
      ...{ title: titleOf(request), totals: summary, wallMs, notes, seeds: lines, never: summary.unreached },
      commands: [{ what: "Runs it again:", command: `${commandOf(task.seed)} ${many}` }],
    },
    summary.failed.map(({ seed }) => async () => {
      const { name: title, options } = of(seed);
      return watchedActors(title, options, { again: commandOf(seed) });
    }),
  );
}

/** Nothing where all is clean and done. */
async function refuseUnclean(
  { name, task }: ActorsRequest,
  { summary, lost }: SweepEnd,
  signal: AbortSignal | null,
): Promise<void> {
  const { DECIDED_BY_SEED, formatSimulation } = await import("../../sim/index.ts");
  const { failed, seeds, unreached } = summary;
  const told = failed.slice(0, TOLD_MAX).map((result) => {
    const again = seedCommand(name, { ...task, seed: result.seed });
    // What differs from run to run is no run that could be made short.
    if (task.verify === true && result.failure?.invariant === DECIDED_BY_SEED) {
      return formatSimulation(result, `${again} --verify`);
    }
    return `${formatSimulation(result, again)}\nMake it short:  ${again} --shrink\nDraw it:        ${again} --shrink --report seed-${result.seed}.html`;
  });
  const others = failed.slice(TOLD_MAX).map(({ seed }) => seed);
  if (others.length > 0) told.push(`These seeds failed, too: ${others.join(", ")}`);
  if (lost !== null) {
    told.push(`Cannot finish the sweep: seed ${lost.run.seed} has no result, ${lost.reason}`);
    const hint = `Run it by itself: ${seedCommand(name, lost.run)}`;
    throw new CliError(EXIT.failed, told.join("\n\n"), { hint });
  }
  if (signal?.aborted === true) {
    told.push(`Interrupted after ${seeds} ${seeds === 1 ? "seed" : "seeds"}.`);
    throw new CliError(EXIT.interrupted, told.join("\n\n"));
  }
  if (unreached.length > 0) told.push(`None of ${seeds} seeds reached: ${unreached.join(", ")}`);
  if (told.length > 0) throw new CliError(EXIT.failed, told.join("\n\n"));
}
