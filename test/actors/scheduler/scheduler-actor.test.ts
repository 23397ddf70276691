/** The scheduler on a replica: one plan at a time, carried out and followed by the next. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { schedulerActor, type Vm } from "../../../actors/index.ts";
import { FakeRaft } from "../cluster/fake-raft.ts";
import { nodeSpec, vmSpec } from "../cluster/sample-map.ts";

let raft: FakeRaft;

beforeEach(() => {
  raft = new FakeRaft();
  raft.system.spawn(schedulerActor({ replica: raft.replica }), { name: "scheduler" });
  raft.world.settle();
});

afterEach(() => raft.system.stop());

function join(name: string): void {
  raft.propose({ type: "register-node", name, spec: nodeSpec(), running: [] });
}

function create(name: string, memoryMiB = 256): void {
  raft.propose({ type: "create-vm", name, labels: {}, spec: vmSpec({ memoryMiB }) });
}

function vm(name: string): Vm {
  return raft.view?.get("Vm", name) as Vm;
}

test("the scheduler places a VM as soon as a node has room for it", () => {
  create("web");
  raft.world.advance(100);
  expect(vm("web").status).toMatchObject({ phase: "Pending", message: expect.stringContaining("no node has joined") });
  join("n1");
  raft.world.advance(100);
  expect(vm("web").status).toMatchObject({ phase: "Starting", instance: { node: "n1" } });
});

test("the scheduler gathers a burst of changes into one plan", () => {
  join("n1");
  raft.world.advance(100);
  const before = raft.proposals.length;
  for (const name of ["a", "b", "c"]) create(name);
  expect(raft.proposals.length - before).toBe(3);
  raft.world.advance(100);
  expect(raft.proposals.length - before).toBe(6);
});

test("the scheduler does not plan because a lease was renewed", () => {
  join("n1");
  create("big", 4096);
  raft.world.advance(1000);
  let plans = 0;
  raft.system.inspection.subscribe((event) => {
    if (event.type === "message" && (event.message as { readonly type?: string }).type === "plan-due") plans += 1;
  });
  for (let at = 0; at < 5; at++) {
    raft.propose({ type: "renew-lease", node: "n1", epoch: 1 });
    raft.world.advance(1500);
  }
  expect(plans).toBe(0);
  raft.propose({ type: "delete-vm", name: "big" });
  raft.world.advance(1500);
  expect(plans).toBe(1);
});

test("the scheduler plans again after a proposal that was not confirmed, and only then", () => {
  join("n1");
  raft.world.advance(100);
  raft.mode = "silent";
  const payload = raft.proposals.length;
  raft.propose({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() });
  raft.commit(raft.proposals[payload]?.payload ?? new Uint8Array(0));
  raft.world.advance(1000);
  const sequences = raft.proposals.slice(payload + 1).map((_, at) => raft.proposal(payload + 1 + at).sequence);
  expect(new Set(sequences).size).toBe(1);
  raft.mode = "commits";
  raft.world.advance(5000);
  expect(vm("web").status.instance).toMatchObject({ node: "n1" });
});

test("the scheduler waits for what it has proposed before it plans the next", () => {
  join("n1");
  raft.world.advance(100);
  raft.mode = "takes";
  create("a");
  raft.commit(raft.proposals.at(-1)?.payload as Uint8Array);
  raft.world.advance(100);
  const placed = raft.proposals.at(-1)?.payload as Uint8Array;
  create("b");
  raft.commit(raft.proposals.at(-1)?.payload as Uint8Array);
  const before = raft.proposals.length;
  raft.world.advance(500);
  expect(raft.proposals).toHaveLength(before);
  raft.commit(placed);
  raft.world.advance(100);
  expect(raft.proposal(-1).command).toMatchObject({ type: "place", vm: "b" });
});

test("the scheduler plans less, and later, while its plans are not answered", () => {
  join("n1");
  raft.world.advance(100);
  const plans: number[] = [];
  raft.system.inspection.subscribe((event) => {
    if (event.type !== "message") return;
    const { type, command } = event.message as { readonly type?: string; readonly command?: { readonly type: string } };
    if (type === "plan-due") plans.push(0);
    if (type === "propose" && command?.type === "place") plans[plans.length - 1] = (plans.at(-1) ?? 0) + 1;
  });
  for (let at = 0; at < 40; at++) {
    raft.propose({ type: "create-vm", name: `vm${at}`, labels: {}, spec: vmSpec({ memoryMiB: 16, vcpus: 0 }) });
  }
  raft.mode = "silent";
  raft.world.advance(30_000);
  expect(plans).toEqual([40, 40, 40, 32, 16, 8]);
  raft.mode = "commits";
  raft.world.advance(15_000);
  for (let at = 0; at < 40; at++) expect(vm(`vm${at}`).status.phase).toBe("Starting");
});
