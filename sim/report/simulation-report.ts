/** A run of a user's own actors as a page. */
import { formatOption } from "../run/report.ts";
import type { WatchedSimulation } from "../simulate/watch-simulation.ts";
import { formatRunReport, type ReportedRun } from "./run-report.ts";
import type { ReportCommand } from "./sections.ts";

/** What a page says of a run beside what happened in it. */
export interface SimulationReportOptions {
  /** Of what it is a run, for the title. Default: nothing is said. */
  readonly name?: string;
  /** How it is run again, and what may help. Default: by `simulate`, with its options. */
  readonly commands?: readonly ReportCommand[];
  /** The version of Blixard. Default: nothing is said. */
  readonly software?: string;
}

/** What a page says of a run of a user's actors. */
export function reportSimulation(
  { result, record }: WatchedSimulation,
  { name, commands, software }: SimulationReportOptions = {},
): ReportedRun {
  const { seed, nodes, durationMs, faultsAsked, eventLogHash, events, turns, faults, marks } = result;
  const options = { seed, nodes, durationMs, faults: faultsAsked };
  const again = { what: "Runs it again, with the same actors:", command: `simulate(${JSON.stringify(options)})` };
  return {
    title: name === undefined ? `Seed ${seed}` : `${name}: seed ${seed}`,
    record,
    options: [
      ["seed", String(seed)],
      ["nodes", String(nodes)],
      ["duration", formatOption(durationMs)],
      ["faults", typeof faultsAsked === "string" ? faultsAsked : faultsAsked.join(", ")],
    ],
    ...(software !== undefined && { software }),
    ...{ eventLogHash, events, turns, faults, marks },
    commands: commands ?? [again],
  };
}

/**
 * The page of a run that `watchSimulation` has run: HTML with a sequence diagram, which needs no other file and no network.
 *
 * What actors, notes and messages say is in it as text and never as markup.
 */
export function formatSimulationReport(watched: WatchedSimulation, options: SimulationReportOptions = {}): string {
  return formatRunReport(reportSimulation(watched, options));
}
