/** What a sweep says of itself while it lasts: one line, the most important first, since a narrow terminal cuts it. */
import type { Summary } from "../../sim/index.ts";
import { formatAge } from "../output/duration.ts";
import type { Step } from "../progress.ts";

/** How often a sweep tells where it stands: a person, and a file. */
const SHOWN_EVERY_MS = 200;
const WRITTEN_EVERY_MS = 30_000;

/** What is known of the seeds so far: of our own, or of a user's. */
export type SweepSum = Pick<Summary, "seeds" | "simulatedMs" | "profiles" | "marks"> & {
  readonly failed: readonly unknown[];
};

/** Where a sweep stands. */
export interface SweepStanding {
  readonly summary: SweepSum;
  /** Marks that these runs are for, and that none has reached. */
  readonly never: readonly string[];
  readonly elapsedMs: number;
  /** How many seeds there will be; null when the time decides. */
  readonly seeds: number | null;
  /** Until the time is over; null when the number of seeds decides. */
  readonly leftMs: number | null;
}

/** Marks that are named; of more only the number is told. */
const NAMED_MAX = 3;

export function describeSweep({ summary, never, elapsedMs, seeds, leftMs }: SweepStanding): string {
  const { seeds: done, failed, simulatedMs } = summary;
  const wallS = Math.max(elapsedMs, 1) / 1000;
  const counted = seeds === null ? `${done} seeds` : `${done} of ${seeds} seeds`;
  if (done === 0) return counted;
  const restMs = leftMs ?? ((seeds ?? done) - done) * (elapsedMs / done);
  const unnamed = never.length - NAMED_MAX;
  return [
    counted,
    `${failed.length} failed`,
    `${(done / wallS).toFixed(1)} seeds/s`,
    `${Math.round(simulatedMs / 1000 / wallS)} simulated s/s`,
    `${formatAge(restMs)} left`,
    never.length === 0
      ? "all marks reached"
      : `never yet: ${never.slice(0, NAMED_MAX).join(", ")}${unnamed > 0 ? ` and ${unnamed} more` : ""}`,
  ].join(", ");
}

/** What decides when a sweep ends, and who is told how far it is. */
export interface SweepBounds {
  readonly step: Step;
  /** Whether a person looks. */
  readonly interactive: boolean;
  /** Null when the time decides. */
  readonly seeds: number | null;
  /** By the clock of `performance`; null when the number of seeds decides. */
  readonly untilMs: number | null;
  readonly neverReached: (profiles: Summary["profiles"], marks: Summary["marks"]) => readonly string[];
}

/** Called after each seed, tells where the sweep stands when enough time has passed. */
export function sweepTeller({
  step,
  interactive,
  seeds,
  untilMs,
  neverReached,
}: SweepBounds): (summary: SweepSum) => void {
  const everyMs = interactive ? SHOWN_EVERY_MS : WRITTEN_EVERY_MS;
  const startedMs = performance.now();
  let toldMs = -Infinity;
  return (summary) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < everyMs) return;
    toldMs = nowMs;
    const never = neverReached(summary.profiles, summary.marks);
    const leftMs = untilMs === null ? null : untilMs - nowMs;
    step.detail(describeSweep({ summary, never, elapsedMs: nowMs - startedMs, seeds, leftMs }));
  };
}
