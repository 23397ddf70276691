/**
 * Leases: for how long a node may run what it was given, and when the rest may take it to be gone.
 *
 * A node counts LEASE_MS from when it *proposed* a renewal, on its own monotonic clock; then its guests are ended by their
 * guards, outside the node's process. The leader counts `expireAfterMs` from when its replica *applied* that renewal, on
 * its own. No value of one clock is ever compared with one of another.
 *
 * Proof that they never overlap. Let a renewal be proposed at the instant p, applied at the leader's replica at the instant
 * a; a ≥ p, since nothing is applied before it is proposed. Let n and l be the rates of the two clocks, with
 * l / n ≤ 1 + DRIFT_BOUND. The guests have been told to end by p + LEASE_MS / n. The leader expires no sooner than
 * a + expireAfterMs / l ≥ p + (LEASE_MS × (1 + DRIFT_BOUND) + GRACE_MS) / l ≥ p + LEASE_MS / n + GRACE_MS / l.
 * GRACE_MS is thus what a guard has from its deadline until its guest is dead. A renewal that the leader has not applied
 * yet cannot be missed: expire-lease names the renewal it waited for, and is refused when a later one is in the map;
 * applied in the other order, the later renewal is refused and the node never counts from it. A repeated proposal counts
 * from its first attempt. See docs/decisions/0008-leases.md.
 */

/** Length of a lease. Longer rides out longer pauses of a leader or disk, but a dead node's VMs wait for it. */
export const LEASE_MS = 6000;

/** Longest pause between renewals, a third of a lease: one may fail, or an election pass, before it is in danger. Each is an entry of the log. */
export const RENEW_MS = 2000;

/** Most by which one clock may outrun another, as a fraction. Ten times what NTP may slew (500 ppm on both sides: 0.1 %). */
export const DRIFT_BOUND = 0.01;

/** From a guard's deadline to the death of its guest: one tick of its timer, a kill, a loaded machine. */
export const GRACE_MS = 250;

/** When the leader may act on a silent node. The simulator puts in a wrong one to see that it is found. */
export interface LeaseRule {
  /** From when a renewal was applied at the leader's replica, by the leader's monotonic clock. */
  readonly expireAfterMs: number;
}

export const LEASE_RULE: LeaseRule = { expireAfterMs: Math.ceil(LEASE_MS * (1 + DRIFT_BOUND)) + GRACE_MS };
