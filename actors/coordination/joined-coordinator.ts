/** The way from what is started on a node to that node's coordinator, which only a node that has joined a cluster has. */
import type { ActorSystem, Ref } from "../../runtime/index.ts";
import { COORDINATOR_PATH } from "./coordinator-actor.ts";
import type { CoordinatorRequest } from "./coordinator-protocol.ts";

/**
 * @param what is started, for the message: `singleton "printer"`.
 * @throws Error when the system has not joined a cluster: nobody would ever hear what is asked of the coordinator.
 */
export function joinedCoordinator(system: ActorSystem, what: string): Ref<CoordinatorRequest> {
  const ref = system.refAt<CoordinatorRequest>({ node: system.node, path: COORDINATOR_PATH });
  if (ref.target.actor !== undefined) return ref;
  throw new Error(
    `Cannot start ${what} on node "${system.node}": it runs no coordinator; joinCluster(system, …) comes first, and the system must not have stopped`,
  );
}
