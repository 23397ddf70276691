/** How long a dialer waits between attempts: doubling, with jitter so that nodes that fell together do not come together. */
import type { Random } from "../runtime/ports/random.ts";

export interface Backoff {
  /** Before the first new attempt, in ms. */
  readonly minMs: number;
  readonly maxMs: number;
  /** The share by which a wait is shorter or longer at random, from 0 to 1. */
  readonly jitter: number;
}

/** 2 s at most: a node that comes back is found again within that, and a refused connect costs well under 1 ms. */
export const REDIAL_BACKOFF: Backoff = { minMs: 100, maxMs: 2000, jitter: 0.2 };

/** The wait after `failures` attempts in a row, at least one, have failed. */
export function backoffMs(backoff: Backoff, failures: number, random: Random): number {
  const baseMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** (failures - 1));
  return Math.round(baseMs * (1 + backoff.jitter * (2 * random.next() - 1)));
}
