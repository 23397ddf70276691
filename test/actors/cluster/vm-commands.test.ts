/** What users may ask for, each command with each of its refusals. */
import { expect, test } from "vitest";
import { cardAddress } from "../../../actors/index.ts";
import { SampleMap, vmSpec } from "./sample-map.ts";

test("create-vm makes a pending VM of generation 1", () => {
  const map = new SampleMap();
  const vm = map.create("web");
  expect(vm.metadata).toMatchObject({ name: "web", uid: "vm-1", version: 1, generation: 1 });
  expect(vm.status).toMatchObject({ phase: "Pending", instance: null, health: "unknown" });
  expect(map.last?.outcome).toEqual({ ok: true, version: 1, changed: true, resource: vm });
  expect(map.reasons()).toEqual(["Created"]);
});

test("create-vm makes a VM that should not run a stopped one", () => {
  const map = new SampleMap();
  expect(map.create("web", { running: false }).status.phase).toBe("Stopped");
});

test("create-vm refuses a taken name", () => {
  const map = new SampleMap();
  const first = map.create("web");
  const again = map.do({ type: "create-vm", name: "web", labels: {}, spec: vmSpec({ memoryMiB: 64 }) });
  expect(again).toMatchObject({ ok: false, code: "already-exists", version: 2 });
  expect(map.last?.changes).toEqual([]);
  expect(map.vm("web")).toBe(first);
});

test("create-vm and apply-vm refuse the hardware address of another VM's card in a bridge, named or made", () => {
  const map = new SampleMap();
  const mac = "02:00:00:00:00:0a";
  const lan = { name: "lan", kind: "tap", bridge: "br0" } as const;
  const ask = (type: "create-vm" | "apply-vm", name: string, card: object): unknown =>
    map.do({ type, name, labels: {}, spec: vmSpec({ networks: [{ ...lan, ...card }] }) });
  expect(ask("create-vm", "web", { mac })).toMatchObject({ ok: true });
  const made = cardAddress(map.create("db", { networks: [lan] }).metadata, "lan");
  for (const [address, holder] of [
    [mac.toUpperCase(), "web"],
    [made, "db"],
  ] as const) {
    const message = `network "lan" is to have the address ${address}, which a card of VM "${holder}" has`;
    const refusal = { ok: false, code: "conflict", message: expect.stringContaining(message) };
    expect(ask("create-vm", "twin", { mac: address })).toMatchObject(refusal);
    expect(ask("apply-vm", "twin", { mac: address })).toMatchObject(refusal);
  }
  // Its own it may name; in QEMU's own network nobody else hears it.
  expect(ask("apply-vm", "web", { mac, address: "10.1.0.5/24" })).toMatchObject({ ok: true });
  expect(map.create("alone", { networks: [{ name: "out", kind: "user", mac }] }).spec.networks).toHaveLength(1);
});

test("apply-vm makes, changes, and leaves alone what is equal", () => {
  const map = new SampleMap();
  const apply = (spec: ReturnType<typeof vmSpec>) => map.do({ type: "apply-vm", name: "web", labels: {}, spec });
  expect(apply(vmSpec({ env: { A: "1", B: "2" } }))).toMatchObject({ ok: true, changed: true, version: 1 });
  expect(apply(vmSpec({ env: { B: "2", A: "1" } }))).toMatchObject({ ok: true, changed: false, version: 2 });
  expect(map.vm("web").metadata).toMatchObject({ version: 1, generation: 1 });
  expect(apply(vmSpec({ env: { A: "2" } }))).toMatchObject({ ok: true, changed: true, version: 3 });
  expect(map.vm("web").metadata).toMatchObject({ version: 3, generation: 2 });
  expect(map.reasons()).toEqual(["Created", "Changed"]);
});

test("apply-vm of new labels alone is no new generation", () => {
  const map = new SampleMap();
  const { spec } = map.create("web");
  map.do({ type: "apply-vm", name: "web", labels: { app: "shop" }, spec });
  expect(map.vm("web").metadata).toMatchObject({ labels: { app: "shop" }, generation: 1, version: 2 });
});

