/** Is a run decided by its seed? It runs again, and where the two are not the same it is said which event parts them, and what led there. */
import { describeDifference } from "./describe-difference.ts";
import { locateDifference, type TracedRun } from "./locate-difference.ts";

/** What tells one run from another. */
export interface RunPrint {
  readonly eventLogHash: string;
  /** Lines of the event log. */
  readonly events: number;
  /** Turns of actors. */
  readonly turns: number;
}

/** The rule that breaks where two runs differ. */
export const DECIDED_BY_SEED = "decided-by-seed";

/** As a run fails that is not decided by its seed. */
export interface UndecidedRun {
  readonly invariant: typeof DECIDED_BY_SEED;
  readonly message: string;
  /** Where they part; 0 where that is not known. */
  readonly atMs: number;
  readonly lines: readonly string[];
}

export function isSameRun(one: RunPrint, other: RunPrint): boolean {
  return one.eventLogHash === other.eventLogHash && one.events === other.events && one.turns === other.turns;
}

/** What is told of two runs of one seed that differ; `run` is done some times more to find where. */
export async function explainUndecided(one: RunPrint, other: RunPrint, run: TracedRun): Promise<UndecidedRun> {
  const head = `Two runs of this seed differ: ${describe(one)}, and ${describe(other)}`;
  const found = await locateDifference(run);
  const event = found?.one ?? found?.other ?? null;
  const where =
    found === null
      ? "Runs of it one after the other in this thread are alike: what differs is what a thread did before, or which thread it is"
      : describeDifference(found);
  const atMs = (event?.atUs ?? 0) / 1000;
  return { invariant: DECIDED_BY_SEED, message: `${head}\n${where}`, atMs, lines: [] };
}

function describe({ eventLogHash, events, turns }: RunPrint): string {
  return `log ${eventLogHash} of ${events} lines and ${turns} turns`;
}
