/** What runs on the leader: leases end in time and not before, instances are stopped, nothing acts where nobody leads. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  brokenLeaseRule,
  LEADER_SPAWN_OPTIONS,
  leaderActor,
  LEASE_MS,
  LEASE_RULE,
  RENEW_MS,
  type LeaseRule,
  type Node,
  type Vm,
} from "../../../actors/index.ts";
import { FakeRaft } from "../cluster/fake-raft.ts";
import { nodeSpec, vmSpec } from "../cluster/sample-map.ts";

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
});

afterEach(() => raft.system.stop());

function start(leaseRule?: LeaseRule): void {
  raft.system.spawn(leaderActor({ replica: raft.replica, ...(leaseRule && { leaseRule }) }), LEADER_SPAWN_OPTIONS);
  raft.world.settle();
}

function join(name: string): number {
  const [reply] = raft.propose({ type: "register-node", name, spec: nodeSpec(), running: [] });
  return reply?.ok === true ? reply.outcome.version : 0;
}

function phase(name: string): string | undefined {
  return (raft.view?.get("Node", name) as Node | undefined)?.status.phase;
}

function vm(name: string): Vm {
  return raft.view?.get("Vm", name) as Vm;
}

function depose(): void {
  raft.term += 1;
  raft.emit({ type: "leadership", leader: "n2", term: raft.term, isLeader: false });
}

test("the lease rule waits for more than a lease at any drift that is allowed", () => {
  expect(LEASE_RULE.expireAfterMs).toBe(6310);
  expect(LEASE_RULE.expireAfterMs / 1.01).toBeGreaterThan(LEASE_MS);
  expect(RENEW_MS * 3).toBeLessThanOrEqual(LEASE_MS);
});

test("a lease ends when its node was silent for the whole bound, and not a millisecond before", () => {
  start();
  raft.lead();
  const epoch = join("n2");
  raft.world.advance(LEASE_RULE.expireAfterMs - 1);
  raft.propose({ type: "renew-lease", node: "n2", epoch });
  raft.world.advance(LEASE_RULE.expireAfterMs - 1);
  expect(phase("n2")).toBe("Ready");
  raft.world.advance(1);
  expect(phase("n2")).toBe("Lost");
  const proposals = raft.proposals.length;
  raft.world.advance(60_000);
  // A step of replicated time follows what happened; nothing else does.
  const later = raft.proposals.slice(proposals).map((_, at) => raft.proposal(proposals + at).command.type);
  expect(new Set(later)).toEqual(new Set(["advance-time"]));
});

test("a new leader counts from what it saw before it led", () => {
  start();
  join("n2");
  raft.world.advance(LEASE_RULE.expireAfterMs - 100);
  raft.lead();
  raft.world.advance(99);
  expect(phase("n2")).toBe("Ready");
  raft.world.advance(1);
  expect(phase("n2")).toBe("Lost");
});

test("what the lease keeper has not seen happen counts from when it looked", () => {
  join("n2");
  raft.world.advance(60_000);
  start();
  raft.lead();
  raft.world.advance(LEASE_RULE.expireAfterMs - 1);
  expect(phase("n2")).toBe("Ready");
  raft.world.advance(1);
  expect(phase("n2")).toBe("Lost");
});

test("the lease keeper does not count anew because it is shown the same renewal again", () => {
  start();
  raft.lead();
  join("n2");
  raft.world.advance(LEASE_RULE.expireAfterMs - 1);
  const keeper = raft.system.refAt({ node: "n1", path: "leader/lease-keeper" });
  raft.system.tell(keeper, { type: "synced", version: 0, resources: raft.view?.list("Node") });
  raft.world.advance(1);
  expect(phase("n2")).toBe("Lost");
});

test("nobody ends a lease who does not lead", () => {
  start();
  raft.lead();
  join("n2");
  depose();
  raft.world.advance(60_000);
  expect(phase("n2")).toBe("Ready");
});

test("the end of a lease that was not confirmed is proposed again, if the node stays silent", () => {
  start();
  raft.lead();
  join("n2");
  raft.mode = "silent";
  raft.world.advance(LEASE_RULE.expireAfterMs + 3000);
  expect(raft.proposals.length).toBeGreaterThan(2);
  expect(phase("n2")).toBe("Ready");
  raft.mode = "commits";
  raft.world.advance(3000);
  expect(phase("n2")).toBe("Lost");
});

test("a refused end of a lease is not proposed in a loop", () => {
  start();
  raft.lead();
  join("n2");
  raft.mode = "refuses";
  raft.refusal = "too-large";
  raft.world.advance(LEASE_RULE.expireAfterMs);
  const before = raft.proposals.length;
  raft.world.advance(1000);
  expect(raft.proposals.length - before).toBeLessThanOrEqual(2);
});

test("the planted fault ends a lease that its node still holds", () => {
  start(brokenLeaseRule({ leaseBoundBroken: true }));
  raft.lead();
  join("n2");
  raft.world.advance(LEASE_MS - 1000);
  expect(phase("n2")).toBe("Lost");
  expect(brokenLeaseRule({})).toBe(LEASE_RULE);
});

test("the leader places VMs, and has a deleted one stopped", () => {
  start();
  raft.lead();
  const epoch = join("n2");
  raft.propose({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() });
  raft.world.advance(100);
  const instance = vm("web").status.instance;
  expect(instance).toMatchObject({ node: "n2", stopping: false });
  raft.propose({ type: "delete-vm", name: "web" });
  raft.world.advance(100);
  expect(vm("web").status).toMatchObject({ phase: "Stopping", instance: { stopping: true } });
  const id = instance?.id ?? "";
  raft.propose({ type: "release", node: "n2", epoch, vm: "web", instance: id, phase: "Stopped", message: "" });
  expect(vm("web")).toBeUndefined();
});

test("a changed VM moves to a new instance of its new spec", () => {
  start();
  raft.lead();
  const epoch = join("n2");
  raft.propose({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() });
  raft.world.advance(100);
  const old = vm("web").status.instance?.id ?? "";
  raft.propose({ type: "apply-vm", name: "web", labels: {}, spec: vmSpec({ memoryMiB: 512 }) });
  raft.world.advance(100);
  raft.propose({ type: "release", node: "n2", epoch, vm: "web", instance: old, phase: "Stopped", message: "" });
  raft.world.advance(100);
  expect(vm("web").status.instance).toMatchObject({ generation: 2, claim: { memoryMiB: 512 } });
});

test("controllers run in one term only, and come back with the next", () => {
  start();
  raft.lead();
  depose();
  join("n2");
  raft.propose({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() });
  raft.world.advance(1000);
  expect(vm("web").status.instance).toBeNull();
  raft.term += 1;
  raft.lead();
  raft.world.advance(1000);
  expect(vm("web").status.instance).toMatchObject({ node: "n2" });
});

test("a crash of a controller costs nothing but its restart", () => {
  const spawned: string[] = [];
  raft.system.inspection.subscribe((event) => {
    if (event.type === "restarted") spawned.push(event.ref.path);
  });
  start();
  raft.lead();
  join("n2");
  for (const path of ["leader/scheduler-1", "leader/lease-keeper"]) {
    raft.system.tell(raft.system.refAt({ node: "n1", path }), { type: "synced", version: 0, resources: null });
    raft.world.settle();
  }
  expect(spawned).toEqual(["leader/scheduler-1", "leader/lease-keeper"]);
  raft.propose({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() });
  raft.world.advance(100);
  expect(vm("web").status.instance).toMatchObject({ node: "n2" });
  raft.world.advance(LEASE_RULE.expireAfterMs);
  expect(phase("n2")).toBe("Lost");
});
