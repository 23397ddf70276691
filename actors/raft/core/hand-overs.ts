/**
 * What this member remembers, over terms, of hand-overs to a preferred member that came to nothing.
 *
 * A member that hears its leader and few others is asked to lead, raises the term, is not elected, and ends the leadership of whoever asked it: all
 * wait for an election. The next leader is mostly the one before, who knows nothing of it if only a leadership remembers, and asks the same one
 * again: elections without an end (found by the simulator: a core of nodes beside one that only its leader hears). So each time in vain the pause
 * doubles, until that member has led.
 */
import { leftMs, type Essence } from "./essence.ts";
import type { RaftTiming } from "./raft-options.ts";

/** Longest election timeouts until the same member is preferred again after the first time in vain. */
const PAUSE_TIMEOUTS = 50;

/** The pause doubles so many times: from a minute to a quarter of an hour. */
const DOUBLINGS_MAX = 4;

interface InVain {
  times: number;
  untilMs: number;
}

export class HandOvers {
  readonly #timing: RaftTiming;
  readonly #inVain = new Map<string, InVain>();

  constructor(timing: RaftTiming) {
    this.#timing = timing;
  }

  /** Until `led` says otherwise it counts as in vain. */
  begun(to: string, nowMs: number): void {
    const times = (this.#inVain.get(to)?.times ?? 0) + 1;
    const doublings = Math.min(times - 1, DOUBLINGS_MAX);
    const untilMs = nowMs + PAUSE_TIMEOUTS * 2 ** doublings * this.#timing.electionTimeoutMaxMs;
    this.#inVain.set(to, { times, untilMs });
  }

  /** That member leads. */
  led(member: string): void {
    this.#inVain.delete(member);
  }

  /** Whether that member has been handed over to in vain, not long ago. */
  isInVain(to: string, nowMs: number): boolean {
    return nowMs < (this.#inVain.get(to)?.untilMs ?? -Infinity);
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    return [...this.#inVain].map(([to, { times, untilMs }]) => [to, times, leftMs(untilMs, nowMs)]);
  }
}
