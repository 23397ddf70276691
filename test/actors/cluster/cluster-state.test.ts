/** The map as a state machine: the same proposals give the same map everywhere, and what must hold of it holds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ClusterInvariantError,
  ClusterState,
  type Command,
  type Node,
  type Proposal,
  type Vm,
} from "../../../actors/index.ts";
import { jsonCodec } from "../../../runtime/index.ts";
import { AT_MS, nodeSpec, observation, SampleMap, vmSpec } from "./sample-map.ts";

const name = fc.constantFrom("a", "b", "c");
const node = fc.constantFrom("n1", "n2");
const spec = fc.record({
  running: fc.boolean(),
  memoryMiB: fc.constantFrom(128, 700),
  host: fc.option(fc.constantFrom(8080, 8081), { nil: undefined }),
});

/** What is done is chosen without knowing the map; ids and epochs are filled in from it, or wrong on purpose. */
const step = fc.record({
  type: fc.constantFrom(
    ...(["create-vm", "apply-vm", "set-running", "delete-vm", "register-node", "renew-lease", "expire-lease"] as const),
    ...(["remove-node", "place", "explain-pending", "stop-instance", "observe", "release", "give-back"] as const),
    ...(["place", "place", "observe", "register-node"] as const),
  ),
  name,
  node,
  spec,
  flag: fc.boolean(),
  wrong: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  repeat: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function commandOf(map: SampleMap, { type, name: vmName, node: nodeName, spec: want, flag, wrong }: Step): Command {
  const vm = map.state.get("Vm", vmName) as Vm | undefined;
  const at = map.state.get("Node", nodeName) as Node | undefined;
  const instance = vm?.status.instance;
  const { host, ...rest } = want;
  const ports = host === undefined ? [] : [{ name: "p", guest: 80, host }];
  const made = { name: vmName, labels: {}, spec: vmSpec({ ...rest, ports }) };
  const uid = vm?.metadata.uid ?? "";
  const generation = (vm?.metadata.generation ?? 0) + (wrong ? 1 : 0);
  const held = { node: instance?.node ?? nodeName, epoch: (instance?.epoch ?? 0) + (wrong ? 1 : 0), vm: vmName };
  const id = instance?.id ?? "none";
  const epoch = (at?.status.epoch ?? 0) + (wrong ? 1 : 0);
  switch (type) {
    case "create-vm":
    case "apply-vm":
      return { type, ...made };
    case "set-running":
      return { type, name: vmName, running: flag };
    case "delete-vm":
      return { type, name: vmName };
    case "register-node": {
      const running = flag ? (map.state.list("Vm") as Vm[]).flatMap(({ status }) => status.instance?.id ?? []) : [];
      // Both on one address now and then, so that ports meet.
      return { type, name: nodeName, spec: nodeSpec({ address: wrong ? "10.0.0.9" : "10.0.0.1" }), running };
    }
    case "renew-lease":
      return { type, node: nodeName, epoch };
    case "expire-lease":
      return { type, node: nodeName, epoch, renewedAt: at?.status.renewedAt ?? 0 };
    case "remove-node":
      return { type, name: nodeName };
    case "place":
      return { type, vm: vmName, uid, generation, node: nodeName, epoch };
    case "explain-pending":
      return { type, vm: vmName, uid, message: flag ? "no room" : "no node" };
    case "stop-instance":
      return { type, vm: vmName, instance: id, message: "" };
    case "observe":
      return { type, ...held, instance: id, observation: observation({ phase: flag ? "Running" : "Crashed" }) };
    case "release":
      return { type, ...held, instance: id, phase: flag ? "Stopped" : "Completed", message: "" };
    case "give-back":
      return { type, ...held, instance: id, message: "no image" };
  }
}

/** What must hold after every command, computed from the resources alone. */
function assertHolds(state: ClusterState, seenIds: Map<string, string>): void {
  const ports = new Map<string, string>();
  const memory = new Map<string, number>();
  for (const vm of state.list("Vm") as Vm[]) {
    const { instance, phase } = vm.status;
    expect(phase === "Pending" || phase === "Stopped" || phase === "Completed").toBe(instance === null);
    if (instance === null) continue;
    const holder = state.get("Node", instance.node) as Node;
    expect(holder.status).toMatchObject({ phase: "Ready", epoch: instance.epoch });
    expect(seenIds.get(instance.id) ?? vm.metadata.uid).toBe(vm.metadata.uid);
    seenIds.set(instance.id, vm.metadata.uid);
    memory.set(instance.node, (memory.get(instance.node) ?? 0) + instance.claim.memoryMiB);
    expect(memory.get(instance.node)).toBeLessThanOrEqual(holder.spec.memoryMiB);
    for (const port of instance.claim.hostPorts) {
      const key = `${holder.spec.address}:${port}`;
      expect(ports.get(key)).toBeUndefined();
      ports.set(key, vm.metadata.name);
    }
  }
}

test("apply() is deterministic, survives encoding, and keeps what must hold", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 80, size: "max" }), (steps) => {
      const map = new SampleMap({ eventsMax: 10, sessionsMax: 5 });
      const copy = new ClusterState({ eventsMax: 10, sessionsMax: 5 });
      const seenIds = new Map<string, string>();
      let last: Proposal | null = null;
      for (const each of steps) {
        const index = map.state.applied + 1;
        const fresh = { session: `s-${index % 7}`, sequence: index, after: index - 1, atMs: AT_MS + index };
        const proposal: Proposal = each.repeat && last !== null ? last : { ...fresh, command: commandOf(map, each) };
        last = proposal;
        const outcome = map.do(proposal.command, proposal);
        const applied = copy.apply(index, jsonCodec.decode(jsonCodec.encode(proposal)) as Proposal);
        expect(JSON.stringify(applied.outcome)).toBe(JSON.stringify(outcome));
        expect(copy.fingerprint).toBe(map.state.fingerprint);
        assertHolds(copy, seenIds);
        if (outcome.ok && outcome.changed) reached.add(proposal.command.type);
      }
    }),
    { numRuns: 100, seed: 7 },
  );
  // The property is worth nothing unless it got everywhere.
  expect([...reached].toSorted()).toEqual(
    "apply-vm create-vm delete-vm expire-lease explain-pending give-back observe place register-node release remove-node renew-lease set-running stop-instance"
      .split(" ")
      .toSorted(),
  );
});

