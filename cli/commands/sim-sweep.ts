/**
 * The runs of `blixard sim`: one seed or many, here or over threads.
 *
 *     seeds by number or by time ─▶ this thread, or sim/node's threads ─▶ results in the order of seeds ─▶ tally ─▶ summary, failures
 *
 * One seed alone, and runs whose events are printed, stay in this thread.
 */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { RunOptions, SeedLines, SeedResult, Summary } from "../../sim/index.ts";
import type { FailureFolder, SweepOptions, SweepOutcome } from "../../sim/node/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import type { Stream } from "../terminal.ts";
import { drawSeed, drawSweep, watchedSeed, type ReportFlags } from "./sim-report.ts";
import { keepFailed, lostSeed, replayKept } from "./sim-kept.ts";
import { sweepTeller } from "./sweep-detail.ts";
import { loadedRun, upgradeOf, type WholeNodeFlags } from "./sim-upgrade.ts";
import { lengthOption, toCount } from "./wait-options.ts";

const WORKERS_MAX = 256;
const MINUTES_MAX = 60 * 24 * 365;
const MINUTE_MS = 60_000;

/** Any seed that the drawn one may be. */
export const SEED_MAX: number = 2 ** 32 - 1;

export interface SweepFlags extends WholeNodeFlags {
  readonly seed?: number;
  readonly seeds: number;
  readonly nodes?: number;
  readonly duration: number;
  readonly schedule?: NonNullable<RunOptions["order"]>;
  readonly keepGoing?: boolean;
  readonly events?: boolean;
  readonly json?: boolean;
  readonly minutes?: number;
  readonly workers?: number;
  readonly hungAfter?: number;
  /** A folder. */
  readonly keep?: string;
  readonly verify?: boolean;
}

export function addSweepOptions(command: Command): void {
  command
    .addOption(
      new Option("--minutes <count>", "run seeds until so many minutes are over").argParser(toCount(1, MINUTES_MAX)),
    )
    .addOption(
      new Option(
        "--workers <count>",
        "threads that run seeds beside each other (default: as many as there are cores)",
      ).argParser(toCount(1, WORKERS_MAX)),
    )
    .addOption(
      lengthOption(
        "--hung-after <duration>",
        "end a sweep when a seed has no result after this long (default: 5m and its simulated time)",
      ),
    )
    .addOption(
      new Option(
        "--keep <folder>",
        "write each failing seed to a file there, and run those that are there already first",
      ),
    )
    .option("--verify", "run each seed in two threads; where the two differ, say in which event, and what led to it");
}

/** @throws {CliError} when a seed failed or has no result, or the sweep was interrupted. */
export async function runSweep(context: CliContext, flags: SweepFlags & ReportFlags): Promise<void> {
  const { formatSummary, neverReached, SeedLines } = await import("../../sim/index.ts");
  const lines = new SeedLines();
  const { out, err } = context.terminal;
  const first = flags.seed ?? context.now() % SEED_MAX;
  const { minutes, keep, verify } = flags;
  const isAlone = flags.seeds === 1 && minutes === undefined && keep === undefined && verify !== true;
  using interrupts = isAlone || flags.events === true ? null : context.takeInterrupts();
  const signal = interrupts?.first ?? null;
  const untilMs = flags.minutes === undefined ? null : performance.now() + flags.minutes * MINUTE_MS;
  const folder = flags.keep === undefined ? null : await folderAt(resolve(context.cwd, flags.keep));
  const again =
    folder && signal
      ? await replayKept({ ...context, folder, threads: await threadsOf(flags, signal), json: flags.json === true })
      : [];
  // Refused before the first seed, rather than by each thread.
  await loadedRun(optionsOf(flags, first));
  const progress = new Progress(err);
  const { value: end, elapsedMs } = await progress.step(
    titleOf(flags, first),
    async (step) => {
      const runs = runsOf(flags, first, untilMs);
      const outcomes =
        signal === null ? runHere(runs, flags.events === true ? out : null) : await runOverThreads(runs, flags, signal);
      const seeds = untilMs === null ? flags.seeds : null;
      const tell = sweepTeller({ step, interactive: err.interactive, seeds, untilMs, neverReached });
      return tally(outcomes, flags, async (summary, result) => {
        if (flags.json === true) out.write(`${JSON.stringify(result)}\n`);
        lines.add(result);
        if (folder && !result.ok) await keepFailed(folder, result, progress);
        tell(summary);
      });
    },
    ({ summary }) =>
      `${summary.seeds - summary.failed.length} of ${untilMs === null ? flags.seeds : summary.seeds} clean`,
  );
  if (flags.json !== true && end.summary.seeds > 0) out.write(`${formatSummary(end.summary, elapsedMs)}\n`);
  await drawEnd(context, flags, {
    first,
    again,
    wallMs: elapsedMs,
    lines,
    isInterrupted: signal?.aborted === true,
    ...end,
  });
  await refuseUnclean(end, again, signal);
}

