/**
 * Faults put into the lease rule on purpose, to check that the simulator finds them. Nothing else may import this file.
 *
 * - `leaseBoundBroken`: the leader waits for half a lease; a node that is cut off still runs what is given to another.
 */
import { LEASE_MS, LEASE_RULE, type LeaseRule } from "./lease.ts";

export interface LeaseFaults {
  readonly leaseBoundBroken?: boolean;
}

/** The lease rule with `faults` planted; pass it as `leaseRule` of the leader actor. */
export function brokenLeaseRule(faults: LeaseFaults): LeaseRule {
  return faults.leaseBoundBroken === true ? { expireAfterMs: LEASE_MS / 2 } : LEASE_RULE;
}