test("fingerprint tells maps apart by any resource or session, and not by the order of keys", () => {
  const make = (env: Record<string, string>, session: string) => {
    const map = new SampleMap();
    map.do({ type: "create-vm", name: "web", labels: {}, spec: vmSpec({ env }) }, { session });
    return map.state.fingerprint;
  };
  expect(make({ A: "1", B: "2" }, "s")).toBe(make({ B: "2", A: "1" }, "s"));
  expect(make({ A: "1" }, "s")).not.toBe(make({ A: "2" }, "s"));
  expect(make({ A: "1" }, "s")).not.toBe(make({ A: "1" }, "t"));
  expect(make({}, "s")).toMatch(/^[0-9a-f]{16}$/);
});

test("fingerprint does not depend on when it was read", () => {
  const [often, once] = [new SampleMap(), new SampleMap()];
  for (const map of [often, once]) {
    for (const each of ["a", "b"]) {
      map.create(each);
      if (map === often) map.state.fingerprint.at(0);
    }
    map.do({ type: "delete-vm", name: "a" });
  }
  expect(often.state.fingerprint).toBe(once.state.fingerprint);
});

test("list() of events is a ring that forgets the oldest", () => {
  const map = new SampleMap({ eventsMax: 3 });
  for (const each of ["a", "b", "c", "d"]) map.create(each);
  expect(map.events().map(({ spec: { regarding } }) => regarding.name)).toEqual(["b", "c", "d"]);
  expect(map.last?.changes.map(({ type, resource }) => `${type} ${resource.kind}`)).toEqual([
    "put Vm",
    "put Event",
    "delete Event",
  ]);
});

test("apply() refuses to leave an index out or go back", () => {
  const map = new SampleMap();
  map.create("web");
  expect(() => map.state.skip(3)).toThrow(ClusterInvariantError);
  expect(() => map.state.skip(1)).toThrow(ClusterInvariantError);
  map.state.skip(2);
  expect(map.state.applied).toBe(2);
});
