/** Registration, renewal and end of leases, each with each of its refusals. */
import { expect, test } from "vitest";
import { nodeSpec, SampleMap } from "./sample-map.ts";

function withInstances(...names: string[]): SampleMap {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 4096 });
  for (const name of names) {
    map.create(name);
    map.place(name, "n1");
  }
  return map;
}

test("register-node opens a lease whose epoch is its index", () => {
  const map = new SampleMap();
  const node = map.join("n1");
  expect(node.status).toMatchObject({ phase: "Ready", epoch: 1, renewedAt: 1 });
  expect(map.reasons()).toEqual(["NodeJoined"]);
});

test("register-node adopts what runs and releases all else", () => {
  const map = withInstances("web", "db");
  const { instance } = map.held("web");
  const node = map.join("n1", { memoryMiB: 4096 }, [instance, "db-999"]);
  expect(map.vm("web").status.instance).toMatchObject({ id: instance, epoch: node.status.epoch });
  expect(map.vm("db").status).toMatchObject({ phase: "Pending", instance: null });
  expect(map.reasons().slice(-3)).toEqual(["InstanceLost", "NodeJoined", "Adopted"]);
  expect(node.metadata.uid).toBe("node-1");
});

test("register-node refuses another incarnation while the lease is alive", () => {
  const map = withInstances("web");
  const other = { type: "register-node", name: "n1", spec: nodeSpec({ incarnation: "second" }), running: [] } as const;
  expect(map.do(other)).toMatchObject({ ok: false, code: "invalid" });
  const { epoch, renewedAt } = map.node("n1").status;
  map.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
  expect(map.do(other)).toMatchObject({ ok: true });
  expect(map.node("n1").metadata.uid).toBe(`node-${map.state.applied}`);
});

test("register-node refuses what was proposed before the current lease began", () => {
  const map = withInstances("web");
  const epoch = map.node("n1").status.epoch;
  const late = map.do({ type: "register-node", name: "n1", spec: nodeSpec(), running: [] }, { after: epoch - 1 });
  expect(late).toMatchObject({ ok: false, code: "stale" });
  expect(map.vm("web").status.instance).not.toBeNull();
});

test("register-node refuses an address where a running VM's port is taken", () => {
  const map = new SampleMap();
  const ports = [{ name: "http", guest: 80, host: 8080 }];
  for (const [name, node] of [
    ["a", "n1"],
    ["b", "n2"],
  ] as const) {
    map.join(node);
    map.create(name, { ports });
    map.place(name, node);
  }
  const move = (running: readonly string[]) =>
    map.do({ type: "register-node", name: "n2", spec: nodeSpec({ address: "10.0.0.1" }), running });
  expect(move([map.held("b").instance])).toMatchObject({ ok: false, code: "invalid" });
  expect(move([])).toMatchObject({ ok: true });
  expect(map.place("b", "n2")).toMatchObject({
    ok: false,
    message: 'Cannot place VM "b" on node "n2": the node has port 8080 taken by VM "a"',
  });
});

test("register-node takes the ports of what it adopts to the new address", () => {
  const map = new SampleMap();
  map.join("n1");
  map.join("n2", { address: "10.0.0.9" });
  map.create("a", { ports: [{ name: "http", guest: 80, host: 8080 }] });
  map.place("a", "n1");
  map.join("n1", { address: "10.0.0.9" }, [map.held("a").instance]);
  map.create("b", { ports: [{ name: "http", guest: 80, host: 8080 }] });
  expect(map.place("b", "n2")).toMatchObject({ ok: false, code: "conflict" });
});

test("renew-lease moves renewedAt, under the current epoch only", () => {
  const map = new SampleMap();
  const { epoch } = map.join("n1").status;
  expect(map.do({ type: "renew-lease", node: "n1", epoch })).toMatchObject({ ok: true, changed: true });
  expect(map.node("n1").status).toMatchObject({ epoch, renewedAt: 2 });
  expect(map.do({ type: "renew-lease", node: "n1", epoch: epoch + 1 })).toMatchObject({ ok: false, code: "stale" });
  expect(map.do({ type: "renew-lease", node: "n9", epoch })).toMatchObject({ ok: false, code: "stale" });
});

test("expire-lease ends the node's instances", () => {
  const map = withInstances("web", "db");
  map.do({ type: "delete-vm", name: "db" });
  const { epoch, renewedAt } = map.node("n1").status;
  expect(map.do({ type: "expire-lease", node: "n1", epoch, renewedAt })).toMatchObject({ ok: true });
  expect(map.node("n1").status).toMatchObject({ phase: "Lost", epoch: 0 });
  expect(map.vm("web").status).toMatchObject({ phase: "Pending", instance: null, message: 'node "n1" was lost' });
  expect(map.vm("db")).toBeUndefined();
  // In order of the names of the VMs, whatever they were placed in.
  expect(map.reasons().slice(-4)).toEqual(["InstanceLost", "Deleted", "InstanceLost", "NodeLost"]);
  expect(map.do({ type: "renew-lease", node: "n1", epoch })).toMatchObject({ ok: false, code: "stale" });
});

test("expire-lease is refused once the lease was renewed or has ended", () => {
  const map = new SampleMap();
  const { epoch, renewedAt } = map.join("n1").status;
  map.do({ type: "renew-lease", node: "n1", epoch });
  const expire = (at: number) => map.do({ type: "expire-lease", node: "n1", epoch, renewedAt: at });
  expect(expire(renewedAt)).toMatchObject({ ok: false, code: "stale" });
  expect(map.node("n1").status.phase).toBe("Ready");
  expect(expire(map.node("n1").status.renewedAt)).toMatchObject({ ok: true });
  expect(expire(map.node("n1").status.renewedAt)).toMatchObject({ ok: false, code: "stale" });
});

test("remove-node forgets a lost node only", () => {
  const map = new SampleMap();
  const { epoch, renewedAt } = map.join("n1").status;
  expect(map.do({ type: "remove-node", name: "n1" })).toMatchObject({ ok: false, code: "invalid" });
  map.do({ type: "expire-lease", node: "n1", epoch, renewedAt });
  expect(map.do({ type: "remove-node", name: "n1" })).toMatchObject({ ok: true, resource: null });
  expect(map.do({ type: "remove-node", name: "n1" })).toMatchObject({ ok: false, code: "not-found" });
});

test("register-node refuses, from level 2 on, a node that does not know yet that it was lost", () => {
  const map = withInstances("web");
  const register = (after: number): ReturnType<SampleMap["do"]> =>
    map.do({ type: "register-node", name: "n1", spec: nodeSpec(), running: [] }, { after });
  const lose = (): number => {
    const { epoch, renewedAt } = map.node("n1").status;
    return map.do({ type: "expire-lease", node: "n1", epoch, renewedAt }).version;
  };
  const first = lose();
  expect(register(first - 1)).toMatchObject({ ok: true });
  map.do({ type: "raise-level", to: 2 });
  const second = lose();
  expect(register(second - 1)).toMatchObject({ ok: false, code: "stale" });
  expect(register(second)).toMatchObject({ ok: true });
});
