/** What a node makes of the checkpoints that the map wants of it: made once, said until heard, removed only where the map wants that. */
import { expect, test } from "vitest";
import type { Checkpoint, Vm } from "../../../actors/index.ts";
import type { StartResult } from "../../../runtime/index.ts";
import { manifest } from "../cluster/sample-checkpoints.ts";
import { sampleVm } from "../vm/sample-vm.ts";
import { NOT_RUNNING, STOPPED } from "../vm/scripted-hypervisor.ts";
import { watchedNode } from "./watched-node.ts";

const { spec: guest } = sampleVm();

function wanted(phase: Checkpoint["status"]["phase"] = "Making", node = "n1"): Checkpoint {
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Checkpoint",
    metadata: { name: "c1", uid: "c", version: 6, generation: 1, createdAtMs: 0, labels: {} },
    spec: { vm: "web", vmUid: "web-1", instance: "web-7", guest },
    status: { phase, id: "c1-6", node, manifest: null, sizeBytes: 0, message: "", sinceMs: 0 },
  };
}

const said = { node: "n1", epoch: 5, checkpoint: "c1", id: "c1-6", instance: "web-7" };
const MADE = { ok: true, manifest: manifest("c1-6") } as const;
const FAILED = { ok: false, code: "no-space", message: "the disk is full" } as const;

test("a node makes what the map wants of it once, and says Ready until the map has heard it", () => {
  const made = watchedNode();
  made.show(wanted("Making", "n2"));
  expect(made.calls()).toEqual([]);
  made.show(wanted());
  made.show(wanted());
  expect(made.calls()).toEqual(["checkpoint c1-6 of web-7"]);
  made.hypervisor.answerCheckpoint(MADE);
  expect(made.answer("observe-checkpoint", "nobody")).toMatchObject(said);
  expect(made.proposed("observe-checkpoint")).toBe(0);
  made.advance(300);
  expect(made.answer("observe-checkpoint")).toMatchObject({ observation: { phase: "Ready", manifest: { format: 1 } } });
  // The map shows it a while longer as it was.
  made.show(wanted());
  expect(made.calls()).toEqual([]);
});

test("what the hypervisor refused is said as Failed, and what may be left of it is removed after that", () => {
  const made = watchedNode();
  made.show(wanted());
  made.hypervisor.answerCheckpoint(FAILED);
  expect(made.calls()).toEqual(["checkpoint c1-6 of web-7"]);
  expect(made.answer("observe-checkpoint")).toMatchObject({
    observation: { phase: "Failed", message: "the disk is full" },
  });
  expect(made.calls()).toEqual(["drop c1-6"]);
  made.hypervisor.answerDrop({ ok: false, code: "failed", message: "busy" });
  made.advance(1000);
  expect(made.calls()).toEqual(["drop c1-6"]);
  made.hypervisor.answerDrop();
  made.show(wanted("Failed"));
  expect(made.calls()).toEqual([]);
});

test("a hypervisor that does not answer is given up, and what it says later changes nothing", () => {
  const made = watchedNode();
  made.show(wanted());
  made.advance(600_000);
  expect(made.answer("observe-checkpoint")).toMatchObject({ observation: { phase: "Failed" } });
  made.hypervisor.answerCheckpoint(MADE);
  expect(made.proposed("observe-checkpoint")).toBe(0);
});

test("bytes stay where the map refuses to hear that they are not wanted: it may say Ready of them", () => {
  const made = watchedNode();
  made.show(wanted());
  made.hypervisor.answerCheckpoint(FAILED);
  made.calls();
  made.answer("observe-checkpoint", "refused");
  expect(made.calls()).toEqual([]);
});

test("what is deleted while it is made is removed when it is made, and what is deleted later at once", () => {
  const made = watchedNode();
  made.show(wanted());
  made.show(wanted("Deleting"));
  expect(made.calls()).toEqual(["checkpoint c1-6 of web-7"]);
  made.hypervisor.answerCheckpoint(MADE);
  expect(made.calls()).toEqual(["drop c1-6"]);
  made.hypervisor.answerDrop();
  expect(made.answer("drop-checkpoint")).toMatchObject(said);
  expect(made.proposed("observe-checkpoint")).toBe(0);
  made.show();
  made.show(wanted("Ready"));
  expect(made.calls()).toEqual([]);
  made.show(wanted("Deleting"));
  expect(made.calls()).toEqual(["drop c1-6"]);
});

test("a node has its host forget what the map, read anew, has nothing of on this node, or as lost", () => {
  const kept: (readonly string[])[] = [];
  const made = watchedNode();
  Object.assign(made.hypervisor, { keepOnlyCheckpoints: (ids: readonly string[]) => kept.push(ids) });
  for (const shown of [wanted(), wanted("Ready"), wanted("Failed"), wanted("Lost"), wanted("Ready", "n2")]) {
    made.show(shown);
  }
  made.show();
  expect(kept).toEqual([["c1-6"], ["c1-6"], ["c1-6"], [], [], []]);
});

test("an instance is started from its checkpoint, and one that does not fit is given back, and the checkpoint marked", () => {
  const made = watchedNode();
  const placed = sampleVm({ epoch: 5 });
  const from = { checkpoint: "c1", id: "c1-6", node: "n1", identity: "fresh" } as const;
  const vm: Vm = { ...placed, status: { ...placed.status, instance: { ...placed.status.instance!, from } } };
  made.show(vm, wanted("Ready"));
  made.hypervisor.answerAdopt(NOT_RUNNING);
  expect(made.calls()).toEqual(["adopt web-7", "start web-7"]);
  expect(made.hypervisor.launches[0]?.from).toEqual({ type: "checkpoint", id: "c1-6", identity: "fresh" });
  const damaged: StartResult = { ok: false, code: "damaged", message: 'its part "memory" is missing' };
  made.hypervisor.answerStart(damaged);
  expect(made.answer("observe-checkpoint")).toMatchObject({
    ...said,
    observation: { phase: "Failed", message: 'its part "memory" is missing' },
  });
  made.hypervisor.answerStop(STOPPED);
  made.answer("observe");
  expect(made.answer("give-back")).toMatchObject({ instance: "web-7", message: 'its part "memory" is missing' });
});

test("an instance that moved away from its checkpoint is given back when its guest has ended", () => {
  const made = watchedNode();
  const placed = sampleVm({ epoch: 5 });
  const from = { checkpoint: "c1", id: "c1-6", node: "n2", identity: "same" } as const;
  made.show({ ...placed, status: { ...placed.status, instance: { ...placed.status.instance!, from } } });
  made.hypervisor.answerAdopt(NOT_RUNNING);
  expect(made.calls()).toEqual(["adopt web-7", "stop web-7 5000"]);
  made.hypervisor.answerStop(STOPPED);
  made.answer("observe");
  expect(made.answer("give-back")).toMatchObject({ message: 'Checkpoint "c1" is on node "n2"' });
});
