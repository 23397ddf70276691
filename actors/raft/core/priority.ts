/**
 * Which member had better lead. A preference, never a condition: any voter that has the log may be elected at any time.
 *
 * A member of a priority below 0 waits longer before it campaigns, so that one of 0 or more mostly comes first; nobody waits less than the
 * shortest election timeout, on which stickiness and leases stand. And a leader hands over to a voter of a higher priority that is
 * caught up (`leadership-transfer.ts`); members tell theirs with their answers to heartbeats. One that stands aside, since its node is drained, has
 * the least for as long.
 *
 * A hand-over that was begun is not begun again for a while, whatever became of it: a preferred member that is slow or flaps must
 * not stop proposals again and again.
 */
import { leftMs, type Essence } from "./essence.ts";
import type { RaftPreferences, RaftTiming } from "./raft-options.ts";

export const PRIORITY_MAX = 10;

/** Longest election timeouts between two hand-overs to a preferred member. */
const HANDOVER_PAUSE_TIMEOUTS = 10;

/** A preferred member that lacks more entries than this is not waited for; what else a hand-over would wait for is brought in one append. */
const HANDOVER_LAG_MAX = 1000;

export function isPriority(value: unknown): boolean {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= PRIORITY_MAX;
}

/** Why a member cannot have these preferences, in words; null when it can. */
export function preferencesFault({ priority, leaseReads }: RaftPreferences): string | null {
  const is = (value: unknown): string => (typeof value === "string" ? `"${value}"` : String(value));
  if (!isPriority(priority))
    return `its priority is ${is(priority)}, wanted a whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}`;
  return typeof leaseReads === "boolean" ? null : `leaseReads is ${is(leaseReads)}, wanted true or false`;
}

/** How much longer a member of a priority waits before it campaigns: for each step below 0 a tenth of the longest election timeout. */
export function priorityDelayMs(priority: number, { electionTimeoutMaxMs }: RaftTiming): number {
  return priority < 0 ? Math.round((-priority / PRIORITY_MAX) * electionTimeoutMaxMs) : 0;
}

/** What a leader knows of the members' priorities. */
export class Priorities {
  readonly #timing: RaftTiming;
  /** Without those of priority 0, as whoever has not told it is taken for. */
  readonly #known = new Map<string, number>();
  #quietUntilMs: number;

  constructor(timing: RaftTiming, nowMs: number) {
    this.#timing = timing;
    this.#quietUntilMs = nowMs + timing.electionTimeoutMaxMs;
  }

  of(member: string): number {
    return this.#known.get(member) ?? 0;
  }

  tell(member: string, priority: number): void {
    if (priority === 0) this.#known.delete(member);
    else this.#known.set(member, priority);
  }

  /** To whom to hand over now: the voter of the highest priority above the own that was heard lately and lacks little. Null: to nobody. */
  preferred(
    voters: Iterable<{ readonly node: string; readonly match: number; readonly heardAtMs: number }>,
    { own, lastIndex, nowMs }: { readonly own: number; readonly lastIndex: number; readonly nowMs: number },
  ): string | null {
    if (nowMs < this.#quietUntilMs) return null;
    let best: string | null = null;
    for (const { node, match, heardAtMs } of voters) {
      const isBetter = this.of(node) > (best === null ? own : this.of(best));
      const isReady = lastIndex - match <= HANDOVER_LAG_MAX && nowMs - heardAtMs < this.#timing.electionTimeoutMinMs;
      if (isBetter && isReady) best = node;
    }
    return best;
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    return [[...this.#known], leftMs(this.#quietUntilMs, nowMs)];
  }

  begun(nowMs: number): void {
    this.#quietUntilMs = nowMs + HANDOVER_PAUSE_TIMEOUTS * this.#timing.electionTimeoutMaxMs;
  }
}
