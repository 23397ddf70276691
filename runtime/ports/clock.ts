/**
 * The clock port: the only source of time in the pure folders.
 *
 * Two clocks, never mixed. The monotonic one measures durations and deadlines (leases, elections, timeouts); the wall
 * clock only labels what people read. Drivers: `runtime/node/node-clock.ts`; the simulator's virtual clock.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start. Never goes back, not comparable between nodes or restarts. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. May step forward and back. */
  wallMs(): number;
  /** Runs `run` once, at least `delayMs` from now, never during this call. `delayMs` ≤ 0 means as soon as possible. */
  setTimer(delayMs: number, run: () => void): TimerHandle;
  /** Cancels a timer; does nothing if it already ran. */
  clearTimer(handle: TimerHandle): void;
}

/** An opaque handle given out by `Clock.setTimer`. */
export interface TimerHandle {
  readonly timer: unknown;
}