interface DrawnEnd extends SweepEnd {
  readonly first: number;
  readonly lines: SeedLines;
  readonly again: readonly SeedResult[];
  readonly wallMs: number;
  readonly isInterrupted: boolean;
}

/** One seed is drawn whole, of many what failed. */
async function drawEnd(context: CliContext, flags: SweepFlags & ReportFlags, end: DrawnEnd): Promise<void> {
  if (flags.report === undefined) return;
  const { neverReached, replayCommand } = await import("../../sim/index.ts");
  const { first, summary, lost, again, wallMs, lines, isInterrupted } = end;
  const [only] = [...lines.failed, ...lines.clean];
  if (summary.seeds === 1 && flags.seeds === 1 && flags.minutes === undefined && flags.keep === undefined && only) {
    const run = optionsOf(flags, only.seed);
    return drawSeed(context, flags, run, { again: replayCommand(summary.failed[0] ?? run) });
  }
  const notes = [
    ...(lost === null ? [] : [`Seed ${lost.run.seed} has no result, ${lost.reason}. The sweep ended with it.`]),
    ...(isInterrupted ? ["The sweep was interrupted."] : []),
    ...(again.length === 0
      ? []
      : [`Of the failures that were kept these fail still: ${again.map(({ seed }) => seed).join(", ")}.`]),
  ];
  const failed = summary.failed.map(
    (result) => async () => watchedSeed({ ...optionsOf(flags, result.seed) }, { again: replayCommand(result) }),
  );
  const { profiles, marks } = summary;
  await drawSweep(
    context,
    flags,
    {
      ...{ title: titleOf(flags, first), totals: summary, profiles, wallMs, notes, seeds: lines },
      never: neverReached(profiles, marks),
      commands: [{ what: "Runs it again:", command: `${replayCommand(optionsOf(flags, first))}${manySeeds(flags)}` }],
    },
    failed,
  );
}

/** What makes the command of one seed that of the sweep. */
function manySeeds({ seeds, minutes, keepGoing }: SweepFlags): string {
  const many = minutes === undefined ? ` --seeds ${seeds}` : ` --minutes ${minutes}`;
  return `${many}${keepGoing === true ? " --keep-going" : ""}`;
}

/** Nothing where all is clean and done. `again`: kept failures that still fail. */
async function refuseUnclean(
  { summary, lost }: SweepEnd,
  again: readonly SeedResult[],
  signal: AbortSignal | null,
): Promise<void> {
  const { formatFailures } = await import("../../sim/index.ts");
  const failed = [...again, ...summary.failed];
  const failures = failed.length > 0 ? [formatFailures(failed)] : [];
  if (lost !== null) throw await lostSeed(lost, failures.map((told) => `${told}\n\n`).join(""));
  if (signal?.aborted === true) {
    const told = `Interrupted after ${summary.seeds} ${summary.seeds === 1 ? "seed" : "seeds"}.`;
    throw new CliError(EXIT.interrupted, [...failures, told].join("\n\n"));
  }
  if (failures.length > 0) throw new CliError(EXIT.failed, failures.join(""));
}

