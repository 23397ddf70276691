/** What simulations of a user's actors say to people, for the message of a test that fails. */
import { formatCounts, formatTotals, showFailure } from "../run/report.ts";
import type { SimulationResult } from "./simulate-options.ts";
import type { SimulationSummary } from "./simulate-seeds.ts";

/**
 * One line when it is clean; else the rule, what led to it, and how to do it again.
 * @param replay what does it again. Default: `simulate` with the options of the run.
 */
export function formatSimulation(result: SimulationResult, replay: string = callOf(result)): string {
  const { seed, failure, eventLogHash } = result;
  if (failure === undefined) return `seed ${seed}: clean, ${result.events} events, log ${eventLogHash}`;
  return showFailure(`seed ${seed}`, failure, replay);
}

function callOf({ seed, nodes, durationMs, faultsAsked, eventLogHash }: SimulationResult): string {
  const options = { seed, nodes, durationMs, faults: faultsAsked };
  return `simulate(${JSON.stringify(options)} and the same actors), which gives the log ${eventLogHash}`;
}

/** What a sweep came to: how fast, which faults, what was reached and what was not. */
export function formatSimulationTotals(summary: SimulationSummary, wallMs: number): string {
  const { seeds, failed, faults, marks, unreached } = summary;
  return [
    formatTotals({ ...summary, failed: failed.length }, wallMs),
    `faults       ${formatCounts(faults)}`,
    `marks        ${formatCounts(marks)}`,
    ...(seeds > 1
      ? [`never        ${unreached.length === 0 ? "nothing that was to be reached" : unreached.join(", ")}`]
      : []),
  ].join("\n");
}

/** Every seed that failed, and the marks that none reached; a line when all is well. */
export function formatSimulations(summary: SimulationSummary): string {
  const { seeds, failed, unreached } = summary;
  const lines = failed.map((result) => formatSimulation(result));
  if (unreached.length > 0) lines.push(`None of ${seeds} seeds reached: ${unreached.join(", ")}`);
  return lines.length === 0 ? `${seeds} seeds: clean` : lines.join("\n\n");
}
