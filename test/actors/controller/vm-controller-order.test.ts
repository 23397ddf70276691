/** The controller stops VMs that stop together in the inverse order of their start, and lets none that hangs keep the others. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { vmControllerActor, type Vm } from "../../../actors/index.ts";
import { GATHER_MS, SLACK_MS } from "../../../actors/controller/stop-order.ts";
import { FakeRaft } from "../cluster/fake-raft.ts";
import { nodeSpec, vmSpec } from "../cluster/sample-map.ts";

const GRACE_MS = 3000;

let raft: FakeRaft;
let epoch: number;

/** db ◀── web, both on n1. */
beforeEach(() => {
  raft = new FakeRaft();
  raft.lead();
  raft.propose({ type: "raise-level", to: 3 });
  const [joined] = raft.propose({ type: "register-node", name: "n1", spec: nodeSpec(), running: [] });
  epoch = joined?.ok === true ? joined.outcome.version : 0;
  for (const name of ["db", "web"]) {
    const spec = vmSpec({ stopGraceMs: GRACE_MS, ...(name === "web" && { requires: ["db"] }) });
    raft.propose({ type: "create-vm", name, labels: {}, spec });
    const { uid, generation } = vm(name).metadata;
    raft.propose({ type: "place", vm: name, uid, generation, node: "n1", epoch });
    raft.propose({ type: "observe", ...held(name), observation: RUNS });
  }
  raft.system.spawn(vmControllerActor({ replica: raft.replica }), { name: "vm-controller" });
  raft.world.settle();
});

afterEach(() => raft.system.stop());

const RUNS = { phase: "Running", health: "unknown", addresses: [], restarts: 0, message: "" } as const;

function vm(name: string): Vm {
  return raft.view?.get("Vm", name) as Vm;
}

function held(name: string): { node: string; epoch: number; vm: string; instance: string } {
  return { node: "n1", epoch, vm: name, instance: vm(name).status.instance?.id ?? "" };
}

function isStopping(name: string): boolean | undefined {
  return vm(name).status.instance?.stopping;
}

test("what others require is stopped when they have ended, though it was deleted first", () => {
  raft.propose({ type: "delete-vm", name: "db" });
  raft.world.advance(GATHER_MS - 1);
  raft.propose({ type: "delete-vm", name: "web" });
  expect([isStopping("db"), isStopping("web")]).toEqual([false, true]);
  raft.world.advance(GRACE_MS);
  expect(isStopping("db")).toBe(false);
  raft.propose({ type: "release", ...held("web"), phase: "Stopped", message: "" });
  raft.world.settle();
  expect(isStopping("db")).toBe(true);
});

test("a dependent that hangs keeps what it requires for its grace and a while, no longer", () => {
  for (const name of ["db", "web"]) raft.propose({ type: "set-running", name, running: false });
  raft.world.advance(GRACE_MS + SLACK_MS - 1);
  expect(isStopping("db")).toBe(false);
  raft.world.advance(1);
  expect(isStopping("db")).toBe(true);
});

test("what goes on running keeps what it requires for a moment only", () => {
  raft.propose({ type: "set-running", name: "db", running: false });
  expect(isStopping("db")).toBe(false);
  raft.world.advance(GATHER_MS);
  expect([isStopping("db"), isStopping("web")]).toEqual([true, false]);
});
