/**
 * The actors of one cluster member, put together: the same in production and in the simulator.
 *
 * Spawned youngest last, so that a stopping system ends them in reverse: the node first, consensus last.
 */
import type { ActorSystem, Hypervisor, Prober, Ref } from "../runtime/index.ts";
import { LEASE_MS, RENEW_MS } from "./cluster/lease.ts";
import type { ReplicaRequest } from "./cluster/replica-protocol.ts";
import { leaderActor, LEADER_SPAWN_OPTIONS } from "./controller/leader-actor.ts";
import { joinCluster, type JoinClusterOptions } from "./join-cluster.ts";
import { NODE_SPAWN_OPTIONS, nodeActor } from "./node/node-actor.ts";
import type { NodeSpec } from "./resources/index.ts";
import type { MoveRules } from "./vm/move-rules.ts";

export interface MemberOptions extends JoinClusterOptions {
  /** What this node says of itself when it registers. */
  readonly spec: NodeSpec;
  readonly hypervisor: Hypervisor;
  readonly prober: Prober;
  /** Default: MOVE_RULES. Only the simulator gives others, to plant a fault. */
  readonly moveRules?: MoveRules;
}

export interface Member {
  readonly replica: Ref<ReplicaRequest>;
}

/** Spawns them. A log that cannot be read is told through `onStoreFailed`. */
export function spawnMember(system: ActorSystem, options: MemberOptions): Member {
  const { spec, hypervisor, prober, logger, leaseRule, moveRules } = options;
  const { replica } = joinCluster(system, options);
  const { dependenciesIgnored = false } = options.stateLimits ?? {};
  system.spawn(leaderActor({ replica, dependenciesIgnored, ...(leaseRule && { leaseRule }) }), LEADER_SPAWN_OPTIONS);
  const lease = { leaseMs: LEASE_MS, renewMs: RENEW_MS };
  const about = { name: system.node, spec, hypervisor, prober, logger, replica, lease };
  const node = nodeActor({ ...about, ...(moveRules && { moveRules }) });
  system.spawn(node, NODE_SPAWN_OPTIONS);
  return { replica };
}
