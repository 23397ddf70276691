/**
 * One host's clock: runs at its own rate, starts anywhere, and its wall clock may be wrong and step.
 *
 * Rates differ by at most `DRIFT_MAX` from the truth, so any two clocks differ by less than the 1 % that the lease rule
 * allows (quartz is 100 times better). The monotonic clock belongs to the host: it goes on when a node's process ends and
 * starts anew when the host loses power.
 *
 * Faults may change the rate, and stop the clock while the process runs on, as a broken time-stamp counter does (a machine that is paused is another thing:
 * there the process stands still, too). Who waits for a time is woken no earlier than that by this clock, however it has run meanwhile.
 *
 * Each change of the rate begins a new stretch of time. A stretch counts whole microseconds from its beginning, so nothing adds up: after a year
 * (3 × 10¹³ µs, far below 2⁵³) the clock is off by far less than one of them.
 */
import type { Clock, Random, TimerHandle } from "../../runtime/index.ts";
import type { Timeline } from "./timeline.ts";
import type { QueueEntry } from "./time-queue.ts";

/** Most by which a clock's rate differs from the truth. */
export const DRIFT_MAX = 0.0045;

/** Where wall clocks start: 2025-01-01T00:00:00Z. */
const WALL_START_MS = 1_735_689_600_000;
/** By so much a wall clock is ahead or behind when a run begins. */
const WALL_ERROR_MAX_MS = 600_000;
const UPTIME_MAX_MS = 10_000_000;

/** Whoever waits for a clock that stands still for longer than was said looks again after this. */
const LOOK_AGAIN_US = 1000;

export class HostClock {
  /** Changes of the monotonic clock's run, for who set a timer before one. */
  changes = 0;
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** Simulated microseconds of this host for one true microsecond, without faults. */
  readonly #ownRate: number;
  /** Of faults that change it; the last one counts. */
  readonly #rates: number[] = [];
  /** When each fault ends that stops it. */
  readonly #frozenUntilUs: number[] = [];
  /** The stretch of time since the last change: its beginning, the clock then, and its rate since. */
  #sinceUs = 0;
  #sinceMs: number;
  #rate: number;
  #wallErrorMs: number;

  constructor(timeline: Timeline, random: Random, drifts: boolean) {
    this.#timeline = timeline;
    this.#random = random;
    this.#ownRate = drifts ? 1 + DRIFT_MAX * (2 * random.next() - 1) : 1;
    this.#rate = this.#ownRate;
    this.#sinceMs = random.integer(UPTIME_MAX_MS);
    this.#wallErrorMs = random.integer(2 * WALL_ERROR_MAX_MS) - WALL_ERROR_MAX_MS;
  }

  /** Simulated microseconds of this host for one true microsecond; 0 while it stands still. */
  get rate(): number {
    return this.#rate;
  }

  /** Milliseconds, also with a fraction. */
  monotonicMs(): number {
    return this.#sinceMs + ((this.#timeline.nowUs - this.#sinceUs) * this.#rate) / 1000;
  }

  wallMs(): number {
    return WALL_START_MS + this.#wallErrorMs + Math.floor(this.#timeline.nowUs / 1000);
  }

  /**
   * True microseconds until this clock has moved by `durationMs`, if nothing about it changes but that it goes on; one more, so that
   * rounding never makes it early.
   */
  usUntil(durationMs: number): number {
    if (durationMs <= 0) return 0;
    if (this.#rate > 0) return Math.ceil((durationMs * 1000) / this.#rate) + 1;
    const stillUs = Math.max(...this.#frozenUntilUs) - this.#timeline.nowUs;
    return Math.max(LOOK_AGAIN_US, stillUs) + Math.ceil((durationMs * 1000) / this.#runningRate) + 1;
  }

  /** The host lost power: its monotonic clock starts from nothing. */
  restart(): void {
    this.#sinceUs = this.#timeline.nowUs;
    this.#sinceMs = this.#random.integer(1000);
    this.changes += 1;
  }

  /** Somebody set the wall clock, forward or back. */
  stepWall(byMs: number): void {
    this.#wallErrorMs += byMs;
  }

  /** The monotonic clock stands still until the function that is returned is called; expected to be at `untilUs`. */
  freeze(untilUs: number): () => void {
    this.#frozenUntilUs.push(untilUs);
    this.#change();
    return () => {
      this.#frozenUntilUs.splice(this.#frozenUntilUs.indexOf(untilUs), 1);
      this.#change();
    };
  }

  /** The monotonic clock runs at this rate until the function that is returned is called; more than 0. */
  drift(rate: number): () => void {
    this.#rates.push(rate);
    this.#change();
    return () => {
      this.#rates.splice(this.#rates.lastIndexOf(rate), 1);
      this.#change();
    };
  }

  get #runningRate(): number {
    return this.#rates.at(-1) ?? this.#ownRate;
  }

  #change(): void {
    this.#sinceMs = this.monotonicMs();
    this.#sinceUs = this.#timeline.nowUs;
    this.#rate = this.#frozenUntilUs.length > 0 ? 0 : this.#runningRate;
    this.changes += 1;
  }
}

/** Runs what reaches a node's process: not at all once it is dead, later while it is paused. */
export type Enter = (run: () => void) => void;

/** The clock port of one life of a node's process. */
export function clockOf(host: HostClock, timeline: Timeline, enter: Enter): Clock {
  const setting: Setting = { host, timeline, enter };
  return {
    monotonicMs: () => host.monotonicMs(),
    wallMs: () => host.wallMs(),
    setTimer: (delayMs, run): TimerHandle => new Timer(setting, delayMs, run),
    clearTimer: (handle) => (handle as Timer).clear(),
  };
}

interface Setting {
  readonly host: HostClock;
  readonly timeline: Timeline;
  readonly enter: Enter;
}

class Timer implements TimerHandle {
  timer: QueueEntry;
  readonly #setting: Setting;
  /** By the host's clock, whose run may change before. */
  readonly #dueMs: number;
  readonly #changes: number;
  #run: (() => void) | null;

  constructor(setting: Setting, delayMs: number, run: () => void) {
    const { host } = setting;
    this.#setting = setting;
    this.#dueMs = host.monotonicMs() + delayMs;
    this.#changes = host.changes;
    this.#run = run;
    this.timer = this.#wait(delayMs);
  }

  clear(): void {
    this.#run = null;
    this.timer.run = null;
  }

  #wait(delayMs: number): QueueEntry {
    const { host, timeline, enter } = this.#setting;
    return timeline.after(host.usUntil(delayMs), () => enter(() => this.#fire()));
  }

  #fire(): void {
    const { host } = this.#setting;
    const isAsSet = host.changes === this.#changes && host.rate > 0;
    const leftMs = isAsSet ? 0 : this.#dueMs - host.monotonicMs();
    if (leftMs > 0 && this.#run !== null) {
      this.timer = this.#wait(leftMs);
      return;
    }
    const run = this.#run;
    this.#run = null;
    run?.();
  }
}
