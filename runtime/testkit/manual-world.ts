/**
 * A world that moves only when the test says so: turns run in order, time advances by hand.
 *
 * Nothing here is a stand-in of the kernel: systems run as in production, on a clock that stands still. What it does not
 * do: draw another order of turns, or break anything. That is the simulator's work (`blixard/sim`).
 */
import type { Clock } from "../ports/clock.ts";
import type { Turn } from "../ports/dispatcher.ts";
import { createRandom } from "../prng.ts";
import type { World } from "../world.ts";

/** A world whose turns and time are in the test's hand. */
export interface ManualWorld extends World {
  /**
   * Runs every waiting turn, and those that they cause, until nobody is runnable. No time passes.
   * @throws after 100,000 turns: actors that tell each other forever.
   */
  settle(): void;
  /**
   * Lets `durationMs` pass, timer by timer, settling after each. @throws after 100,000 timers at one instant: an actor that sets
   * one of no delay again and again; RangeError for a duration below 0 or without end.
   */
  advance(durationMs: number): void;
  /** As `advance`, but stops as soon as `condition` holds; false when it does not within `withinMs`. */
  advanceUntil(condition: () => boolean, withinMs: number): boolean;
}

/** What a manual world is made with. */
export interface ManualWorldOptions {
  /** What the world's random numbers are drawn from. Default: 1. */
  readonly seed?: number;
}

interface ManualTimer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Where the wall clock starts: 2023-11-14T22:13:20Z. */
const WALL_START_MS = 1_700_000_000_000;

/** A test of a few actors takes hundreds; a turn is up to 64 messages. */
const TURNS_PER_SETTLE_MAX = 100_000;

/** As many, for the same reason. */
const TIMERS_PER_INSTANT_MAX = 100_000;

/** Makes a world whose clock stands at 0 and moves by hand. */
export function createManualWorld(options: ManualWorldOptions = {}): ManualWorld {
  const turns: Turn[] = [];
  const timers = new Set<ManualTimer>();
  let nowMs = 0;
  let order = 0;
  /** Turns of the queue that have run. */
  let head = 0;

  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => WALL_START_MS + nowMs,
    setTimer: (delayMs, run) => {
      const timer = { atMs: nowMs + Math.max(0, delayMs), order: order++, run };
      timers.add(timer);
      return { timer };
    },
    clearTimer: (handle) => void timers.delete(handle.timer as ManualTimer),
  };

  function settle(): void {
    // The queue grows while it is worked off, and is cut off once, not once a turn.
    while (head < turns.length) {
      if (head === TURNS_PER_SETTLE_MAX) {
        forgetTurns();
        throw new Error(`Cannot settle: actors took ${TURNS_PER_SETTLE_MAX} turns without time passing`);
      }
      turns[head++]?.run();
    }
    forgetTurns();
  }

  function forgetTurns(): void {
    turns.length = 0;
    head = 0;
  }

  function nextTimer(untilMs: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue;
      if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }

  function advanceUntil(condition: () => boolean, withinMs: number): boolean {
    if (!(withinMs >= 0 && withinMs < Infinity)) {
      throw new RangeError(`Cannot advance by ${withinMs} ms: time passes by a number from 0 on`);
    }
    const untilMs = nowMs + withinMs;
    settle();
    let fired = 0;
    while (!condition()) {
      const timer = nextTimer(untilMs);
      if (timer === undefined) {
        nowMs = untilMs;
        return false;
      }
      timers.delete(timer);
      fired = timer.atMs > nowMs ? 0 : fired + 1;
      if (fired === TIMERS_PER_INSTANT_MAX) {
        throw new Error(`Cannot advance: actors let ${TIMERS_PER_INSTANT_MAX} timers fire without time passing`);
      }
      nowMs = Math.max(nowMs, timer.atMs);
      timer.run();
      settle();
    }
    return true;
  }

  return {
    clock,
    random: createRandom(options.seed ?? 1),
    dispatcher: { schedule: (turn) => void turns.push(turn) },
    settle,
    advance: (durationMs) => void advanceUntil(() => false, durationMs),
    advanceUntil,
  };
}
