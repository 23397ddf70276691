/** `blixard sim --actors FILE` with `--record`, `--replay` or `--shrink`: one run of a user's actors as a file, and a failing one made short. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import type { RecordedSimulation, ShrunkSimulation, SimulationFile, SimulationResult } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { Progress } from "../progress.ts";
import { blixardVersion } from "../version.ts";
import { seedCommand, type ActorsRequest } from "./sim-actors.ts";
import { writeRun } from "./sim-output-files.ts";
import { drawActors, type DrawOptions } from "./sim-report.ts";
import { compare, shrinkingMs } from "./sim-repeated-run.ts";

/** How often it says how far it is. */
const TELL_EVERY_MS = 1000;

/** @throws {CliError} when a rule does not hold in the run, or a file cannot be read or written, or is none of this simulation. */
export async function replayActors(context: CliContext, request: ActorsRequest): Promise<void> {
  const { name, flags, definition } = request;
  const { record, replay, shrink } = flags;
  if (replay === undefined) {
    const recorded = await recordRun(context, request);
    if (shrink !== undefined) return shrinkRun(context, request, recorded.run);
    await write(context, record ?? "", recorded);
    await drawRun(context, request, recorded.run, { again: `blixard sim --actors ${name} --replay ${record}` });
    return report(context, request, recorded.result, `blixard sim --actors ${name} --replay ${record}`);
  }
  const file = await read(context, request, replay);
  if (shrink !== undefined) return shrinkRun(context, request, file.run);
  const { replaySimulation } = await import("../../sim/index.ts");
  const { value: result } = await inStep(context, request, `Replay of ${replay}`, (onLine) =>
    replaySimulation(definition, file.run, { ...(onLine && { onLine }) }),
  );
  if (flags.json !== true) context.terminal.out.write(`${compare(file, result)}\n`);
  await drawRun(context, request, file.run, { again: `blixard sim --actors ${name} --replay ${replay}` });
  return report(context, request, result, `blixard sim --actors ${name} --replay ${replay}`);
}

async function drawRun(
  context: CliContext,
  { definition, flags }: ActorsRequest,
  run: RecordedSimulation["run"],
  how: DrawOptions,
): Promise<void> {
  const { replayOptions } = await import("../../sim/index.ts");
  await drawActors(context, flags, { name: definition.name, options: replayOptions(definition, run) }, how);
}

async function recordRun(context: CliContext, request: ActorsRequest): Promise<RecordedSimulation> {
  const { recordSimulation } = await import("../../sim/index.ts");
  const { definition, task } = request;
  const { file: _, verify: __, ...asked } = task;
  const { value } = await inStep(context, request, `${definition.name}: seed ${task.seed}`, (onLine) =>
    recordSimulation(definition, { ...asked, ...(onLine && { onLine }) }),
  );
  return value;
}

/** Shows that it runs, and with --events its lines. What it throws is a fault of the user's file. */
async function inStep<Value>(
  { terminal: { out, err } }: CliContext,
  { flags, name }: ActorsRequest,
  title: string,
  run: (onLine: ((line: string) => void) | null) => Promise<Value>,
): Promise<{ readonly value: Value }> {
  return new Progress(err).step(title, async () => {
    await breathe();
    const lines: string[] = [];
    const value = await run(flags.events === true ? (line) => void lines.push(line) : null).catch((error: unknown) => {
      throw new CliError(EXIT.failed, `Cannot simulate ${name}: ${String(error)}`, { cause: error });
    });
    for (const line of lines) out.write(`${line}\n`);
    return value;
  });
}

/** @throws {CliError} with the failure, when there is one. */
async function report(
  { terminal }: CliContext,
  { flags }: ActorsRequest,
  result: SimulationResult,
  replay: string,
): Promise<void> {
  const { formatSimulation } = await import("../../sim/index.ts");
  if (flags.json === true) terminal.out.write(`${JSON.stringify(result)}\n`);
  if (!result.ok) throw new CliError(EXIT.failed, formatSimulation(result, replay));
}

