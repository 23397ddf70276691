/** The tree of living actors, as `system.tree()` shows it: made when asked, from what the cells know anyway. */
import type { NactParent } from "nact/lib/actor.js";
import { ActorCell } from "./actor-cell.ts";
import type { ActorNode } from "./inspection.ts";

/** Those below `parent`, in the order of their spawns. */
export function treeBelow(parent: NactParent): readonly ActorNode[] {
  return [...parent.children.values()].filter((child) => child instanceof ActorCell).map(describe);
}

function describe(cell: ActorCell<unknown>): ActorNode {
  const { depth, highWater, dropped } = cell.metrics;
  return {
    name: cell.name,
    ref: cell.ref,
    behavior: cell.behavior,
    phase: cell.restart !== null ? "restarting" : cell.isMuted ? "muted" : "running",
    restarts: cell.life,
    mailbox: { depth, highWater, dropped },
    children: treeBelow(cell),
  };
}
