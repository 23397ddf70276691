/** Operators who drain nodes: what begins on a closed node is found, and a run ends with every node empty that could be, and open. */
import { expect, test } from "vitest";
import type { Node, Vm } from "../../../actors/index.ts";
import { ClosedNodeChecker } from "../../../sim/checkers/closed-node-checker.ts";
import { runSeed } from "../../../sim/index.ts";
import { SampleMap } from "../../actors/cluster/sample-map.ts";

const LIMITS = { liveOnly: false, atOnce: 2, timeoutMs: 60_000 };

/** A checker and its verdict on a map after its last command, as if the fit rule were not there: the closed node is put in by hand, with the index since when. */
function judge(): (map: SampleMap, closed?: string, since?: number) => readonly string[] {
  const failures: string[] = [];
  const checker = new ClosedNodeChecker({ fail: (invariant) => void failures.push(invariant) }, ["web"]);
  let placed = 0;
  return (map, closed, id = 1) => {
    const drain = { id, phase: "draining", limits: LIMITS, untilMs: 1, startedAtMs: 0 } as const;
    checker.onApply({
      applied: map.state.applied,
      get: (kind, name) => {
        const found = map.state.get(kind, name) as Vm | Node | undefined;
        return found?.kind === "Node" && name === closed ? { ...found, status: { ...found.status, drain } } : found;
      },
    });
    expect(checker.placed).toBe(++placed);
    return failures.splice(0);
  };
}

test("ClosedNodeChecker tells of what begins on a closed node, not of what was on its way there", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.create("web");
  map.place("web", "n1");
  expect(judge()(map)).toEqual([]);
  expect(judge()(map, "n1")).toEqual(["nothing-begins-on-a-closed-node"]);
  map.observe("web");
  map.do({ type: "move-vm", name: "web", target: "n2", timeoutMs: 60_000 });
  map.do({ type: "drain-node", name: "n2", limits: LIMITS });
  const since = map.state.applied;
  map.release("web");
  expect(map.vm("web").status.instance?.node).toBe("n2");
  const verdict = judge();
  expect(verdict(map)).toEqual([]);
  // A move that was begun when the node was closed, and what begins there once more after one that was not.
  expect(judge()(map, "n2", 1)).toEqual(["nothing-begins-on-a-closed-node"]);
  map.do({ type: "undrain-node", name: "n2" });
  map.do({ type: "restart-vm", name: "web" });
  map.release("web");
  map.place("web", "n2");
  expect(verdict(map, "n2", since)).toEqual(["nothing-begins-on-a-closed-node"]);
});

test("runSeed() ends with drained nodes empty and open again, while VMs move and begin beside them", () => {
  const { failure, marks } = runSeed({ seed: 11, profile: "calm", nodes: 3, durationMs: 60_000 });
  expect(failure).toBeUndefined();
  for (const mark of ["drains begun", "drains taken back", "moves by stop and start", "VMs begun beside drains"]) {
    expect(marks[mark], mark).toBeGreaterThan(0);
  }
});
