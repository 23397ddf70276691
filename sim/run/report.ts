/** What a run says to people. The caller measures wall time: this folder knows none. */
import { DECIDED_BY_SEED } from "../verify/index.ts";
import { neverReached } from "./coverage.ts";
import type { RunOptions, SeedFailure, SeedResult } from "./run-result.ts";
import type { Summary } from "./run-seeds.ts";

/** A few lines, the same for one seed and for a thousand. */
export function formatSummary(summary: Summary, wallMs: number): string {
  const { seeds, failed, faults, marks, profiles } = summary;
  return [
    formatTotals({ ...summary, failed: failed.length }, wallMs),
    `profiles     ${formatCounts(profiles)}`,
    `faults       ${formatCounts(faults)}`,
    `marks        ${formatCounts(reached(marks))}`,
    ...(seeds > 1 ? [`never        ${formatNever(summary)}`] : []),
  ].join("\n");
}

/** Without those that no run has come to: of many runs `never` names them. */
function reached(marks: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(marks).filter(([, value]) => value > 0));
}

/** How many seeds, how they ended, and how fast they went. */
export function formatTotals(
  totals: Pick<Summary, "seeds" | "simulatedMs" | "events" | "turns"> & { readonly failed: number },
  wallMs: number,
): string {
  const { seeds, failed, simulatedMs, events, turns } = totals;
  const wallS = Math.max(wallMs, 1) / 1000;
  return [
    `${seeds} ${seeds === 1 ? "seed" : "seeds"}: ${failed === 0 ? "all clean" : `${failed} FAILED`}`,
    `simulated    ${formatDuration(simulatedMs)} in ${formatDuration(wallMs)}: ${count(simulatedMs / 1000 / wallS)} simulated seconds a second`,
    `events       ${count(events)} (${count(events / wallS)} a second), ${count(turns)} turns of actors`,
  ].join("\n");
}

/** One run reaches little; many together must reach all that their profiles are for. */
function formatNever({ profiles, marks }: Summary): string {
  const never = neverReached(profiles, marks);
  return never.length === 0 ? "nothing: all that these profiles are for has happened" : never.join(", ");
}

/** The seed, the rule, what led to it, and the commands that do it again, make it short and draw it. `isShort`: it has been made short. */
export function formatFailure(result: SeedResult, replay: string = replayCommand(result), isShort = false): string {
  const { seed, failure, profile, upgradeFrom } = result;
  if (failure === undefined) return `seed ${seed} (${profile}): clean`;
  // It is no one run, which could be made short or drawn.
  if (failure.invariant === DECIDED_BY_SEED)
    return showFailure(`seed ${seed} (${profile})`, failure, `${replay} --verify`);
  // What runs under the software of another version has no file, and so cannot be made short.
  const canShrink = !isShort && upgradeFrom === undefined;
  const page = `--report seed-${seed}.html`;
  return [
    showFailure(`seed ${seed} (${profile})`, failure, replay),
    ...(canShrink ? [`Make it short:  ${replay} --shrink`] : []),
    `Draw it:        ${replay}${canShrink ? " --shrink" : ""} ${page}`,
  ].join("\n");
}

/** Failures that are told whole; of the others only the seeds. */
const TOLD_MAX = 5;

/** The first failures of a sweep as `formatFailure` tells them, and which seeds failed beside them. */
export function formatFailures(failed: readonly SeedResult[]): string {
  const others = failed.slice(TOLD_MAX).map(({ seed }) => seed);
  return [
    ...failed.slice(0, TOLD_MAX).map((result) => formatFailure(result)),
    ...(others.length > 0 ? [`These seeds failed, too: ${others.join(", ")}`] : []),
  ].join("\n\n");
}

/** The rule that did not hold in `run`, the last lines before it, and how to do it again. */
export function showFailure(run: string, failure: SeedFailure, replay: string): string {
  return [
    `${run} failed after ${formatDuration(failure.atMs)}: ${failure.invariant}`,
    `  ${failure.message}`,
    "",
    ...failure.lines.map((line) => `  ${line}`),
    "",
    `Replay it with: ${replay}`,
  ].join("\n");
}

/** The command that runs the same seed again. */
export function replayCommand(
  run: Pick<RunOptions, "seed" | "nodes" | "durationMs" | "profile" | "everyFault" | "order" | "vms" | "upgradeFrom">,
): string {
  const { seed, nodes, durationMs, profile, everyFault, order, vms, upgradeFrom } = run;
  const sized = `${nodes === undefined ? "" : ` --nodes ${nodes}`}${vms === undefined ? "" : ` --vms ${vms}`}`;
  const named = profile === undefined ? "" : ` --profile ${profile}`;
  const from = upgradeFrom === undefined ? "" : ` --upgrade-from ${upgradeFrom}`;
  const every = `${everyFault === true ? " --every-fault" : ""}${order === undefined ? "" : ` --schedule ${order}`}`;
  return `blixard sim --seed ${seed}${sized} --duration ${formatOption(durationMs)}${named}${every}${from}`;
}

/** The shortest form that a duration option takes without loss. */
export function formatOption(durationMs: number): string {
  if (durationMs % 60_000 === 0) return `${durationMs / 60_000}m`;
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${durationMs}ms`;
}

function formatDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Most frequent first. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).toSorted(([, one], [, other]) => other - one);
  return sorted.length === 0 ? "none" : sorted.map(([name, value]) => `${name} ${count(value)}`).join(", ");
}

/** Thousands apart, so that large numbers can be read. */
function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}