function titleOf({ seeds, minutes }: SweepFlags, first: number): string {
  if (minutes !== undefined) return `Seeds from ${first} on, for ${minutes} min`;
  return seeds === 1 ? `Seed ${first}` : `Seeds ${first} to ${first + seeds - 1}`;
}

/** Asked for one by one, so that time ends them between two. */
function* runsOf(flags: SweepFlags, first: number, untilMs: number | null): Generator<RunOptions> {
  const goesOn = (at: number): boolean => (untilMs === null ? at < flags.seeds : performance.now() < untilMs);
  for (let at = 0; goesOn(at); at++) yield optionsOf(flags, first + at);
}

/** The run of one seed. */
export function optionsOf(flags: SweepFlags, seed: number): RunOptions {
  const { nodes, vms, duration, profile, everyFault, schedule } = flags;
  return {
    seed,
    ...(nodes !== undefined && { nodes }),
    ...(vms !== undefined && { vms }),
    ...upgradeOf(flags),
    durationMs: duration,
    ...(profile !== undefined && { profile }),
    ...(everyFault === true && { everyFault }),
    ...(schedule !== undefined && { order: schedule }),
  };
}

/** One after another, with their lines to `events`. What a run throws is a fault of the simulator, and is thrown on. */
async function* runHere(runs: Iterable<RunOptions>, events: Stream | null): AsyncGenerator<SweepOutcome> {
  const { runSeed } = await import("../../sim/index.ts");
  for (const run of runs) {
    // A run does not let anything else happen in this process.
    await breathe();
    const lines: string[] = [];
    const result = runSeed({
      ...(await loadedRun(run)),
      ...(events !== null && { onLine: (line) => void lines.push(line) }),
    });
    for (const line of lines) events?.write(`${line}\n`);
    yield { type: "result", run, result };
  }
}

async function runOverThreads(
  runs: Iterable<RunOptions>,
  flags: SweepFlags,
  signal: AbortSignal,
): Promise<AsyncGenerator<SweepOutcome>> {
  const { sweep } = await import("../../sim/node/index.ts");
  return sweep({ ...(await threadsOf(flags, signal)), runs });
}

async function threadsOf(
  { workers = availableParallelism(), hungAfter, verify }: SweepFlags,
  signal: AbortSignal,
): Promise<Omit<SweepOptions, "runs">> {
  const { VERIFY_WORKER } = await import("../../sim/node/index.ts");
  const crew = verify === true ? { workers: Math.max(1, Math.floor(workers / 2)), file: VERIFY_WORKER } : { workers };
  return { ...crew, signal, ...(hungAfter !== undefined && { hungMs: hungAfter }) };
}

async function folderAt(path: string): Promise<FailureFolder> {
  const { FailureFolder: Folder } = await import("../../sim/node/index.ts");
  return new Folder(path);
}

interface SweepEnd {
  readonly summary: Summary;
  /** The run that has no result, and that ended the sweep. */
  readonly lost: Extract<SweepOutcome, { readonly type: "lost" }> | null;
}

/** Sums up until the first failure, or with `keepGoing` until the end. */
async function tally(
  outcomes: AsyncIterable<SweepOutcome>,
  { keepGoing }: SweepFlags,
  onResult: (summary: Summary, result: SeedResult) => Promise<void>,
): Promise<SweepEnd> {
  const { addToSummary, EMPTY_SUMMARY } = await import("../../sim/index.ts");
  let summary = EMPTY_SUMMARY;
  for await (const outcome of outcomes) {
    if (outcome.type === "lost") return { summary, lost: outcome };
    summary = addToSummary(summary, outcome.result);
    await onResult(summary, outcome.result);
    if (!outcome.result.ok && keepGoing !== true) break;
  }
  return { summary, lost: null };
}
