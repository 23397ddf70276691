/** What a NodeActor makes of migrations that the map shows: copies without the right to run, given and taken away by the map alone. */
import { expect, test } from "vitest";
import type { Vm } from "../../../actors/index.ts";
import { LIMITS } from "../cluster/sample-map.ts";
import { sampleVm } from "../vm/sample-vm.ts";
import { STOPPED } from "../vm/scripted-hypervisor.ts";
import { watchedNode, type WatchedNode } from "./watched-node.ts";

const own = sampleVm({ epoch: 5 });

function elsewhere(): Vm {
  return { ...own, status: { ...own.status, instance: { ...own.status.instance!, node: "n2", epoch: 6 } } };
}

function coming(id: string): Vm {
  const migration = { id, node: "n1", epoch: 5, phase: "preparing", limits: LIMITS, startedAtMs: 0 } as const;
  const vm = elsewhere();
  return { ...vm, status: { ...vm.status, migration } };
}

/** All of a guest has come by that migration. */
function arrived(made: WatchedNode, id: string): void {
  made.show(coming(id));
  expect(made.calls()).toEqual(["start web-7"]);
  made.hypervisor.answerStart({ ok: true, pid: 1, incoming: { address: "10.0.0.1", port: 4000 } });
  expect(made.answer("migration-ready")).toMatchObject({ node: "n1", epoch: 5, vm: "web", migration: id });
  made.hypervisor.emit({ type: "arrived", instance: "web-7" });
}

test("a node that is the target of a migration takes the guest over by its own word, and reports it from then on", () => {
  const made = watchedNode();
  arrived(made, "m1");
  expect(made.calls()).toEqual([]);
  expect(made.answer("take-over")).toMatchObject({ node: "n1", epoch: 5, migration: "m1" });
  expect(made.calls()).toEqual(["resume web-7"]);
  made.show(own);
  made.hypervisor.answerTurn();
  made.advance(300);
  expect(made.answer("migration-progress")).toMatchObject({ node: "n1", migration: "m1" });
  expect(made.answer("observe")).toMatchObject({ instance: "web-7", observation: { phase: "Running" } });
  expect(made.calls()).toEqual([]);
});

test("a copy that the map does not name any more is ended, and its node says nothing of it", () => {
  const made = watchedNode();
  arrived(made, "m1");
  made.show(elsewhere());
  expect(made.calls()).toEqual(["stop web-7 0"]);
  // Whatever is answered now comes too late.
  made.answer("take-over", "refused");
  made.hypervisor.answerStop(STOPPED);
  expect(made.calls()).toEqual([]);
  expect(() => made.answer("release")).toThrow("no release was proposed");
});

test("an instance that left comes back by another migration only when nothing of what it was here is left", () => {
  const made = watchedNode();
  made.show(own);
  made.hypervisor.answerAdopt({ ok: true, pid: 1 });
  expect(made.calls()).toEqual(["adopt web-7", "resume web-7"]);
  // It has moved away, and is on its way back, before its copy here has ended.
  made.show(elsewhere());
  made.show(coming("m2"));
  expect(made.calls()).toEqual(["stop web-7 0"]);
  made.hypervisor.answerStop(STOPPED);
  arrived(made, "m2");
  made.answer("take-over");
  made.show(own);
  expect(made.calls()).toEqual(["resume web-7"]);
});

test("a copy by a migration that is over makes room for that of the next one", () => {
  const made = watchedNode();
  arrived(made, "m1");
  made.show(coming("m2"));
  expect(made.calls()).toEqual(["stop web-7 0"]);
  made.hypervisor.answerStop(STOPPED);
  arrived(made, "m2");
});
