/**
 * No instance begins on a node that is closed in the map at that index, but one that was on its way when it was closed. Looks at what replicas hold, at the index at
 * which an instance came to be, and judges by the fields of the map and not by the rules that the cluster decides by.
 */
import type { ClusterView } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

export class ClosedNodeChecker {
  /** Instances seen at the index of their beginning while some node was closed. */
  placed = 0;
  readonly #timeline: Pick<Timeline, "fail">;
  readonly #names: readonly string[];
  readonly #seen = new Set<string>();

  /** `names`: of the VMs that are looked at. */
  constructor(timeline: Pick<Timeline, "fail">, names: readonly string[]) {
    this.#timeline = timeline;
    this.#names = names;
  }

  /** A replica has applied one entry more. */
  onApply(view: Pick<ClusterView, "applied" | "get">): void {
    for (const name of this.#names) {
      const vm = view.get("Vm", name);
      if (vm?.kind !== "Vm") continue;
      const { instance, lastMigration } = vm.status;
      if (instance === null || instance.id !== `${name}-${view.applied}` || this.#seen.has(instance.id)) continue;
      this.#seen.add(instance.id);
      this.placed += 1;
      const node = view.get("Node", instance.node);
      const hasArrived = lastMigration?.cold === true && lastMigration.to === instance.node;
      if (node?.kind !== "Node" || node.status.drain === undefined || hasArrived) continue;
      this.#timeline.fail(
        "nothing-begins-on-a-closed-node",
        `VM "${name}" begins as ${instance.id} on node "${instance.node}", which is ${node.status.drain.phase}`,
      );
    }
  }
}
