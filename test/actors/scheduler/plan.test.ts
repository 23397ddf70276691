/** The scheduler's decisions as data: which node, and if none, why. */
import { expect, test } from "vitest";
import {
  EXPLAINED_NODES_MAX,
  makePlan,
  PLAN_COMMANDS_MAX,
  type Node,
  type Plan,
  type Vm,
} from "../../../actors/index.ts";
import { SampleMap } from "../cluster/sample-map.ts";

function plan(map: SampleMap): Plan {
  const vms = new Map((map.state.list("Vm") as Vm[]).map((vm) => [vm.metadata.name, vm]));
  const nodes = new Map((map.state.list("Node") as Node[]).map((node) => [node.metadata.name, node]));
  return makePlan({ vms, nodes });
}

/** VM to node. */
function placements(map: SampleMap): Record<string, string> {
  return Object.fromEntries(plan(map).place.map(({ vm, node }) => [vm, node]));
}

function messages(map: SampleMap): readonly string[] {
  return plan(map).pending.map(({ message }) => message);
}

test("makePlan() places only what waits for a node", () => {
  const map = new SampleMap();
  map.join("n1");
  map.create("placed");
  map.place("placed", "n1");
  map.create("stopped", { running: false });
  map.create("done");
  map.place("done", "n1");
  map.release("done", "Completed");
  const { uid } = map.create("waits").metadata;
  expect(plan(map)).toEqual({
    place: [{ type: "place", vm: "waits", uid, generation: 1, node: "n1", epoch: 1 }],
    pending: [],
  });
});

test("makePlan() places a NixOS configuration only where microvm.nix builds it", () => {
  const map = new SampleMap();
  map.join("n1");
  map.create("web", { microvm: { hypervisor: "qemu" } });
  expect(placements(map)).toEqual({});
  expect(messages(map)).toEqual(['No node fits VM "web": n1 runs VMs by the driver simulated, wants microvm-nix']);
  map.join("n2", { driver: "microvm-nix" });
  map.create("plain");
  expect(placements(map)).toMatchObject({ web: "n2" });
});

test("makePlan() places a VM with disks or words for cloud-init only where QEMU runs it", () => {
  const map = new SampleMap();
  map.join("n1", { driver: "process" });
  map.create("store", { disks: [{ name: "data", sizeMiB: 64, readOnly: false }] });
  map.create("told", { cloudInit: { sshKeys: [] } });
  expect(messages(map)).toEqual([
    'No node fits VM "store": n1 runs VMs by the driver process, wants qemu',
    'No node fits VM "told": n1 runs VMs by the driver process, wants qemu',
  ]);
  map.join("n2", { driver: "qemu" });
  expect(placements(map)).toEqual({ store: "n2", told: "n2" });
});

test("makePlan() places a VM with cards where its bridges are, and says of the others what they offer", () => {
  const map = new SampleMap();
  const build = { version: "1", machine: "plain", cpu: "any" };
  map.join("n1", { driver: "process" });
  map.join("n2", { hypervisor: { ...build, lacks: { taps: "it was started without --bridges" } } });
  map.join("n3", { bridges: ["br0", "br1"] });
  map.join("n4", { driver: "microvm-nix", hypervisor: { ...build, lacks: { networks: "it names its own" } } });
  const lan = { name: "lan", kind: "tap", bridge: "br7" } as const;
  map.create("web", { networks: [{ name: "out", kind: "user" }, lan] });
  expect(messages(map)).toEqual([
    'No node fits VM "web": n1 gives guests no cards by the driver process (a process has the host\'s network), wants some; ' +
      'n2 offers no bridge "br7" (it was started without --bridges), wants it for network "lan"; ' +
      'n3 offers no bridge "br7" (it offers br0, br1), wants it for network "lan"; ' +
      "n4 gives guests no cards by the driver microvm-nix (it names its own), wants some",
  ]);
  const refusal = { ok: false, message: expect.stringContaining('offers no bridge "br7" (it offers br0, br1)') };
  expect(map.place("web", "n3")).toMatchObject(refusal);
  map.join("n5", { bridges: ["br7"] });
  expect(placements(map)).toEqual({ web: "n5" });
});

test("makePlan() gives a VM whose health is asked by a command in it to no node that cannot run one", () => {
  const map = new SampleMap();
  const build = { version: "1", machine: "plain", cpu: "any" };
  map.join("n1", { driver: "process" });
  map.join("n2", { hypervisor: { ...build, lacks: { exec: "not modelled" } } });
  const timing = { intervalMs: 5000, timeoutMs: 2000, failuresMax: 3, startMs: 60_000 };
  map.create("web", { health: { type: "exec", command: ["/bin/check"], ...timing } });
  expect(messages(map)).toEqual([
    'No node fits VM "web": n1 cannot run commands in guests by the driver process (a process is no guest), wants a health check by exec; ' +
      "n2 cannot run commands in guests by the driver simulated (not modelled), wants a health check by exec",
  ]);
  map.join("n3", { hypervisor: { ...build, lacks: {} } });
  expect(placements(map)).toEqual({ web: "n3" });
});

