/** A node is emptied: what moves live and what by stop and start, so many at once, what stays and why; taken back, resumed by another leader, ended by time. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Command, Node, Vm, VmSpec } from "../../../actors/index.ts";
import { planDrain } from "../../../actors/index.ts";
import { drainsActor } from "../../../actors/controller/drains-actor.ts";
import { FakeRaft } from "../cluster/fake-raft.ts";
import { MOVER, nodeSpec, observation, vmSpec } from "../cluster/sample-map.ts";

const DRAIN = { liveOnly: false, atOnce: 2, timeoutMs: 60_000 };

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
  raft.lead();
  raft.propose({ type: "raise-level", to: 4 });
  for (const [name, hypervisor] of [
    ["n1", MOVER],
    ["n2", MOVER],
    ["n3", undefined],
  ] as const) {
    const spec = nodeSpec({ address: `10.0.0.${name.slice(1)}`, vcpus: 8, ...(hypervisor && { hypervisor }) });
    raft.propose({ type: "register-node", name, spec, running: [] });
  }
});

afterEach(() => raft.system.stop());

function vm(name: string): Vm {
  return raft.view?.get("Vm", name) as Vm;
}

function node(name: string): Node {
  return raft.view?.get("Node", name) as Node;
}

function all<Of extends Vm | Node>(kind: Of["kind"]): readonly Of[] {
  return (raft.view?.list(kind) ?? []) as readonly Of[];
}

function run(name: string, on: string, spec: Partial<VmSpec> = {}): void {
  raft.propose({ type: "create-vm", name, labels: {}, spec: vmSpec({ memoryMiB: 128, ...spec }) });
  const { uid, generation } = vm(name).metadata;
  raft.propose({ type: "place", vm: name, uid, generation, node: on, epoch: node(on).status.epoch });
  raft.propose({ type: "observe", ...held(name), observation: observation() });
}

function held(name: string): { node: string; epoch: number; vm: string; instance: string } {
  const { node: on = "", epoch = 0, id: instance = "" } = vm(name).status.instance ?? {};
  return { node: on, epoch, vm: name, instance };
}

function drains(name = "drains"): void {
  raft.system.spawn(drainsActor({ replica: raft.replica }), { name });
  raft.world.settle();
}

/** What its nodes say of a move until it has arrived. */
function arrive(name: string): void {
  const { migration } = vm(name).status;
  if (migration === undefined) throw new Error(`VM "${name}" does not move`);
  const target = { node: migration.node, epoch: migration.epoch, vm: name, migration: migration.id };
  if (migration.phase === "stopping") {
    raft.propose({ type: "release", ...held(name), phase: "Stopped", message: "" });
    raft.propose({ type: "observe", ...held(name), observation: observation() });
    return;
  }
  raft.propose({ type: "migration-ready", ...target, endpoint: { address: "10.0.0.2", port: 4000 } });
  raft.propose({ type: "take-over", ...target, addresses: [] });
}

function moving(): readonly string[] {
  return all<Vm>("Vm").flatMap(({ metadata, status: { migration } }) =>
    migration === undefined ? [] : [`${metadata.name} ${migration.phase} ${migration.node}`],
  );
}

test("drain empties a node, two at once, live where it can and else by stop and start, and closes it", () => {
  for (const name of ["a", "b", "c"]) run(name, "n1");
  run("d", "n1", { nodeSelector: {}, memoryMiB: 600 });
  run("full", "n2", { memoryMiB: 600 });
  drains();
  raft.propose({ type: "drain-node", name: "n1", limits: DRAIN });
  raft.world.advance(200);
  expect(moving()).toEqual(["a preparing n2", "b preparing n2"]);
  raft.world.advance(5000);
  expect(moving()).toHaveLength(2);
  arrive("a");
  arrive("b");
  raft.world.advance(200);
  // n2 has no room for d any more, and n3 does not say what it can.
  expect(moving()).toEqual(["c preparing n2", "d stopping n3"]);
  run("new", "n3", { memoryMiB: 64 });
  const { uid, generation } = vm("new").metadata;
  expect(raft.propose({ type: "place", vm: "new", uid, generation, node: "n1", epoch: 1 })[0]).toMatchObject({
    outcome: { ok: false },
  });
  arrive("c");
  arrive("d");
  raft.world.advance(200);
  expect(node("n1").status.drain).toMatchObject({ phase: "drained" });
  expect(vm("d").status).toMatchObject({ instance: { node: "n3" }, lastMigration: { cold: true } });
});

