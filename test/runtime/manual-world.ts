/** A world that moves only when the test says so: turns run in order, time advances by hand. */
import { createRandom, type Clock, type Turn, type World } from "../../runtime/index.ts";

export interface ManualWorld extends World {
  /** Runs every waiting turn, and those that they cause. */
  settle(): void;
  /** Lets time pass, timer by timer, settling after each. */
  advance(durationMs: number): void;
}

interface ManualTimer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export function createManualWorld(): ManualWorld {
  const turns: Turn[] = [];
  const timers = new Set<ManualTimer>();
  let nowMs = 0;
  let order = 0;

  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => 1_700_000_000_000 + nowMs,
    setTimer: (delayMs, run) => {
      const timer = { atMs: nowMs + Math.max(0, delayMs), order: order++, run };
      timers.add(timer);
      return { timer };
    },
    clearTimer: (handle) => void timers.delete(handle.timer as ManualTimer),
  };

  function settle(): void {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn.run();
  }

  function nextTimer(untilMs: number): ManualTimer | undefined {
    return [...timers]
      .filter((timer) => timer.atMs <= untilMs)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }

  function advance(durationMs: number): void {
    const untilMs = nowMs + durationMs;
    settle();
    for (let timer = nextTimer(untilMs); timer !== undefined; timer = nextTimer(untilMs)) {
      timers.delete(timer);
      nowMs = Math.max(nowMs, timer.atMs);
      timer.run();
      settle();
    }
    nowMs = untilMs;
  }

  return { clock, random: createRandom(1), dispatcher: { schedule: (turn) => void turns.push(turn) }, settle, advance };
}
