/**
 * A resource outside of the cluster that is told fences: what holders send to it arrives late and out of order, and what
 * comes from an earlier holder must be refused.
 */
import type { Random } from "../../runtime/index.ts";
import { FenceGate } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

/** Longest way to it; some effects overtake others by more than a lease. */
const DELAY_MAX_US = 10_000_000;

export class FencedResource {
  accepted = 0;
  refused = 0;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #gates = new Map<string, FenceGate>();
  /** By key: the newest fence that wrote. */
  readonly #newest = new Map<string, number>();

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** Sends a write; it arrives some time later. */
  write(key: string, fence: number): void {
    const delayUs = DELAY_MAX_US ** this.#random.next();
    this.#timeline.after(delayUs, () => this.#arrive(key, fence));
  }

  #arrive(key: string, fence: number): void {
    const gate = this.#gates.get(key) ?? new FenceGate();
    this.#gates.set(key, gate);
    if (!gate.admit(fence)) {
      this.refused += 1;
      this.#timeline.note(`refused ${key} fence ${fence}`);
      return;
    }
    this.accepted += 1;
    const newest = this.#newest.get(key) ?? 0;
    this.#newest.set(key, Math.max(newest, fence));
    if (fence >= newest) return;
    this.#timeline.fail("fenced-writes-in-order", `"${key}" took fence ${fence} after fence ${newest}`);
  }
}
