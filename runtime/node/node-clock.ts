/**
 * The clock of the Node.js world: the process's monotonic clock, the system's wall clock, Node.js timers.
 *
 * A timer of Node.js counts whole milliseconds and so fires up to one early, and takes no delay above `DELAY_MAX_MS`. One
 * that fires before it is due is set again for the rest.
 */
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** The longest delay Node.js timers take; a longer one would fire at once. About 24.8 days. */
const DELAY_MAX_MS = 2 ** 31 - 1;

export const nodeClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, run): TimerHandle => arm({ timer: undefined }, performance.now() + delayMs, run),
  clearTimer: ({ timer }) => clearTimeout(timer as NodeJS.Timeout),
};

function arm(handle: { timer: NodeJS.Timeout | undefined }, dueMs: number, run: () => void): TimerHandle {
  const delayMs = Math.min(Math.max(Math.ceil(dueMs - performance.now()), 0), DELAY_MAX_MS);
  handle.timer = setTimeout(() => {
    if (performance.now() < dueMs) arm(handle, dueMs, run);
    else run();
  }, delayMs);
  return handle;
}
