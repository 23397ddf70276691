/**
 * A tenure: what its holder knows of a lease that it holds, or of a shard that is at home with it.
 *
 *     propose renewal ──▶ applied ──▶ `extend(asked + LEASE_MS)` ──▶ isValid until then, by this node's monotonic clock
 *
 * Coordinator and holder stand on one node and share the object: asked right before an effect, `isValid` is never older
 * than the effect, which no message could promise. It only ever says when the *lease* ends; that an effect which is under
 * way reaches its target later than that is what the fence is for (`fence-gate.ts`).
 */
import { LEASE_MS } from "../cluster/lease.ts";

/** How long a session lasts for its holder. The simulator puts in a wrong one to see that it is found. */
export interface HoldRule {
  /** From before a renewal was proposed, by the holder's monotonic clock. */
  readonly holdMs: number;
}

export const HOLD_RULE: HoldRule = { holdMs: LEASE_MS };

/** One session of this node: a single deadline for all that is held under it. */
export class SessionTerm {
  /** Index that opened it. */
  readonly session: number;
  #untilMs: number;

  constructor(session: number, untilMs: number) {
    this.session = session;
    this.#untilMs = untilMs;
  }

  /** When it ends, by this node's monotonic clock, unless it is renewed. */
  get untilMs(): number {
    return this.#untilMs;
  }

  isValid(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** @internal It was renewed. Never moves the end back. */
  extend(untilMs: number): void {
    if (this.#untilMs > 0) this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  /** @internal It is over, whatever its deadline was; for good. */
  end(): void {
    this.#untilMs = 0;
  }
}

/** The right to act as the one holder of something, for a time. */
export class Tenure {
  /** Larger than that of every holder before: the Raft index at which this one got it. */
  readonly fence: number;
  readonly #term: SessionTerm;
  #over = false;

  constructor(fence: number, term: SessionTerm) {
    this.fence = fence;
    this.#term = term;
  }

  /** When it ends, by this node's monotonic clock, unless it is renewed; it may end sooner. */
  get validUntilMs(): number {
    return this.#over ? 0 : this.#term.untilMs;
  }

  /** Whether the holder may act at `nowMs` of this node's monotonic clock: `ctx.now()`. */
  isValid(nowMs: number): boolean {
    return !this.#over && this.#term.isValid(nowMs);
  }

  /** @internal It was given up or lost. */
  end(): void {
    this.#over = true;
  }
}

/**
 * Does `effect` with the tenure's fence if the tenure is valid now; else does nothing and returns false.
 *
 * The effect runs at once, so the check is as old as the call of it. What the effect sends must carry the fence and be
 * refused by its target when it has seen a larger one (`FenceGate`): a process may be stopped between the two.
 */
export function fenced(tenure: Tenure, nowMs: number, effect: (fence: number) => void): boolean {
  if (!tenure.isValid(nowMs)) return false;
  effect(tenure.fence);
  return true;
}
