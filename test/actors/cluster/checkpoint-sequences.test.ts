/** Any sequence of commands around checkpoints: none is ready without its node's word, whoever is started from one finds it, and nobody is held for ever. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ClusterState,
  type Checkpoint,
  type Command,
  type Node,
  type Proposal,
  type Vm,
} from "../../../actors/index.ts";
import { manifest } from "./sample-checkpoints.ts";
import { AT_MS, LIMITS, MOVER, nodeSpec, observation, SampleMap, vmSpec } from "./sample-map.ts";

const NODES = ["n1", "n2"] as const;

const step = fc.record({
  type: fc.constantFrom(
    ...(["create-checkpoint", "create-checkpoint", "observe-checkpoint", "observe-checkpoint"] as const),
    ...(["observe-checkpoint", "delete-checkpoint", "drop-checkpoint", "drop-checkpoint", "restore-vm"] as const),
    ...(["apply-vm", "place", "place", "observe", "observe", "observe", "release", "delete-vm"] as const),
    ...(["migrate-vm", "set-paused", "register-node", "expire-lease", "remove-node"] as const),
  ),
  vm: fc.constantFrom("a", "b", "c"),
  name: fc.constantFrom("x", "y"),
  node: fc.constantFrom(...NODES),
  flag: fc.boolean(),
  /** One in eight says something that is over. */
  wrong: fc.integer({ min: 0, max: 7 }).map((roll) => roll === 0),
  fatal: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const FATAL = new Set<string>(["expire-lease", "remove-node", "delete-vm", "release"]);

function commandOf(map: SampleMap, { type: drawn, vm: about, name, node, flag, wrong, fatal }: Step): Command {
  const type = fatal || !FATAL.has(drawn) ? drawn : "observe";
  const vm = map.state.get("Vm", about) as Vm | undefined;
  const at = map.state.get("Node", node) as Node | undefined;
  const known = map.state.get("Checkpoint", name) as Checkpoint | undefined;
  const instance = vm?.status.instance;
  const off = wrong ? 1 : 0;
  const held = {
    node: instance?.node ?? node,
    epoch: (instance?.epoch ?? 0) + off,
    vm: about,
    instance: instance?.id ?? "",
  };
  const holder = known?.status.node ?? node;
  const holderEpoch = (map.state.get("Node", holder) as Node | undefined)?.status.epoch ?? 0;
  const spoken = {
    node: holder,
    epoch: holderEpoch + off,
    checkpoint: name,
    id: known?.status.id ?? "none",
    instance: known?.spec.instance ?? "",
  };
  switch (type) {
    case "create-checkpoint":
      return { type, name, vm: about, labels: {} };
    case "observe-checkpoint": {
      const ready = { phase: "Ready", manifest: manifest(spoken.id, { memoryMiB: 400 }) } as const;
      return { type, ...spoken, observation: flag ? ready : { phase: "Failed", message: "" } };
    }
    case "drop-checkpoint":
      return { type, ...spoken };
    case "delete-checkpoint":
      return { type, name };
    case "restore-vm":
      return { type, name: about, checkpoint: name };
    case "apply-vm":
      return { type, name: about, labels: {}, spec: vmSpec({ memoryMiB: 400, ...(flag && { checkpoint: name }) }) };
    case "place": {
      const { uid = "", generation = 0 } = vm?.metadata ?? {};
      return { type, vm: about, uid, generation, node, epoch: (at?.status.epoch ?? 0) + off };
    }
    case "observe":
      return { type, ...held, observation: observation() };
    case "release":
      return { type, ...held, phase: "Stopped", message: "" };
    case "delete-vm":
      return { type, name: about };
    case "migrate-vm":
      return { type, name: about, target: node, limits: LIMITS };
    case "set-paused":
      return { type, name: about, paused: flag };
    case "register-node": {
      const running = flag ? (map.state.list("Vm") as Vm[]).flatMap(({ status }) => status.instance?.id ?? []) : [];
      const incarnation = wrong ? `of-${map.state.applied}` : (at?.spec.incarnation ?? "first");
      const spec = nodeSpec({ address: `10.0.0.${node.slice(1)}`, hypervisor: MOVER, incarnation });
      return { type, name: node, spec, running };
    }
    case "expire-lease":
      return { type, node, epoch: at?.status.epoch ?? 0, renewedAt: (at?.status.renewedAt ?? 0) + off };
    case "remove-node":
      return { type, name: node };
  }
}

function assertHolds(state: ClusterState): void {
  const checkpoints = state.list("Checkpoint") as Checkpoint[];
  for (const { metadata, spec, status } of checkpoints) {
    expect(status.phase === "Ready", `${metadata.name} is ${status.phase}`).toBe(
      status.phase === "Ready" && status.manifest?.id === status.id,
    );
    if (status.phase !== "Making") continue;
    const holder = state.get("Vm", spec.vm) as Vm | undefined;
    const instance = holder?.status.instance;
    if (instance?.id === spec.instance) expect(instance.checkpointing).toBe(metadata.name);
    expect((state.get("Node", status.node) as Node).status.phase).toBe("Ready");
  }
  for (const { metadata, spec, status } of state.list("Vm") as Vm[]) {
    const { instance, migration } = status;
    if (spec.checkpoint !== undefined) expect(state.get("Checkpoint", spec.checkpoint), metadata.name).toBeDefined();
    if (instance?.checkpointing === undefined) continue;
    expect(migration).toBeUndefined();
    const holder = state.get("Checkpoint", instance.checkpointing) as Checkpoint;
    expect(["Making", "Deleting"]).toContain(holder.status.phase);
    expect(holder.spec.instance).toBe(instance.id);
  }
}

test("apply() of checkpoints is ready by its node's word alone, keeps what VMs are started from, and holds nobody for nothing", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 80, size: "max" }), (steps) => {
      const map = SampleMap.ofMovers(...NODES);
      for (const [at, name] of ["a", "b"].entries()) map.run(name, NODES[at] ?? "n1", { memoryMiB: 400 });
      const copy = new ClusterState();
      for (const each of steps) {
        const index = map.state.applied + 1;
        const command = commandOf(map, each);
        const fresh: Proposal = { session: `s-${index}`, sequence: 1, after: index - 1, atMs: AT_MS + index, command };
        copy.restore(map.state.view());
        const outcome = map.do(command, fresh);
        expect(copy.apply(index, fresh).outcome).toEqual(outcome);
        assertHolds(map.state);
        const changed = (map.last?.changes ?? []).map(({ resource }) => `${resource.kind}/${resource.metadata.name}`);
        expect(new Set(changed).size).toBe(changed.length);
        if (outcome.ok && outcome.changed) reached.add(command.type);
        const origin = (map.state.get("Vm", each.vm) as Vm | undefined)?.status.instance?.from;
        if (origin !== undefined) reached.add(origin.identity);
      }
    }),
    { numRuns: 150, seed: 7 },
  );
  for (const type of [
    "create-checkpoint",
    "observe-checkpoint",
    "delete-checkpoint",
    "drop-checkpoint",
    "restore-vm",
  ]) {
    expect(reached).toContain(type);
  }
  for (const identity of ["same", "fresh"]) expect(reached).toContain(identity);
});
