/** How instances begin and are asked to end, each command with each of its refusals. */
import { expect, test } from "vitest";
import { SampleMap } from "./sample-map.ts";

function withNode(): SampleMap {
  const map = new SampleMap();
  map.join("n1");
  return map;
}

test("place makes an instance with an id of the index, under the node's epoch", () => {
  const map = withNode();
  map.create("web");
  expect(map.place("web", "n1")).toMatchObject({ ok: true, changed: true, version: 3 });
  expect(map.vm("web").status).toMatchObject({
    phase: "Starting",
    instance: { id: "web-3", node: "n1", epoch: 1, generation: 1, stopping: false },
  });
  expect(map.reasons()).toEqual(["NodeJoined", "Created", "Scheduled"]);
});

test("place refuses a plan that no longer holds, and says why", () => {
  const map = withNode();
  const { uid, generation } = map.create("web").metadata;
  const good = { type: "place", vm: "web", uid, generation, node: "n1", epoch: 1 } as const;
  const refusals = [
    [{ ...good, vm: "none" }, "it is gone"],
    [{ ...good, uid: "vm-0" }, "a VM of that name was made anew"],
    [{ ...good, generation: 2 }, "its spec is of generation 1, planned was 2"],
    [{ ...good, node: "n9" }, "there is no such node"],
    [{ ...good, epoch: 7 }, "its lease has epoch 1, planned was 7"],
  ] as const;
  for (const [command, why] of refusals) {
    expect(map.do(command)).toMatchObject({ ok: false, code: "conflict", message: expect.stringContaining(why) });
    expect(map.last?.changes).toEqual([]);
  }
  expect(map.do(good)).toMatchObject({ ok: true });
  expect(map.do(good)).toMatchObject({ ok: false, message: expect.stringContaining("it has instance web-") });
});

test("place refuses a VM that should not run, or has completed", () => {
  const map = withNode();
  map.create("off", { running: false });
  expect(map.place("off", "n1")).toMatchObject({ message: expect.stringContaining("it is Stopped") });
  map.create("job");
  map.place("job", "n1");
  map.release("job", "Completed");
  expect(map.place("job", "n1")).toMatchObject({ message: expect.stringContaining("it is Completed") });
});

test("place refuses a lost node", () => {
  const map = withNode();
  map.create("web");
  map.do({ type: "expire-lease", node: "n1", epoch: 1, renewedAt: 1 });
  expect(map.place("web", "n1")).toMatchObject({ ok: false, message: expect.stringContaining("the node is lost") });
});

test("place never gives out memory twice, and vCPUs four times", () => {
  const map = withNode();
  map.create("a", { memoryMiB: 600, vcpus: 7 });
  map.create("b", { memoryMiB: 600 });
  map.create("c", { memoryMiB: 32, vcpus: 2 });
  map.place("a", "n1");
  expect(map.place("b", "n1")).toMatchObject({ message: expect.stringContaining("has 424 MiB free, wants 600 MiB") });
  expect(map.place("c", "n1")).toMatchObject({
    message: expect.stringContaining("has 1 vCPUs free at 4 a core, wants 2"),
  });
  map.release("a");
  expect(map.place("b", "n1")).toMatchObject({ ok: true });
  expect(map.place("c", "n1")).toMatchObject({ ok: true });
});

test("place holds what an instance was made with until it is released, whatever the spec says since", () => {
  const map = withNode();
  const { spec } = map.create("a", { memoryMiB: 1000 });
  map.place("a", "n1");
  map.do({ type: "apply-vm", name: "a", labels: {}, spec: { ...spec, memoryMiB: 32 } });
  map.create("b", { memoryMiB: 500 });
  expect(map.place("b", "n1")).toMatchObject({ message: expect.stringContaining("has 24 MiB free") });
});

test("place gives a fixed port of an address once, also over two nodes on it", () => {
  const map = withNode();
  map.join("n2", { address: "10.0.0.1" });
  map.join("n3");
  const ports = [{ name: "http", guest: 80, host: 8080 }];
  map.create("a", { ports });
  map.create("b", { ports });
  map.place("a", "n1");
  expect(map.place("b", "n2")).toMatchObject({
    message: expect.stringContaining('has port 8080 taken by VM "a"'),
  });
  expect(map.place("b", "n3")).toMatchObject({ ok: true });
});

test("place keeps to the node selector", () => {
  const map = withNode();
  map.join("n2", { labels: { disk: "ssd" } });
  map.create("db", { nodeSelector: { disk: "ssd" } });
  expect(map.place("db", "n1")).toMatchObject({
    message: expect.stringContaining("has no label disk, wants disk=ssd"),
  });
  expect(map.place("db", "n2")).toMatchObject({ ok: true });
});

test("explain-pending records a message once", () => {
  const map = withNode();
  const { uid } = map.create("web").metadata;
  const explain = (message: string) => map.do({ type: "explain-pending", vm: "web", uid, message });
  expect(explain("No node fits")).toMatchObject({ ok: true, changed: true });
  expect(explain("No node fits")).toMatchObject({ ok: true, changed: false });
  expect(map.vm("web").status.message).toBe("No node fits");
  expect(map.reasons().filter((reason) => reason === "Unschedulable")).toHaveLength(1);
  expect(map.do({ type: "explain-pending", vm: "web", uid: "vm-0", message: "" })).toMatchObject({ code: "conflict" });
  map.place("web", "n1");
  expect(explain("Too late")).toMatchObject({ ok: false, code: "conflict" });
});

test("stop-instance asks once, and only for what the VM does not want", () => {
  const map = withNode();
  map.create("web");
  map.place("web", "n1");
  expect(map.stop("web")).toMatchObject({ ok: false, code: "conflict" });
  map.do({ type: "set-running", name: "web", running: false });
  expect(map.stop("web")).toMatchObject({ ok: true, changed: true });
  expect(map.stop("web")).toMatchObject({ ok: true, changed: false });
  expect(map.vm("web").status).toMatchObject({ phase: "Stopping", instance: { stopping: true } });
  const other = map.do({ type: "stop-instance", vm: "web", instance: "web-999", message: "" });
  expect(other).toMatchObject({ ok: false, code: "stale" });
});

test("a changed VM is stopped, released and placed again as another instance", () => {
  const map = withNode();
  const { spec } = map.create("web");
  map.place("web", "n1");
  const first = map.held("web").instance;
  map.do({ type: "apply-vm", name: "web", labels: {}, spec: { ...spec, memoryMiB: 512 } });
  map.stop("web");
  map.release("web");
  expect(map.vm("web").status).toMatchObject({ phase: "Pending", instance: null });
  expect(map.place("web", "n1")).toMatchObject({ ok: true });
  expect(map.vm("web").status.instance).toMatchObject({ generation: 2, claim: { memoryMiB: 512 } });
  expect(map.held("web").instance).not.toBe(first);
});
