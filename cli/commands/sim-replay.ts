/**
 * `blixard sim --record`, `--replay` and `--shrink`: one run as a file, and a failing one made short.
 *
 *     seed ─▶ recorded ─┬─▶ file (--record)
 *     file ─▶ replayed ─┴─▶ shrunk (--shrink) ─▶ file
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { Replayable, ReplayFile, SeedResult, Shrunk } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import { blixardVersion } from "../version.ts";
import { writeRun } from "./sim-output-files.ts";
import { drawSeed, type ReportFlags } from "./sim-report.ts";
import { optionsOf, SEED_MAX, type SweepFlags } from "./sim-sweep.ts";
import { compare, shrinkingMs, SHRINK_MINUTES_DEFAULT } from "./sim-repeated-run.ts";

/** How long it shrinks before it lets anything else happen, and how often it says how far it is. */
const BREATHE_EVERY_MS = 50;
const TELL_EVERY_MS = 1000;

export interface ReplayFlags {
  readonly record?: string;
  readonly replay?: string;
  /** True: into a file whose name says of what. */
  readonly shrink?: string | true;
}

export function addReplayOptions(command: Command): void {
  command
    .addOption(new Option("--record <file>", "write what is done in the run to a file"))
    .addOption(new Option("--replay <file>", "do again what was recorded"))
    .addOption(
      new Option(
        "--shrink [file]",
        `make a failing run short, within --minutes (default: ${SHRINK_MINUTES_DEFAULT}), and write it to a file`,
      ),
    );
}

/** Whether this is about one recorded run. */
export function isReplay({ record, replay, shrink }: ReplayFlags): boolean {
  return record !== undefined || replay !== undefined || shrink !== undefined;
}

/** @throws {CliError} when a rule does not hold in the run, or a file cannot be read or written, or is no replay. */
export async function runReplay(context: CliContext, flags: ReplayFlags & ReportFlags & SweepFlags): Promise<void> {
  const { record, replay, shrink } = flags;
  if (replay === undefined) {
    const recorded = await recordRun(context, flags);
    if (shrink !== undefined) return shrinkRun(context, flags, recorded);
    await write(context, record ?? "", recorded);
    await drawSeed(context, flags, recorded.run, { again: `blixard sim --replay ${record}` });
    return report(context, flags, recorded, `blixard sim --replay ${record}`);
  }
  const file = await read(context, replay);
  if (shrink !== undefined) return shrinkRun(context, flags, { run: file.run, result: null });
  const result = await runOnce(context, flags, `Replay of ${replay}`, file.run);
  if (flags.json !== true) context.terminal.out.write(`${compare(file, result)}\n`);
  await drawSeed(context, flags, file.run, { again: `blixard sim --replay ${replay}` });
  return report(context, flags, { run: file.run, result }, `blixard sim --replay ${replay}`);
}

interface Ran {
  readonly run: Replayable;
  readonly result: SeedResult;
}

async function recordRun(context: CliContext, flags: SweepFlags): Promise<Ran> {
  const { recordSeed } = await import("../../sim/index.ts");
  const options = optionsOf(flags, flags.seed ?? context.now() % SEED_MAX);
  const { out, err } = context.terminal;
  const { value } = await new Progress(err).step(`Seed ${options.seed}`, async () => {
    await breathe();
    const lines: string[] = [];
    const recorded = recordSeed({ ...options, ...(flags.events === true && { onLine: keepIn(lines) }) });
    for (const line of lines) out.write(`${line}\n`);
    return recorded;
  });
  const { nodes, profile } = value.result;
  return { run: { ...options, nodes, profile, replay: { schedule: value.schedule } }, result: value.result };
}

async function runOnce(context: CliContext, flags: SweepFlags, title: string, run: Replayable): Promise<SeedResult> {
  const { runSeed } = await import("../../sim/index.ts");
  const { out, err } = context.terminal;
  const { value } = await new Progress(err).step(title, async () => {
    await breathe();
    const lines: string[] = [];
    const result = runSeed({ ...run, ...(flags.events === true && { onLine: keepIn(lines) }) });
    for (const line of lines) out.write(`${line}\n`);
    return result;
  });
  return value;
}