test("apply-vm with a version refuses when it is not the current one", () => {
  const map = new SampleMap();
  const { spec } = map.create("web");
  const apply = (name: string, expectedVersion: number) =>
    map.do({ type: "apply-vm", name, labels: {}, spec: { ...spec, vcpus: 2 }, expectedVersion });
  expect(apply("web", 7)).toMatchObject({ ok: false, code: "conflict" });
  expect(apply("none", 1)).toMatchObject({ ok: false, code: "conflict" });
  expect(apply("web", 1)).toMatchObject({ ok: true, changed: true });
});

test("apply-vm leaves the instance of a changed VM to the controller", () => {
  const map = new SampleMap();
  map.join("n1");
  map.create("web");
  map.place("web", "n1");
  map.do({ type: "apply-vm", name: "web", labels: {}, spec: vmSpec({ memoryMiB: 512 }) });
  expect(map.vm("web").status.instance).toMatchObject({ generation: 1, stopping: false, claim: { memoryMiB: 256 } });
  expect(map.vm("web").metadata.generation).toBe(2);
});

test("set-running stops and starts, and does nothing twice", () => {
  const map = new SampleMap();
  map.create("web");
  const set = (running: boolean) => map.do({ type: "set-running", name: "web", running });
  expect(set(true)).toMatchObject({ ok: true, changed: false });
  expect(set(false)).toMatchObject({ ok: true, changed: true });
  expect(map.vm("web")).toMatchObject({ spec: { running: false }, status: { phase: "Stopped" } });
  expect(set(true)).toMatchObject({ ok: true, changed: true });
  expect(map.vm("web").status.phase).toBe("Pending");
  expect(map.do({ type: "set-running", name: "none", running: true })).toMatchObject({ ok: false, code: "not-found" });
});

test("set-running starts a VM again that had completed", () => {
  const map = new SampleMap();
  map.join("n1");
  map.create("job", { restart: "never" });
  map.place("job", "n1");
  map.release("job", "Completed");
  expect(map.vm("job").status.phase).toBe("Completed");
  map.do({ type: "set-running", name: "job", running: true });
  expect(map.vm("job").status.phase).toBe("Pending");
});

test("delete-vm removes at once what has no instance", () => {
  const map = new SampleMap();
  map.create("web");
  expect(map.do({ type: "delete-vm", name: "web" })).toMatchObject({ ok: true, changed: true, resource: null });
  expect(map.state.list("Vm")).toEqual([]);
  expect(map.last?.changes.map(({ type }) => type)).toEqual(["delete", "put"]);
  expect(map.do({ type: "delete-vm", name: "web" })).toMatchObject({ ok: false, code: "not-found" });
});

test("delete-vm waits for the instance, and refuses changes meanwhile", () => {
  const map = new SampleMap();
  map.join("n1");
  map.create("web");
  map.place("web", "n1");
  expect(map.do({ type: "delete-vm", name: "web" })).toMatchObject({ ok: true, changed: true });
  expect(map.do({ type: "delete-vm", name: "web" })).toMatchObject({ ok: true, changed: false });
  expect(map.vm("web").metadata.deletedAtMs).toBeGreaterThan(0);
  expect(map.do({ type: "create-vm", name: "web", labels: {}, spec: vmSpec() })).toMatchObject({
    code: "already-exists",
    message: 'Cannot create VM "web": a VM of that name is still being deleted',
  });
  expect(map.do({ type: "apply-vm", name: "web", labels: {}, spec: vmSpec() })).toMatchObject({ code: "conflict" });
  expect(map.do({ type: "set-running", name: "web", running: false })).toMatchObject({ code: "conflict" });
  map.release("web");
  expect(map.vm("web")).toBeUndefined();
  expect(map.reasons().slice(-3)).toEqual(["Deleting", "Stopped", "Deleted"]);
});

test("create-vm gives a VM of the same name another uid", () => {
  const map = new SampleMap();
  const first = map.create("web").metadata.uid;
  map.do({ type: "delete-vm", name: "web" });
  expect(map.create("web").metadata.uid).not.toBe(first);
});
