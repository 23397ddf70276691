/**
 * The gate of a fenced resource: lets through what carries the newest fence it has seen, or a newer one.
 *
 * An effect of a holder that was paused, or a message that was on its way for long, may arrive when another holds the
 * lease and has acted; its fence is smaller and it is refused. The gate belongs to the resource and must be kept with it:
 * one that forgets what it has seen lets everything through again (Kleppmann, Designing Data-Intensive Applications, §8.4).
 */
export class FenceGate {
  #newest: number;

  /** @param newest largest fence seen so far, from where the resource keeps it; 0 for a new resource. */
  constructor(newest = 0) {
    this.#newest = newest;
  }

  /** The largest fence that was let through; keep it with the resource. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether an effect under this fence may happen. @throws {RangeError} for what is no fence: a positive safe integer. */
  admit(fence: number): boolean {
    if (!Number.isSafeInteger(fence) || fence <= 0) {
      throw new RangeError(`Cannot admit an effect under fence ${fence}: a fence is a positive integer`);
    }
    if (fence < this.#newest) return false;
    this.#newest = fence;
    return true;
  }
}
