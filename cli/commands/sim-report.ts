/**
 * `blixard sim --report FILE`: what was run, as a page with a sequence diagram.
 *
 *     run that has ended ─same seed or schedule─▶ the same run, watched ─▶ page ─▶ FILE
 *
 * A run is done again to be drawn, since it is the same byte for byte: so runs over threads and runs that are shrunk need to know nothing of it.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { ReportedRun, ReportedSweep, RunOptions, ScenarioPlan, SimulateOptions } from "../../sim/index.ts";
import type { CliContext } from "../cli-context.ts";
import { usageError } from "../cli-error.ts";
import { Progress } from "../progress.ts";
import { blixardVersion } from "../version.ts";
import { loadedRun } from "./sim-upgrade.ts";

export interface ReportFlags {
  /** A file. */
  readonly report?: string;
}

export function addReportOption(command: Command): void {
  command.addOption(
    new Option("--report <file>", "write a page about what was run, with a sequence diagram of what failed (HTML)"),
  );
}

/** How a page says that its run is done again. */
export interface DrawOptions {
  /** The command that does. */
  readonly again: string;
  /** It is as short as it gets: nothing is said of making it shorter. Default: false. */
  readonly isShort?: boolean;
}

/** Draws one run of our own nodes, when --report asks for it. */
export async function drawSeed(
  context: CliContext,
  { report }: ReportFlags,
  run: RunOptions,
  options: DrawOptions,
): Promise<void> {
  if (report === undefined) return;
  const { formatRunReport } = await import("../../sim/index.ts");
  await draw(context, report, async () => formatRunReport(await watchedSeed(run, options)));
}

/** Draws one run of a user's actors, when --report asks for it. */
export async function drawActors(
  context: CliContext,
  { report }: ReportFlags,
  { name, options }: { readonly name: string; readonly options: SimulateOptions },
  how: DrawOptions,
): Promise<void> {
  if (report === undefined) return;
  const { formatRunReport } = await import("../../sim/index.ts");
  await draw(context, report, async () => formatRunReport(await watchedActors(name, options, how)));
}

/** Draws a sweep, when --report asks for it; `failed`: its failures, each drawn anew, the first few of them. */
export async function drawSweep(
  context: CliContext,
  { report }: ReportFlags,
  sweep: Omit<ReportedSweep, "drawn" | "software">,
  failed: readonly (() => Promise<ReportedRun>)[],
): Promise<void> {
  if (report === undefined) return;
  const { DRAWN_MAX, formatSweepReport } = await import("../../sim/index.ts");
  await draw(context, report, async () => {
    const drawn: ReportedRun[] = [];
    for (const watch of failed.slice(0, DRAWN_MAX)) {
      await breathe();
      drawn.push(await watch());
    }
    return formatSweepReport({ ...sweep, drawn, software: blixardVersion() });
  });
}

/** Draws one seed of a scenario file, when --report asks for it. */
export async function drawScenario(
  context: CliContext,
  { report }: ReportFlags,
  { plan, seed, again }: { readonly plan: ScenarioPlan; readonly seed: number; readonly again: string },
): Promise<void> {
  if (report === undefined) return;
  const { formatRunReport, reportScenario, watchScenario } = await import("../../sim/index.ts");
  await draw(context, report, async () => {
    return formatRunReport(reportScenario(plan, watchScenario({ plan, seed }), { software: blixardVersion(), again }));
  });
}

/** A run of our own nodes, done again to be told. */
export async function watchedSeed(run: RunOptions, { again, isShort = false }: DrawOptions): Promise<ReportedRun> {
  const { commandsFor, reportSeed, watchSeed } = await import("../../sim/index.ts");
  const watched = watchSeed(await loadedRun(run));
  const commands = commandsFor(again, !watched.result.ok && !isShort);
  return reportSeed(watched, { software: blixardVersion(), commands });
}

/** A run of a user's actors, done again to be told. */
export async function watchedActors(
  name: string,
  options: SimulateOptions,
  { again, isShort = false }: DrawOptions,
): Promise<ReportedRun> {
  const { commandsFor, reportSimulation, watchSimulation } = await import("../../sim/index.ts");
  const watched = await watchSimulation(options);
  const commands = commandsFor(again, !watched.result.ok && !isShort);
  return reportSimulation(watched, { name, software: blixardVersion(), commands });
}

async function draw({ cwd, terminal }: CliContext, name: string, make: () => Promise<string>): Promise<void> {
  const { value: page } = await new Progress(terminal.err).step("Drawing", async () => {
    await breathe();
    return make();
  });
  await writeFile(resolve(cwd, name), page).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`Cannot write a report to "${name}": ${error.code ?? error.message}`);
  });
  terminal.err.write(`Wrote ${name}: open it in a browser\n`);
}
