/** What the leader does for the cluster beside scheduling, and who starts and stops it all. */
export { LEADER_SPAWN_OPTIONS, leaderActor, type LeaderMessage, type LeaderOptions } from "./leader-actor.ts";
export { leaseKeeperActor, type LeaseKeeperMessage, type LeaseKeeperOptions } from "./lease-keeper-actor.ts";
export { planStop } from "./stop-plan.ts";
export { vmControllerActor, type VmControllerMessage, type VmControllerOptions } from "./vm-controller-actor.ts";
