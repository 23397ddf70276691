/** Where VMs go that are started from a checkpoint: to the node that has it, and what is said where they cannot. */
import { expect, test } from "vitest";
import { makePlan, type Checkpoint, type Node, type Plan, type Vm } from "../../../actors/index.ts";
import { create, failed, ready } from "../cluster/sample-checkpoints.ts";
import { SampleMap } from "../cluster/sample-map.ts";

function plan(map: SampleMap): Plan {
  const named = <Of extends Vm | Node | Checkpoint>(kind: Of["kind"]): Map<string, Of> =>
    new Map((map.state.list(kind) as Of[]).map((each) => [each.metadata.name, each]));
  return makePlan({ vms: named<Vm>("Vm"), nodes: named<Node>("Node"), checkpoints: named<Checkpoint>("Checkpoint") });
}

test("makePlan() gives a clone to the node of its checkpoint, and says of the others that they have none", () => {
  const map = SampleMap.ofMovers("n1", "n2");
  map.run("web", "n1", { memoryMiB: 400 });
  create(map, "c1", "web");
  map.create("copy", { memoryMiB: 400, checkpoint: "c1" });
  const waits =
    'No node fits VM "copy": n1 has checkpoint "c1" as Making; n2 has no checkpoint "c1", which is on node "n1"';
  expect(plan(map).pending.map(({ message }) => message)).toEqual([waits]);
  ready(map, "c1");
  expect(plan(map).place).toMatchObject([{ vm: "copy", node: "n1" }]);
  map.create("third", { memoryMiB: 400, checkpoint: "c1" });
  map.place("copy", "n1");
  expect(plan(map).pending.map(({ message }) => message)).toEqual([
    'No node fits VM "third": n1 has 224 MiB free, wants 400 MiB; n2 has no checkpoint "c1", which is on node "n1"',
  ]);
  failed(map, "c1", "its bytes are not what they were");
  expect(plan(map).pending[0]?.message).toContain('n1 has checkpoint "c1" as Failed: its bytes are not what they were');
});
