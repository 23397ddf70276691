/**
 * Lets the first line of a kind through and then ever fewer: whoever is refused tries again twice a second, and a log
 * full of the same line hides every other. The next line that passes says how many did not.
 */

/** The silence after the first line; doubles with each line that passes within it. */
const SILENCE_MIN_MS = 1000;

/** One line in ten minutes shows that it still goes on. */
const SILENCE_MAX_MS = 600_000;

interface Silence {
  readonly untilMs: number;
  readonly lengthMs: number;
  readonly suppressed: number;
}

export class LogThrottle {
  /** Keys come from fixed lists (reasons) and from the members' names, never from what a stranger says: so it is bounded. */
  readonly #silences = new Map<string, Silence>();

  /** How many lines of that key were held back since the last that passed; undefined when this one is held back too. */
  pass(key: string, nowMs: number): number | undefined {
    const silence = this.#silences.get(key);
    if (silence !== undefined && nowMs < silence.untilMs) {
      this.#silences.set(key, { ...silence, suppressed: silence.suppressed + 1 });
      return undefined;
    }
    const calm = silence === undefined || nowMs >= silence.untilMs + silence.lengthMs;
    const lengthMs = calm ? SILENCE_MIN_MS : Math.min(SILENCE_MAX_MS, silence.lengthMs * 2);
    this.#silences.set(key, { untilMs: nowMs + lengthMs, lengthMs, suppressed: 0 });
    return silence?.suppressed ?? 0;
  }
}
