/**
 * `blixard sim --actors FILE`: a user's own actors under seeds.
 *
 *     FILE ─default export─▶ simulation ─┬─▶ seeds, here or over threads (sim-actors-sweep.ts) ─▶ sum, failures, what was never reached
 *                                        └─▶ one run: recorded, replayed, shrunk (sim-actors-replay.ts) ─▶ file
 */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { SimulationDefinition, SimulationRun } from "../../sim/index.ts";
import type { SimulationTask, SimulationTrial } from "../../sim/node/index.ts";
import type { CliContext } from "../cli-context.ts";
import { CliError, usageError } from "../cli-error.ts";
import { EXIT } from "../exit-codes.ts";
import { isReplay, type ReplayFlags } from "./sim-replay.ts";
import type { ReportFlags } from "./sim-report.ts";
import { SEED_MAX, type SweepFlags } from "./sim-sweep.ts";

/** Options of runs of our own actors. */
const OF_OWN = ["profile", "everyFault", "vms", "upgradeFrom", "explore", "keep"];

export interface ActorsFlags extends SweepFlags, ReplayFlags, ReportFlags {
  /** A file. */
  readonly actors?: string;
  readonly plant?: readonly string[];
}

/** What is asked for, with the simulation loaded. */
export interface ActorsRequest {
  readonly definition: SimulationDefinition;
  /** As it was written, for commands that are suggested. */
  readonly name: string;
  readonly flags: ActorsFlags;
  /** Of the first seed; of others only the seed differs. */
  readonly task: SimulationTask;
}

export function addActorsOptions(command: Command): void {
  command
    .addOption(
      new Option("--actors <file>", "simulate your own actors: a file whose default export is a simulation").conflicts(
        OF_OWN,
      ),
    )
    .addOption(new Option("--plant <name...>", "break on purpose what the simulation names so").conflicts("replay"));
  command.hook("preAction", (_, action) => {
    const { actors, plant } = action.opts<ActorsFlags>();
    if (action !== command || plant === undefined || actors !== undefined) return;
    throw usageError("Cannot use --plant without --actors: what can be planted is named by a simulation of your own");
  });
}

/** @throws {CliError} when a rule does not hold, a run has no result, a mark was never reached, or a file is none that can be run. */
export async function runActors(context: CliContext, command: Command, flags: ActorsFlags): Promise<void> {
  const name = flags.actors ?? "";
  const file = resolve(context.cwd, name);
  const { nodes, plant: planted, verify } = flags;
  const seed = flags.seed ?? context.now() % SEED_MAX;
  const definition = await load({ file, seed, planted: planted ?? [] }, flags);
  const task: SimulationTask = {
    file,
    seed,
    ...(planted !== undefined && { planted }),
    ...(nodes !== undefined && { nodes }),
    ...(verify === true && { verify }),
    // A simulation says itself how long it is.
    ...(command.getOptionValueSource("duration") !== "default" && { durationMs: flags.duration }),
  };
  const request: ActorsRequest = { definition, name, flags, task };
  await refuseUnmade(request);
  const { replayActors } = await import("./sim-actors-replay.ts");
  if (isReplay(flags) && flags.seeds === 1) return replayActors(context, request);
  const { sweepActors } = await import("./sim-actors-sweep.ts");
  const found = await sweepActors(context, request);
  if (found !== null) return replayActors(context, { ...request, task: { ...task, seed: found } });
}

/** The command that runs the same seed again. */
export function seedCommand(name: string, { seed, planted = [], nodes, durationMs }: Partial<SimulationRun>): string {
  const plant = planted.length === 0 ? "" : ` --plant ${planted.join(" ")}`;
  const sized = `${nodes === undefined ? "" : ` --nodes ${nodes}`}${durationMs === undefined ? "" : ` --duration ${durationMs}ms`}`;
  return `blixard sim --actors ${name}${plant} --seed ${seed}${sized}`;
}

/** A run without a result in time is hung; so is a file that is not even loaded. */
async function load(trial: SimulationTrial, { hungAfter }: ActorsFlags): Promise<SimulationDefinition> {
  const { loadSimulation, SimulationFileError, TRIAL_MS, trySimulation } = await import("../../sim/node/index.ts");
  try {
    await trySimulation(trial, Math.min(TRIAL_MS, hungAfter ?? TRIAL_MS));
    return await loadSimulation(trial.file);
  } catch (error) {
    throw error instanceof SimulationFileError ? usageError(error.message) : error;
  }
}

/** Makes it once, before any thread does: names in --plant that it does not know, and a fault of its own, are told as such. */
async function refuseUnmade({ definition, name, task: { seed, planted = [] } }: ActorsRequest): Promise<void> {
  const { optionsOfSimulation } = await import("../../sim/index.ts");
  try {
    optionsOfSimulation(definition, { seed, planted });
  } catch (error) {
    if (error instanceof RangeError) throw usageError(error.message);
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.usage, `Cannot simulate ${name}: its make() throws: ${why}`, { cause: error });
  }
}
