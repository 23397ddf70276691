/** Spreads bytes over time: no more than a rate goes out over all transfers together. What was sent delays what comes next. */
export class Throttle {
  readonly #bytesPerMs: number;
  #freeAtMs = -Infinity;

  /** @throws {RangeError} unless the rate is more than 0. */
  constructor(bytesPerSecondMax: number) {
    if (!(bytesPerSecondMax > 0)) {
      throw new RangeError(`Cannot send snapshots: bytesPerSecondMax is ${bytesPerSecondMax}, wanted more than 0`);
    }
    this.#bytesPerMs = bytesPerSecondMax / 1000;
  }

  /** In how many milliseconds something may be sent; 0: now. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#freeAtMs - nowMs);
  }

  sent(sizeBytes: number, nowMs: number): void {
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + sizeBytes / this.#bytesPerMs;
  }
}