async function shrinkRun(context: CliContext, request: ActorsRequest, run: RecordedSimulation["run"]): Promise<void> {
  const { shrinkSimulation } = await import("../../sim/index.ts");
  const { definition, flags, name } = request;
  const { out, err } = context.terminal;
  using interrupts = context.takeInterrupts();
  const untilMs = performance.now() + shrinkingMs(flags.minutes);
  const { value } = await new Progress(err).step(
    "Shrinking",
    async (step) => {
      let toldMs = performance.now();
      return shrinkSimulation(definition, run, {
        onProgress: async ({ runs, best }) => {
          await breathe();
          const nowMs = performance.now();
          if (nowMs - toldMs > TELL_EVERY_MS) {
            toldMs = nowMs;
            step.detail(`${runs} runs, ${describe(best, run)}`);
          }
          return nowMs < untilMs && !interrupts.first.aborted;
        },
      });
    },
    (shrunk) => (shrunk === null ? "it does not fail" : describe(shrunk, run)),
  );
  if (value === null) {
    out.write("It does not fail; there is nothing to shrink.\n");
    const { replay } = flags;
    const same = replay === undefined ? seedCommand(name, run) : `blixard sim --actors ${name} --replay ${replay}`;
    return drawRun(context, request, run, { again: same });
  }
  const short = typeof flags.shrink === "string" ? flags.shrink : `seed-${run.seed}.short.json`;
  await write(context, short, value);
  if (flags.json !== true) out.write(`${listEvents(value)}\n`);
  const again = `blixard sim --actors ${name} --replay ${short}`;
  await drawRun(context, request, value.run, { again, isShort: true });
  return report(context, request, value.result, again);
}

function describe({ run, failure }: ShrunkSimulation, before: RecordedSimulation["run"]): string {
  const [now, all] = [run, before].map(({ replay }) => replay.schedule.events.length);
  return `${now} of ${all} events, ${run.nodes} nodes, ${(failure.atMs / 1000).toFixed(1)} s`;
}

/** What is left, a line each. */
function listEvents({ run }: ShrunkSimulation): string {
  const lines = run.replay.schedule.events.map((event) => {
    const { atUs, tie: _, type, ...rest } = event;
    const shown = type === "step" ? ("step" in rest ? rest.step : {}) : rest;
    return `  ${(atUs / 1000).toFixed(1).padStart(8)} ms  ${type} ${JSON.stringify(shown)}`;
  });
  return lines.length === 0 ? "  Nothing need be done to it." : lines.join("\n");
}

async function read(context: CliContext, { definition, name }: ActorsRequest, file: string): Promise<SimulationFile> {
  const { parseSimulationRun, ReplayFileError } = await import("../../sim/index.ts");
  const text = await readFile(resolve(context.cwd, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === "ENOENT" ? "there is no such file" : `it cannot be read (${error.code ?? error.message})`;
    throw usageError(`Cannot replay ${file}: ${why}`);
  });
  const parsed = parse();
  const { simulation, planted } = parsed.run;
  const refuse = (why: string): never => {
    throw usageError(`Cannot replay ${file}: ${why}`);
  };
  if (simulation !== definition.name) refuse(`it is a run of "${simulation}", and ${name} is "${definition.name}"`);
  const unknown = planted.find((one) => !Object.hasOwn(definition.planted ?? {}, one));
  if (unknown !== undefined) refuse(`"${unknown}" was planted in it, which ${name} does not know`);
  return parsed;

  function parse(): SimulationFile {
    try {
      return parseSimulationRun(text, file);
    } catch (error) {
      if (!(error instanceof ReplayFileError)) throw error;
      throw usageError(error.message, `Record it anew: blixard sim --actors ${name} --seed N --record FILE`);
    }
  }
}

async function write(context: CliContext, file: string, recorded: RecordedSimulation): Promise<void> {
  const { formatSimulationRun } = await import("../../sim/index.ts");
  const text = formatSimulationRun(recorded, blixardVersion());
  await writeRun(context, file, { text, events: recorded.run.replay.schedule.events.length });
}
