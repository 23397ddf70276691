/**
 * One host's clock: runs at its own rate, starts anywhere, and its wall clock may be wrong and step.
 *
 * Rates differ by at most `DRIFT_MAX` from the truth, so any two clocks differ by less than the 1 % that the lease rule
 * allows (quartz is 100 times better). The monotonic clock belongs to the host: it goes on when a node's process ends and
 * starts anew when the host loses power.
 */
import type { Clock, Random, TimerHandle } from "../../runtime/index.ts";
import type { Timeline } from "./timeline.ts";
import type { QueueEntry } from "./time-queue.ts";

const DRIFT_MAX = 0.0045;

/** Where wall clocks start: 2025-01-01T00:00:00Z. */
const WALL_START_MS = 1_735_689_600_000;
const WALL_ERROR_MAX_MS = 600_000;
const UPTIME_MAX_MS = 10_000_000;

export class HostClock {
  /** Simulated microseconds of this host for one true microsecond. */
  readonly rate: number;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #startedUs = 0;
  #uptimeAtStartMs: number;
  #wallErrorMs: number;

  constructor(timeline: Timeline, random: Random, drifts: boolean) {
    this.#timeline = timeline;
    this.#random = random;
    this.rate = drifts ? 1 + DRIFT_MAX * (2 * random.next() - 1) : 1;
    this.#uptimeAtStartMs = random.integer(UPTIME_MAX_MS);
    this.#wallErrorMs = random.integer(WALL_ERROR_MAX_MS);
  }

  /** Milliseconds, also with a fraction. */
  monotonicMs(): number {
    return this.#uptimeAtStartMs + ((this.#timeline.nowUs - this.#startedUs) * this.rate) / 1000;
  }

  wallMs(): number {
    return WALL_START_MS + this.#wallErrorMs + Math.floor(this.#timeline.nowUs / 1000);
  }

  /** True microseconds until this clock has moved by `durationMs`; one more, so that rounding never makes it early. */
  usUntil(durationMs: number): number {
    return durationMs <= 0 ? 0 : Math.ceil((durationMs * 1000) / this.rate) + 1;
  }

  /** The host lost power: its monotonic clock starts from nothing. */
  restart(): void {
    this.#startedUs = this.#timeline.nowUs;
    this.#uptimeAtStartMs = this.#random.integer(1000);
  }

  /** Somebody set the wall clock. */
  stepWall(): void {
    this.#wallErrorMs = this.#random.integer(WALL_ERROR_MAX_MS);
  }
}

/** Runs what reaches a node's process: not at all once it is dead, later while it is paused. */
export type Enter = (run: () => void) => void;

/** The clock port of one life of a node's process. */
export function clockOf(host: HostClock, timeline: Timeline, enter: Enter): Clock {
  return {
    monotonicMs: () => host.monotonicMs(),
    wallMs: () => host.wallMs(),
    setTimer: (delayMs, run): TimerHandle => new Timer(timeline, enter, host.usUntil(delayMs), run),
    clearTimer: (handle) => (handle as Timer).clear(),
  };
}

class Timer implements TimerHandle {
  readonly timer: QueueEntry;
  #run: (() => void) | null;

  constructor(timeline: Timeline, enter: Enter, delayUs: number, run: () => void) {
    this.#run = run;
    this.timer = timeline.after(delayUs, () => enter(() => this.#fire()));
  }

  clear(): void {
    this.#run = null;
    this.timer.run = null;
  }

  #fire(): void {
    const run = this.#run;
    this.#run = null;
    run?.();
  }
}