test("makePlan() says of every node why a VM does not fit", () => {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 900 });
  map.join("n2", { memoryMiB: 8192, vcpus: 1 });
  map.join("n3");
  map.do({ type: "expire-lease", node: "n3", epoch: 3, renewedAt: 3 });
  map.create("big", { memoryMiB: 4096, vcpus: 6 });
  map.join("n5", { memoryMiB: 8192 });
  map.create("web", { vcpus: 3, ports: [{ name: "http", guest: 80, host: 8080 }] });
  map.place("web", "n5");
  expect(messages(map)).toEqual([
    'No node fits VM "big": n1 has 900 MiB free, wants 4096 MiB; n2 has 4 vCPUs free at 4 a core, wants 6; ' +
      "n3 is lost; n5 has 5 vCPUs free at 4 a core, wants 6",
  ]);
});

test("makePlan() names labels and ports that are in the way", () => {
  const map = new SampleMap();
  map.join("n1", { labels: { disk: "hdd" } });
  map.join("n2");
  map.join("n3", { labels: { disk: "ssd" } });
  const spec = { ports: [{ name: "http", guest: 80, host: 8080 }], nodeSelector: { disk: "ssd" } };
  map.create("a", spec);
  map.place("a", "n3");
  map.create("b", spec);
  expect(messages(map)).toEqual([
    'No node fits VM "b": n1 has label disk=hdd, wants disk=ssd; n2 has no label disk, wants disk=ssd; ' +
      'n3 has port 8080 taken by VM "a"',
  ]);
});

test("makePlan() says so when there is no node at all, and once", () => {
  const map = new SampleMap();
  map.create("web");
  expect(messages(map)).toEqual(['No node fits VM "web": no node has joined the cluster']);
  map.do({ ...plan(map).pending[0]! });
  expect(plan(map)).toEqual({ place: [], pending: [] });
});

test("makePlan() counts the nodes that it does not name", () => {
  const map = new SampleMap();
  for (let at = 1; at <= EXPLAINED_NODES_MAX + 2; at++) map.join(`n${at}`);
  map.create("big", { memoryMiB: 4096 });
  expect(messages(map)[0]).toMatch(/; and 2 more nodes$/);
});

test("makePlan() spreads an application before it looks at memory", () => {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 8192 });
  map.join("n2", { memoryMiB: 1024 });
  for (const name of ["a", "b", "c"]) {
    const spec = map.create(name).spec;
    map.do({ type: "apply-vm", name, labels: { app: "shop" }, spec });
  }
  map.create("other");
  expect(placements(map)).toEqual({ a: "n1", b: "n2", c: "n1", other: "n1" });
});

test("makePlan() takes the most free memory, then the first name", () => {
  const map = new SampleMap();
  map.join("n2");
  map.join("n1");
  map.create("a");
  expect(placements(map)).toEqual({ a: "n1" });
  map.join("n3", { memoryMiB: 2048 });
  expect(placements(map)).toEqual({ a: "n3" });
});

test("makePlan() books its own placements, so that one plan never overfills a node", () => {
  const map = new SampleMap();
  map.join("n1");
  const ports = [{ name: "http", guest: 80, host: 8080 }];
  map.create("a", { memoryMiB: 600, ports });
  map.create("b", { memoryMiB: 600 });
  map.create("c", { memoryMiB: 100, ports });
  expect(placements(map)).toEqual({ a: "n1" });
  expect(messages(map)).toEqual([
    'No node fits VM "b": n1 has 424 MiB free, wants 600 MiB',
    'No node fits VM "c": n1 has port 8080 taken by VM "a"',
  ]);
  for (const command of plan(map).place) expect(map.do(command)).toMatchObject({ ok: true });
});

test("makePlan() serves the oldest first and leaves what is too much to the next plan", () => {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 1_000_000, vcpus: 1000 });
  for (let at = 0; at <= PLAN_COMMANDS_MAX; at++) map.create(`vm-${PLAN_COMMANDS_MAX - at}`);
  const first = plan(map).place;
  expect(first).toHaveLength(PLAN_COMMANDS_MAX);
  expect(first[0]?.vm).toBe(`vm-${PLAN_COMMANDS_MAX}`);
  for (const command of first) map.do(command);
  expect(placements(map)).toEqual({ "vm-0": "n1" });
});

test("makePlan() tries a node that could not start a VM after all others, and then the one that failed the longest ago", () => {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 4096 });
  map.join("n2");
  map.create("web");
  const giveBack = (): string => {
    const node = placements(map)["web"] ?? "none";
    map.place("web", node);
    map.do({ type: "give-back", ...map.held("web"), message: "no image" });
    return node;
  };
  expect([giveBack(), giveBack(), giveBack()]).toEqual(["n1", "n2", "n1"]);
});
