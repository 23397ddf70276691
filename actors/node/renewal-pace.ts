/**
 * When a node renews its lease: together with the others, so that the renewals of all nodes share one append of the log and one sync.
 *
 *     own renewal ─▶ … ─▶ a while before it is due, counted from the last renewal that was seen here ─▶ own renewal
 *                    └──▶ somebody else's is seen, and the own one is half the pause old ─▶ own renewal
 *
 * All nodes apply a renewal within milliseconds of each other, so whoever counts from there comes with the others; whoever is out of step joins
 * the next ones that it sees. The leader gives those that come together a moment (`../raft/proposals.ts`). Nodes thus agree without a word
 * of their own about it.
 *
 * Nothing here lengthens a lease or a pause: a renewal comes at the latest when it would without the others, and at the soonest after half the
 * pause. The lease counts from when the node asked (`../cluster/lease.ts`).
 */

import type { Change } from "../cluster/replica-protocol.ts";

/**
 * By so much sooner than its own pause a node renews when it counts from what it has seen: longer than renewals take from the first that is proposed until
 * the last is applied, or whoever asked first would always be ahead of the others.
 */
const AHEAD_MS = 100;

/** Whether a change of the map is the renewal of some node's lease, or its registration. */
export function isRenewal({ type, resource }: Change): boolean {
  if (type !== "put" || resource.kind !== "Node") return false;
  const { status, metadata } = resource;
  return status.phase === "Ready" && status.renewedAt === metadata.version;
}

/** When a node renews its lease. All times are of its monotonic clock. */
export class RenewalPace {
  readonly #renewMs: number;
  /** When the last renewal was asked for, or the registration. */
  #askedMs = -Infinity;
  /** When the last renewal of any node was seen. */
  #seenMs = -Infinity;
  #isAsking = false;

  /** @param renewMs Longest pause between two renewals. */
  constructor(renewMs: number) {
    this.#renewMs = renewMs;
  }

  /** A renewal is proposed and has not come about yet. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  asking(): void {
    this.#isAsking = true;
  }

  /** What was asked for at `askedMs` has come about. */
  asked(askedMs: number): void {
    this.#isAsking = false;
    this.#askedMs = askedMs;
  }

  /** A renewal of some node was applied here. Whether the own one should join it, rather than come when it is due. */
  seen(nowMs: number): boolean {
    this.#seenMs = nowMs;
    return !this.#isAsking && nowMs - this.#askedMs >= this.#renewMs / 2;
  }

  /** When the next one is due. */
  get dueMs(): number {
    const isSeen = this.#seenMs >= this.#askedMs;
    return this.#renewMs + Math.min(this.#askedMs, isSeen ? this.#seenMs - AHEAD_MS : Infinity);
  }
}
