/**
 * Faults put into leases and shards on purpose, to check that the simulator finds them. Nothing else may import this file.
 *
 * - `deadlineIgnored`: a holder takes its session to last for a minute after each renewal; it still acts when its lease is another's.
 * - `handOffEarly`: the home of a shard gives it away while its entities live.
 */
import { SHARD_RULES, type ShardRules } from "../sharding/shard-options.ts";
import { HOLD_RULE, type HoldRule } from "./tenure.ts";

export interface CoordinationFaults {
  readonly deadlineIgnored?: boolean;
  readonly handOffEarly?: boolean;
}

/** The holder's rule with `faults` planted; pass it as `holdRule` of `joinCluster`. */
export function brokenHoldRule(faults: CoordinationFaults): HoldRule {
  return faults.deadlineIgnored === true ? { holdMs: 60_000 } : HOLD_RULE;
}

/** The rules of a shard's home with `faults` planted; pass them as `rules` of a region. */
export function brokenShardRules(faults: CoordinationFaults): ShardRules {
  return faults.handOffEarly === true ? { entitiesEndFirst: false } : SHARD_RULES;
}