test("drain with liveOnly leaves what cannot move live, and says why; undrain moves nothing more", () => {
  run("a", "n1");
  run("store", "n1", { disks: [{ name: "data", sizeMiB: 64, readOnly: false }] });
  run("big", "n1", { memoryMiB: 512 });
  run("full", "n2", { memoryMiB: 512 });
  const view = {
    vms: new Map(all<Vm>("Vm").map((each) => [each.metadata.name, each])),
    nodes: new Map(all<Node>("Node").map((each) => [each.metadata.name, each])),
  };
  expect(planDrain(view, { node: "n1", liveOnly: false })).toEqual([
    { vm: "a", how: "live", to: "n2", why: "" },
    expect.objectContaining({
      vm: "big",
      how: "cold",
      to: "n3",
      why: expect.stringContaining("n2: the node has 384 MiB free"),
    }),
    expect.objectContaining({ vm: "store", how: "stays", why: expect.stringContaining('its disk "data"') }),
  ]);
  drains();
  raft.propose({ type: "drain-node", name: "n1", limits: { ...DRAIN, liveOnly: true } });
  raft.world.advance(200);
  expect(moving()).toEqual(["a preparing n2"]);
  raft.propose({ type: "undrain-node", name: "n1" });
  arrive("a");
  run("b", "n1");
  raft.world.advance(10_000);
  expect(moving()).toEqual([]);
  expect(node("n1").status.drain).toBeUndefined();
});

test("drain tries again what fails to move, and after three times stops and starts it", () => {
  run("a", "n1");
  drains();
  raft.propose({ type: "drain-node", name: "n1", limits: { ...DRAIN, timeoutMs: 600_000 } });
  const fail = { type: "cancel-migration", name: "a", migration: null, message: "the line was lost" } as const;
  for (let tries = 0; tries < 3; tries += 1) {
    raft.world.advance(20_000);
    expect(moving()).toEqual(["a preparing n2"]);
    raft.propose(fail);
    raft.world.advance(200);
    expect(moving()).toEqual([]);
  }
  raft.world.advance(20_000);
  expect(moving()[0]).toMatch(/^a stopping/);
});

test("planDrain() tries live once more what failed to and can go no other way, and stops nothing with liveOnly", () => {
  run("a", "n1");
  const view = {
    vms: new Map([["a", vm("a")]]),
    nodes: new Map(all<Node>("Node").map((each) => [each.metadata.name, each])),
  };
  const coldFor = new Set(["a"]);
  expect(planDrain(view, { node: "n1", liveOnly: false, coldFor })).toMatchObject([{ how: "cold" }]);
  expect(planDrain(view, { node: "n1", liveOnly: true, coldFor })).toMatchObject([{ how: "live", to: "n2" }]);
  // What it was started from is gone, so no other one could be started elsewhere.
  const spec = { ...vm("a").spec, checkpoint: "gone" };
  view.vms.set("a", { ...vm("a"), spec });
  expect(planDrain(view, { node: "n1", liveOnly: false, coldFor })).toMatchObject([{ how: "live", to: "n2" }]);
});

test("drain goes on under another leader's actor, survives a registration of its node, and ends by replicated time", () => {
  run("a", "n1");
  run("store", "n1", { disks: [{ name: "data", sizeMiB: 64, readOnly: false }] });
  raft.propose({ type: "drain-node", name: "n1", limits: DRAIN });
  const running = [held("a").instance, held("store").instance];
  raft.propose({ type: "register-node", name: "n1", spec: node("n1").spec, running });
  drains("next-term");
  raft.world.advance(200);
  expect(moving()).toEqual(["a preparing n2"]);
  const late: Command = { type: "advance-time", toMs: DRAIN.timeoutMs };
  raft.propose(late);
  expect(node("n1").status.drain).toMatchObject({ phase: "ended" });
  arrive("a");
  run("b", "n2");
  raft.world.advance(10_000);
  expect(moving()).toEqual([]);
});
