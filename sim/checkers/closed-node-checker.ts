/**
 * No instance begins on a node that is closed in the map at that index, but one that was on its way when it was closed. Looks at what replicas hold, at
 * the index at which an instance came to be, and judges by the fields of the map and not by the rules that the cluster decides by.
 */
import type { ClusterView, LastMigration } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

export class ClosedNodeChecker {
  /** Instances seen at the index of their beginning. */
  placed = 0;
  readonly #timeline: Pick<Timeline, "fail">;
  readonly #names: readonly string[];
  #newest = 0;
  /** Moves by stop and start whose instance at the target was seen: what begins there later is another. */
  readonly #arrived = new Set<string>();

  /** `names`: of the VMs that are looked at. */
  constructor(timeline: Pick<Timeline, "fail">, names: readonly string[]) {
    this.#timeline = timeline;
    this.#names = names;
  }

  /** A replica has applied one entry more. The first to come to an index is looked at: that all hold the same there is another rule's. */
  onApply(view: Pick<ClusterView, "applied" | "get">): void {
    if (view.applied <= this.#newest) return;
    this.#newest = view.applied;
    for (const name of this.#names) {
      const vm = view.get("Vm", name);
      if (vm?.kind !== "Vm") continue;
      const { instance, lastMigration } = vm.status;
      if (instance === null || instance.id !== `${name}-${view.applied}`) continue;
      this.placed += 1;
      const node = view.get("Node", instance.node);
      const drain = node?.kind === "Node" ? node.status.drain : undefined;
      const isOnItsWay = this.#arrives(lastMigration, instance.node, drain?.id ?? 0);
      if (drain === undefined || isOnItsWay) continue;
      this.#timeline.fail(
        "nothing-begins-on-a-closed-node",
        `VM "${name}" begins as ${instance.id} on node "${instance.node}", which is ${drain.phase}`,
      );
    }
  }

  /** Whether an instance begins there by a move that was begun before the node was closed: move and drain have the indexes of their beginnings in their ids. */
  #arrives(last: LastMigration | undefined, node: string, closedAt: number): boolean {
    if (last?.cold !== true || last.outcome !== "moved" || last.to !== node || this.#arrived.has(last.id)) return false;
    this.#arrived.add(last.id);
    return Number(last.id.slice(last.id.lastIndexOf("-") + 1)) < closedAt;
  }
}
