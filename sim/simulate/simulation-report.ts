/** What simulations of a user's actors say to people, for the message of a test that fails. */
import { showFailure } from "../run/report.ts";
import type { SimulationResult } from "./simulate-options.ts";
import type { SimulationSummary } from "./simulate-seeds.ts";

/** One line when it is clean; else the rule, what led to it, and how to do it again. */
export function formatSimulation(result: SimulationResult): string {
  const { seed, nodes, durationMs, faultsAsked, failure, eventLogHash } = result;
  if (failure === undefined) return `seed ${seed}: clean, ${result.events} events, log ${eventLogHash}`;
  const options = { seed, nodes, durationMs, faults: faultsAsked };
  const replay = `simulate(${JSON.stringify(options)} and the same actors), which gives the log ${eventLogHash}`;
  return showFailure(`seed ${seed}`, failure, replay);
}

/** Every seed that failed, and the marks that none reached; a line when all is well. */
export function formatSimulations(summary: SimulationSummary): string {
  const { seeds, failed, unreached } = summary;
  const lines = failed.map(formatSimulation);
  if (unreached.length > 0) lines.push(`None of ${seeds} seeds reached: ${unreached.join(", ")}`);
  return lines.length === 0 ? `${seeds} seeds: clean` : lines.join("\n\n");
}