function keepIn(lines: string[]): (line: string) => void {
  return (line) => void lines.push(line);
}

/** @throws {CliError} with the failure, when there is one. */
async function report(
  context: CliContext,
  { json }: SweepFlags,
  { result }: Ran,
  replay: string,
  isShort = false,
): Promise<void> {
  const { formatFailure } = await import("../../sim/index.ts");
  if (json === true) context.terminal.out.write(`${JSON.stringify(result)}\n`);
  if (!result.ok) throw new CliError(EXIT.failed, formatFailure(result, replay, isShort));
}

async function shrinkRun(
  context: CliContext,
  flags: ReplayFlags & ReportFlags & SweepFlags,
  { run }: { readonly run: Replayable; readonly result: SeedResult | null },
): Promise<void> {
  const { replayCommand, shrink } = await import("../../sim/index.ts");
  const { out, err } = context.terminal;
  using interrupts = context.takeInterrupts();
  const untilMs = performance.now() + shrinkingMs(flags.minutes);
  const { value } = await new Progress(err).step(
    "Shrinking",
    async (step) => {
      const steps = shrink(run);
      let best: Shrunk | null = null;
      let [breathedMs, toldMs] = [0, performance.now()];
      for (;;) {
        const next = steps.next();
        if (next.done === true) return next.value;
        ({ best } = next.value);
        const nowMs = performance.now();
        if (nowMs - toldMs > TELL_EVERY_MS) {
          toldMs = nowMs;
          step.detail(`${next.value.runs} runs, ${describe(best)}`);
        }
        if (nowMs - breathedMs > BREATHE_EVERY_MS) {
          breathedMs = nowMs;
          await breathe();
        }
        if (nowMs > untilMs || interrupts.first.aborted) return best;
      }
    },
    (shrunk) => (shrunk === null ? "it does not fail" : describe(shrunk)),
  );
  if (value === null) {
    out.write("It does not fail; there is nothing to shrink.\n");
    const again = flags.replay === undefined ? replayCommand(run) : `blixard sim --replay ${flags.replay}`;
    return drawSeed(context, flags, run, { again });
  }
  const name = flags.shrink === true || flags.shrink === undefined ? `seed-${run.seed}.short.json` : flags.shrink;
  await write(context, name, value);
  await drawSeed(context, flags, value.run, { again: `blixard sim --replay ${name}`, isShort: true });
  return report(context, flags, value, `blixard sim --replay ${name}`, true);
}

function describe({ run, failure }: Shrunk): string {
  const { events, load, ending = [] } = run.replay.schedule;
  const drawn = load === "drawn" ? " and the load of the seed" : "";
  return `${events.length + ending.length} events${drawn}, ${run.nodes} nodes, ${(failure.atMs / 1000).toFixed(1)} s`;
}

async function read(context: CliContext, name: string): Promise<ReplayFile> {
  const { parseReplay, ReplayFileError } = await import("../../sim/index.ts");
  const text = await readFile(resolve(context.cwd, name), "utf8").catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === "ENOENT" ? "there is no such file" : `it cannot be read (${error.code ?? error.message})`;
    throw usageError(`Cannot replay ${name}: ${why}`);
  });
  try {
    return parseReplay(text, name);
  } catch (error) {
    if (error instanceof ReplayFileError)
      throw usageError(error.message, "Record it anew: blixard sim --seed N --record FILE");
    throw error;
  }
}

async function write(context: CliContext, name: string, { run, result }: Ran): Promise<void> {
  const { formatReplay } = await import("../../sim/index.ts");
  const text = formatReplay(run, result, blixardVersion());
  await writeRun(context, name, { text, events: run.replay.schedule.events.length });
}
