/**
 * Replicated time: how long the cluster has had a leader, for what must end some day without a clock in the state.
 *
 * The leader proposes a value, "time is at least that", which is what it last applied and what has gone by since then on its own
 * monotonic clock. Applying takes the larger of the two. So it never goes back, and is never ahead of real time by more than clocks drift:
 * a value T that is applied at an instant is at most the time that has gone by until then (by induction; 0 at the beginning), hence T and
 * what goes by afterwards is so too, whoever proposes it and however late it arrives. A repetition, a deposed leader's proposal and two
 * leaders at once are therefore harmless, and nothing has to be fenced. Without a leader it stands still, because a new one counts
 * from when it began to lead. An idle log does not grow: a step is proposed only when something else was applied since the last
 * one, and holds all the time that went by.
 */

/** Pause between two steps. What expires by it is measured in hours. */
export const TIME_STEP_MS = 10_000;

export class TimeKeeper {
  /** A value of replicated time and this node's clock at some instant after it was applied; null while another node leads. */
  #base: { readonly timeMs: number; readonly atMs: number } | null = null;
  #stirred = false;

  /** This node leads from now on; replicated time is `timeMs`. */
  begin(timeMs: number, nowMs: number): void {
    this.#base = { timeMs, atMs: nowMs };
    this.#stirred = true;
  }

  end(): void {
    this.#base = null;
  }

  /** Something other than time was applied. */
  stir(): void {
    this.#stirred = true;
  }

  /** Replicated time was moved to `timeMs`. */
  moved(timeMs: number, nowMs: number): void {
    if (this.#base !== null) this.#base = { timeMs, atMs: nowMs };
    this.#stirred = false;
  }

  /** What to propose now: null when this node does not lead, or nothing has happened. */
  due(nowMs: number): number | null {
    if (this.#base === null || !this.#stirred) return null;
    return Math.floor(this.#base.timeMs + nowMs - this.#base.atMs);
  }
}
