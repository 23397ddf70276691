/**
 * Drains in the map: a node is closed to whatever is not there yet, and what is there moves away, one by one.
 *
 *     drain-node ─▶ draining ─the last one has left: note-drained─▶ drained ─┬─ undrain-node ─▶ open again
 *                      └────────────── its time is over ─────────▶ ended  ───┘
 *
 * What moves, how and where, is the drain actor's (`../controller/drain-actor.ts`), by the commands that users move VMs with: so nothing is placed twice
 * that was not before, and a drain that is taken back leaves what moves to arrive. That it is closed is a fit rule (`fit-rules.ts`), which placing and
 * moving are verified by. It stays closed when it is lost and when it comes back. Level 4.
 */
import type { DrainLimits, Node, NodeDrain } from "../resources/index.ts";
import type { ChangeSet } from "./change-set.ts";
import type { CommandOf } from "./commands.ts";
import type { About } from "./first-outcome.ts";
import { Refusal } from "./refusal.ts";

export type DrainCommand =
  /** Closes a node and has it emptied; one that is being drained already is drained by these limits from now on. */
  | { readonly type: "drain-node"; readonly name: string; readonly limits: DrainLimits }
  /** Opens it again; what moves arrives, nothing more is moved. */
  | { readonly type: "undrain-node"; readonly name: string }
  /** The leader's word that nothing is left there. Refused when the map knows better. */
  | { readonly type: "note-drained"; readonly name: string; readonly drain: number };

export function drainNode(set: ChangeSet, { name, limits }: CommandOf<"drain-node">): About | Refusal {
  const node = set.map.node(name);
  if (node === undefined) return new Refusal("not-found", `Cannot drain node "${name}": there is none of that name`);
  const untilMs = set.timeMs + limits.timeoutMs;
  const drain: NodeDrain = { id: set.index, phase: "draining", limits, untilMs, startedAtMs: set.atMs };
  putDrain(set, node, drain);
  const count = set.map.vmsOn(name).length;
  record(set, name, { reason: "Draining", message: `Node "${name}" is closed and drained of ${vms(count)}` });
  return about(node);
}

export function undrainNode(set: ChangeSet, { name }: CommandOf<"undrain-node">): About | Refusal {
  const node = set.map.node(name);
  if (node === undefined) return new Refusal("not-found", `Cannot undrain node "${name}": there is none of that name`);
  if (node.status.drain !== undefined) {
    const { drain: _, ...status } = node.status;
    set.putNode({ ...node, status });
    record(set, name, { reason: "Undrained", message: `Node "${name}" is open again` });
  }
  return about(node);
}

export function noteDrained(set: ChangeSet, { name, drain: id }: CommandOf<"note-drained">): About | Refusal {
  const node = set.map.node(name);
  const drain = node?.status.drain;
  if (node === undefined || drain?.id !== id || drain.phase !== "draining") {
    return new Refusal("stale", `Cannot note that node "${name}" is drained: that drain is over`);
  }
  const left = set.map.vmsOn(name).length + set.map.migrationsTo(name).length;
  if (left > 0) return new Refusal("conflict", `Cannot note that node "${name}" is drained: it has ${vms(left)}`);
  putDrain(set, node, { ...drain, phase: "drained" });
  record(set, name, { reason: "Drained", message: `Node "${name}" is drained: nothing is left there` });
  return about(node);
}

/** By replicated time, which the leader keeps. */
export function endOverdueDrains(set: ChangeSet, timeMs: number): void {
  for (const resource of set.map.list("Node")) {
    const node = resource as Node;
    const { drain } = node.status;
    if (drain?.phase !== "draining" || drain.untilMs > timeMs) continue;
    putDrain(set, node, { ...drain, phase: "ended" });
    const { name } = node.metadata;
    const left = vms(set.map.vmsOn(name).length);
    const message = `Drain of node "${name}" has ended, its time is over: ${left} left there, and it stays closed`;
    record(set, name, { type: "Warning", reason: "DrainEnded", message });
  }
}

function putDrain(set: ChangeSet, node: Node, drain: NodeDrain): void {
  set.putNode({ ...node, status: { ...node.status, drain } });
}

function record(
  set: ChangeSet,
  name: string,
  said: { readonly type?: "Warning"; readonly reason: string; readonly message: string },
): void {
  set.record({ ...said, regarding: { kind: "Node", name } });
}

function vms(count: number): string {
  return count === 1 ? "1 VM" : `${count} VMs`;
}

function about({ metadata: { name, uid } }: Node): About {
  return { kind: "Node", name, uid };
}
