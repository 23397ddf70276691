/** What a VM waits for before it gets a place, and chains that close. */
import { expect, test } from "vitest";
import { makePlan, type Command, type Node, type Outcome, type Vm, type VmSpec } from "../../../actors/index.ts";
import { refuseLevel } from "../../../actors/cluster/cluster-level.ts";
import { SampleMap, vmSpec } from "./sample-map.ts";

const HEALTH: NonNullable<VmSpec["health"]> = {
  ...{ type: "tcp", port: 80, path: "/" },
  ...{ intervalMs: 1000, timeoutMs: 1000, failuresMax: 3, startMs: 60_000 },
};

function joined(): SampleMap {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 65_536, vcpus: 64 });
  return map;
}

/** What is planned, and the sentences of those that wait. */
function planned(map: SampleMap): Record<string, string> {
  const vms = new Map((map.state.list("Vm") as Vm[]).map((vm) => [vm.metadata.name, vm]));
  const nodes = new Map((map.state.list("Node") as Node[]).map((node) => [node.metadata.name, node]));
  const { place, pending } = makePlan({ vms, nodes });
  return Object.fromEntries([
    ...place.map(({ vm }) => [vm, "placed"]),
    ...pending.map(({ vm, message }) => [vm, message]),
  ]);
}

function messageOf(outcome: Outcome): string {
  return outcome.ok ? "" : outcome.message;
}

function apply(map: SampleMap, name: string, spec: Partial<VmSpec>): Outcome {
  return map.do({ type: "apply-vm", name, labels: {}, spec: vmSpec(spec) });
}

test("requires waits until a VM is healthy, and place() refuses before", () => {
  const map = joined();
  map.create("web", { requires: ["db"] });
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which does not exist' });
  map.create("db", { health: HEALTH });
  expect(planned(map)).toEqual({ db: "placed", web: 'Waits for VM "db" to be healthy' });
  map.place("db", "n1");
  map.observe("db");
  expect(messageOf(map.place("web", "n1"))).toBe(
    'Cannot place VM "web" on node "n1": it waits for VM "db" to be healthy',
  );
  map.observe("db", { health: "healthy" });
  expect(map.place("web", "n1")).toMatchObject({ ok: true });
});

test("requires without a health check waits until a VM runs, and says who paused, stopped or completed it", () => {
  const map = joined();
  map.create("db", { restart: "never" });
  map.create("web", { requires: ["db"] });
  expect(planned(map)).toEqual({ db: "placed", web: 'Waits for VM "db" to run' });
  map.place("db", "n1");
  map.observe("db");
  expect(planned(map)).toEqual({ web: "placed" });
  map.do({ type: "delete-vm", name: "db" });
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which is being deleted' });
  map.release("db");
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which does not exist' });
  map.create("db", { running: false });
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which is stopped' });
  map.do({ type: "set-running", name: "db", running: true });
  map.place("db", "n1");
  map.release("db", "Completed");
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which has completed' });
});

test("requires does not take a VM for serving whose spec has changed since it started", () => {
  const map = joined();
  map.create("db");
  map.place("db", "n1");
  map.observe("db");
  map.create("web", { requires: ["db"] });
  apply(map, "db", { vcpus: 2 });
  expect(planned(map)).toEqual({ web: 'Waits for VM "db" to run' });
});

test("after waits until a VM runs, not until it is healthy, and not for one that is stopped or has completed", () => {
  const map = joined();
  map.create("web", { after: ["db", "job"] });
  expect(planned(map)).toEqual({ web: 'Waits for VM "db", which does not exist; VM "job", which does not exist' });
  map.create("db", { health: HEALTH });
  map.create("job", { running: false });
  expect(planned(map)).toEqual({ db: "placed", web: 'Waits for VM "db" to run' });
  map.place("db", "n1");
  map.observe("db");
  expect(planned(map)).toEqual({ web: "placed" });
  map.do({ type: "set-running", name: "job", running: true });
  map.place("job", "n1");
  map.release("job", "Completed");
  expect(planned(map)).toEqual({ web: "placed" });
});

test("explain-pending records a wait for what it is: nothing to warn of", () => {
  const map = joined();
  const { uid } = map.create("web", { requires: ["db"] }).metadata;
  map.do({ type: "explain-pending", vm: "web", uid, message: 'Waits for VM "db", which does not exist' });
  expect(map.events().at(-1)?.spec).toMatchObject({ type: "Normal", reason: "Waiting" });
});

test("create-vm and apply-vm refuse what would wait for itself, with the chain written out", () => {
  const map = joined();
  map.create("web", { requires: ["app"] });
  map.create("app", { requires: ["cache"], after: ["db"] });
  map.create("db");
  expect(messageOf(apply(map, "db", { after: ["web"] }))).toBe(
    'Cannot apply VM "db": it would wait for itself: "db" is after "web", "web" requires "app", "app" is after "db"; ' +
      "take one of them out",
  );
  const create: Command = { type: "create-vm", name: "cache", labels: {}, spec: vmSpec({ requires: ["cache"] }) };
  expect(map.do(create)).toMatchObject({ ok: false, code: "invalid" });
  expect(apply(map, "cache", { requires: ["db"] })).toMatchObject({ ok: true });
  expect(apply(map, "cache", { requires: ["db", "web"] })).toMatchObject({ ok: false, code: "invalid" });
  // Two ways to one VM are no cycle.
  expect(apply(map, "web", { requires: ["app", "db"] })).toMatchObject({ ok: true });
});

test("refuseLevel() lets no VM that names others, or is asked in the guest, into the log before all members know what that means", () => {
  const beats = { type: "heartbeat", intervalMs: 3000, failuresMax: 3, startMs: 60_000 } as const;
  for (const spec of [vmSpec({ after: ["db"] }), vmSpec({ requires: ["db"] }), vmSpec({ health: beats })]) {
    const command: Command = { type: "apply-vm", name: "web", labels: {}, spec };
    expect(refuseLevel(command, { level: 2, applied: 7 })).toMatchObject({ ok: false, code: "invalid" });
    expect(refuseLevel(command, { level: 3, applied: 7 })).toBeNull();
  }
});
