/** What is no time to wait is refused where it is given: a clock that got it would stand still, or fire at once. */

/**
 * Negative is as soon as possible, `Infinity` is never.
 * @param what is set, for the message: `timer "tick"`.
 * @throws RangeError for `NaN` and for what is no number.
 */
export function checkDelay(what: string, delayMs: number): void {
  if (typeof delayMs === "number" && !Number.isNaN(delayMs)) return;
  throw new RangeError(`Cannot set ${what}: ${String(delayMs)} is no number of milliseconds`);
}

/** A receive timeout of 0 would let an idle actor turn without end. @throws RangeError. */
export function checkReceiveTimeout(delayMs: number): void {
  checkDelay("a receive timeout", delayMs);
  if (delayMs <= 0) throw new RangeError(`Cannot set a receive timeout of ${delayMs} ms: it must be more than 0`);
}
