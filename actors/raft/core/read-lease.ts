/**
 * Reads without a round of heartbeats (Ongaro's dissertation §6.4.1): for a while after a quorum has answered, nobody else can
 * have been elected. An option, since it stands on clocks; `read-rounds.ts` stands on none.
 *
 * What a member promises that keeps leases (`leaseReads`): after an answer to a heartbeat it votes for nobody, itself included, for
 * the shortest election timeout E by its own monotonic clock, also after a restart, in whatever role and term. So it does not
 * campaign early when its link to the leader is lost either.
 *
 * Proof that a read under a lease is linearizable. Let the leader send a round of heartbeats at the instant s, and let a quorum Q
 * of the configuration in force answer it; each voter of Q answers at some instant t ≥ s. Let l and n be the rates of the leader's and
 * of the voter's clock, with l / n ≥ 1 / (1 + DRIFT_MAX). The voter votes for nobody before t + E / n. The leader counts
 * LEASE = E / (1 + DRIFT_MAX) from s by its own clock, which ends at s + LEASE / l = s + E / (l (1 + DRIFT_MAX)) ≤ s + E / n ≤ t + E / n. So while
 * the lease runs no voter of Q has voted in a later term, and who is elected in one needs a quorum that shares a voter with
 * Q: of this configuration or the joint one around it, since a member that lacks the change that this leader has committed is not
 * voted for. So nobody has committed anything in a later term, and this leader's commit index is at or after every answered write,
 * once it has committed in its own term (fault 12).
 *
 * Two things void it. A hand-over asks voters to break their promise: from the message that asks the successor to campaign, which may be
 * delayed for ever, there is no lease in this term. And a clock outside the bound: that of a machine that was suspended, or of a
 * virtual one that was moved with its memory, may stand still for longer than any bound (fault 16). Where that can be, do not use it.
 */
import type { Configuration } from "./configuration.ts";
import { agoMs, type Essence } from "./essence.ts";
import { quorumValue } from "./quorum.ts";
import type { RaftTiming } from "./raft-options.ts";

/** Most by which one clock may outrun another, as a fraction: ten times what NTP may slew (500 ppm on both sides: 0.1 %). */
const DRIFT_MAX = 0.01;

/** Rounds whose time of sending is kept. At a heartbeat each 100 ms that is six seconds, many leases; an answer to an older one renews nothing. */
const ROUNDS_KEPT_MAX = 64;

/** How long a lease runs from when the heartbeats were sent that a quorum answered, in ms on the leader's clock. */
export function leaseMs({ electionTimeoutMinMs }: Pick<RaftTiming, "electionTimeoutMinMs">): number {
  return electionTimeoutMinMs / (1 + DRIFT_MAX);
}

/** The lease of one leader in one term. */
export class ReadLease {
  readonly #self: string;
  readonly #leaseMs: number;
  /** When each of the last rounds was sent, oldest first. */
  readonly #sentAtMs = new Map<number, number>();
  /** When the newest round was sent that each voter has answered. */
  readonly #answeredMs = new Map<string, number>();

  constructor(self: string, timing: Pick<RaftTiming, "electionTimeoutMinMs">) {
    this.#self = self;
    this.#leaseMs = leaseMs(timing);
  }

  sent(round: number, nowMs: number): void {
    this.#sentAtMs.set(round, nowMs);
    for (const oldest of this.#sentAtMs.keys()) {
      if (this.#sentAtMs.size <= ROUNDS_KEPT_MAX) return;
      this.#sentAtMs.delete(oldest);
    }
  }

  /** A member that keeps leases has answered a round. */
  answered(member: string, round: number): void {
    const sentAtMs = this.#sentAtMs.get(round);
    if (sentAtMs === undefined) return;
    this.#answeredMs.set(member, Math.max(sentAtMs, this.#answeredMs.get(member) ?? -Infinity));
  }

  /** `essence.ts` */
  essence(nowMs: number): Essence {
    const ages = (times: Iterable<readonly [unknown, number]>): Essence =>
      [...times].map(([key, atMs]) => [key, agoMs(atMs, nowMs, this.#leaseMs)]);
    return [ages(this.#sentAtMs), ages(this.#answeredMs)];
  }

  /** Until when nobody else can have been elected; the past when no quorum has answered. */
  untilMs(configuration: Configuration): number {
    const answeredMs = (voter: string): number =>
      voter === this.#self ? Infinity : (this.#answeredMs.get(voter) ?? -Infinity);
    return quorumValue(configuration, answeredMs) + this.#leaseMs;
  }
}
