/** The clock of the Node.js world: the process's monotonic clock, the system's wall clock, Node.js timers. */
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** The longest delay Node.js timers take; a longer one would fire at once. About 24.8 days. */
const DELAY_MAX_MS = 2 ** 31 - 1;

export const nodeClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, run): TimerHandle => ({ timer: setTimeout(run, Math.min(Math.max(delayMs, 0), DELAY_MAX_MS)) }),
  clearTimer: (handle) => clearTimeout(handle.timer as NodeJS.Timeout),
};
