/** How long a VmActor waits before it starts a guest again that ended by itself. */
import type { Random } from "../../runtime/index.ts";

const FIRST_MS = 500;
/** Half a minute: long enough that a broken guest costs nothing, short enough that a mended one is soon back. */
const MAX_MS = 30_000;
const JITTER = 0.2;

/** A run this long counts as good: the next crash starts from the first delay again. */
export const STABLE_MS = 60_000;

/** @param failures consecutive failures so far, at least 1. */
export function startDelayMs(failures: number, random: Random): number {
  const baseMs = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(baseMs * (1 + JITTER * (2 * random.next() - 1)));
}
