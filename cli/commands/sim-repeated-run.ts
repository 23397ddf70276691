/** What `--replay` and `--shrink` say and allow, of our own clusters and of a user's actors alike. */
const MINUTE_MS = 60_000;

/** How long a run is made shorter, where `--minutes` does not say. */
export const SHRINK_MINUTES_DEFAULT = 10;

/** Milliseconds that shrinking may take. */
export function shrinkingMs(minutes: number | undefined): number {
  return (minutes ?? SHRINK_MINUTES_DEFAULT) * MINUTE_MS;
}

/** What a file holds of the run that was recorded. */
interface Recorded {
  readonly failure: { readonly invariant: string; readonly atMs: number } | null;
  readonly eventLogHash: string;
  readonly software: string;
}

interface Repeated {
  readonly ok: boolean;
  readonly eventLogHash: string;
  readonly failure?: { readonly invariant: string } | null;
}

/** What became of the failure that the file holds. */
export function compare({ failure, eventLogHash, software }: Recorded, result: Repeated): string {
  const same = result.eventLogHash === eventLogHash ? ", byte for byte the recorded run" : "";
  if (failure === null) return result.ok ? `Clean, as recorded${same}.` : "It was clean when it was recorded.";
  const before = `${failure.invariant} after ${(failure.atMs / 1000).toFixed(1)} s`;
  if (result.ok) return `It no longer fails. Recorded with Blixard ${software} was ${before}.`;
  if (result.failure?.invariant === failure.invariant) return `It still fails${same}.`;
  return `It fails otherwise. Recorded with Blixard ${software} was ${before}.`;
}
