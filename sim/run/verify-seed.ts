/** Runs of Blixard's own actors that are done again: to see that the seed decides them, and to say what led to a failure. */
import { describeCauses, explainUndecided, isSameRun, type RunPrint } from "../verify/index.ts";
import { EventTrace, type TracedEvent } from "../timeline/event-trace.ts";
import type { RunOptions, SeedResult } from "./run-result.ts";
import { runSeed, traceSeed } from "./run-seed.ts";

/**
 * Runs the seed twice; the result fails by `decided-by-seed` where the two differ, and says which event parts them and what led to it.
 * @throws {RangeError} when an option is out of range.
 */
export async function verifySeed(options: RunOptions): Promise<SeedResult> {
  return verifyResult(options, runSeed(options), runSeed(options));
}

/** As `verifySeed`, of two runs that have been done, wherever. */
export async function verifyResult(options: RunOptions, result: SeedResult, other: RunPrint): Promise<SeedResult> {
  if (isSameRun(result, other)) return result;
  const failure = await explainUndecided(result, other, (trace) => traceSeed(options, trace));
  return { ...result, ok: false, failure };
}

/**
 * What led to the event in which the run fails, or with which it ends: a line an event, the nearest first, back to a fault, a client, a timer
 * or the start. Runs it once more. @throws {RangeError} when an option is out of range.
 */
export function causesOf(options: RunOptions): { readonly event: TracedEvent; readonly text: string } {
  const trace = new EventTrace();
  traceSeed(options, trace);
  const event = trace.current;
  return { event, text: describeCauses(event) };
}
