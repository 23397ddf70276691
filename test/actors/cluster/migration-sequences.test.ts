/**
 * Any sequence of commands around migrations, live and by stop and start, and drains: one node is named, room is held where something may run, every
 * migration that began ends, none outlives its time, and nothing comes to a node that is drained.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ClusterState, type Command, type Node, type Proposal, type Vm } from "../../../actors/index.ts";
import { AT_MS, LIMITS, MOVER, nodeSpec, observation, SampleMap, vmSpec } from "./sample-map.ts";

const NODES = ["n1", "n2", "n3"] as const;

const step = fc.record({
  type: fc.constantFrom(
    ...(["migrate-vm", "migrate-vm", "migration-ready", "migration-ready", "take-over", "take-over"] as const),
    ...(["cancel-migration", "migration-progress", "set-paused", "restart-vm", "place", "place", "observe"] as const),
    ...(["move-vm", "move-vm", "advance-time", "drain-node", "undrain-node", "note-drained"] as const),
    ...(["observe", "register-node", "expire-lease", "apply-vm", "set-running", "delete-vm", "release"] as const),
  ),
  name: fc.constantFrom("a", "b", "c"),
  node: fc.constantFrom(...NODES),
  flag: fc.boolean(),
  /** One in eight says something that is over. */
  wrong: fc.integer({ min: 0, max: 7 }).map((roll) => roll === 0),
  /** What ends an instance, or closes a node, happens once in four times that it is drawn: else nothing lives for long enough, or has where, to move. */
  fatal: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const FATAL = new Set<string>([
  "expire-lease",
  "delete-vm",
  "release",
  "apply-vm",
  "set-running",
  "restart-vm",
  "drain-node",
]);

function commandOf(map: SampleMap, { type: drawn, name, node, flag, wrong, fatal }: Step): Command {
  const type = fatal || !FATAL.has(drawn) ? drawn : "observe";
  const vm = map.state.get("Vm", name) as Vm | undefined;
  const at = map.state.get("Node", node) as Node | undefined;
  const { instance, migration } = vm?.status ?? {};
  const off = wrong ? 1 : 0;
  const id = instance?.id ?? "none";
  const held = { node: instance?.node ?? node, epoch: (instance?.epoch ?? 0) + off, vm: name };
  const source = { ...held, migration: migration?.id ?? vm?.status.lastMigration?.id ?? "none" };
  const target = { ...source, node: migration?.node ?? node, epoch: (migration?.epoch ?? 0) + off };
  switch (type) {
    case "migrate-vm":
      return { type, name, target: node, limits: LIMITS };
    case "move-vm":
      return { type, name, target: node, timeoutMs: LIMITS.timeoutMs };
    case "drain-node":
      return { type, name: node, limits: { liveOnly: flag, atOnce: 1, timeoutMs: 60_000 } };
    case "undrain-node":
      return { type, name: node };
    case "note-drained":
      return { type, name: node, drain: (at?.status.drain?.id ?? 0) + off };
    case "advance-time":
      return { type, toMs: map.state.timeMs + (fatal ? 50_000 : 10_000) };
    case "migration-ready":
      return { type, ...target, endpoint: { address: "10.0.0.2", port: 4000 } };
    case "take-over":
      return { type, ...target, addresses: [] };
    case "cancel-migration":
      return { type, name, migration: flag ? null : target.migration, message: "" };
    case "migration-progress":
      return { type, ...source, ...(flag && { stillMs: 3 }) };
    case "set-paused":
      return { type, name, paused: flag };
    case "restart-vm":
      return { type, name };
    case "place": {
      const { uid = "", generation = 0 } = vm?.metadata ?? {};
      return { type, vm: name, uid, generation, node, epoch: (at?.status.epoch ?? 0) + off };
    }
    case "observe":
      return { type, ...held, instance: id, observation: observation() };
    case "register-node": {
      const running = flag ? (map.state.list("Vm") as Vm[]).flatMap(({ status }) => status.instance?.id ?? []) : [];
      const address = wrong ? "10.0.0.9" : `10.0.0.${node.slice(1)}`;
      return { type, name: node, spec: nodeSpec({ address, hypervisor: MOVER }), running };
    }
    case "expire-lease":
      return { type, node, epoch: at?.status.epoch ?? 0, renewedAt: (at?.status.renewedAt ?? 0) + off };
    case "apply-vm": {
      const ports = flag ? [{ name: "p", guest: 80, host: 8080 }] : [];
      return { type, name, labels: {}, spec: vmSpec({ memoryMiB: 400, ports }) };
    }
    case "set-running":
      return { type, name, running: flag };
    case "delete-vm":
      return { type, name };
    case "release":
      return { type, ...held, instance: id, phase: flag ? "Stopped" : "Completed", message: "" };
  }
}

/** Of the resources alone: where a VM may run, what is held there, and by whom. */
function assertHolds(state: ClusterState): void {
  const [memory, ports] = [new Map<string, number>(), new Map<string, string>()];
  for (const { status } of state.list("Node") as Node[]) {
    if (status.drain?.phase === "draining") expect(status.drain.untilMs).toBeGreaterThan(state.timeMs);
  }
  for (const { metadata, status } of state.list("Vm") as Vm[]) {
    const { instance, migration } = status;
    if (migration !== undefined) expect(instance).not.toBeNull();
    // The leader keeps its time: whatever its nodes say, or do not.
    if (migration !== undefined) expect(migration.untilMs).toBeGreaterThan(state.timeMs);
    if (instance === null) continue;
    const sides = migration === undefined ? [instance] : [instance, migration];
    expect(new Set(sides.map(({ node }) => node)).size).toBe(sides.length);
    for (const { node, epoch } of sides) {
      const holder = state.get("Node", node) as Node;
      expect(holder.status).toMatchObject({ phase: "Ready", epoch });
      expect(holder.status.drain?.phase).not.toBe("drained");
      memory.set(node, (memory.get(node) ?? 0) + instance.claim.memoryMiB);
      expect(memory.get(node)).toBeLessThanOrEqual(holder.spec.memoryMiB);
      for (const port of instance.claim.hostPorts) {
        const key = `${holder.spec.address}:${port}`;
        expect(ports.get(key)).toBeUndefined();
        ports.set(key, metadata.name);
      }
    }
  }
}

test("apply() of migrations names one node, holds room on both, and every migration that began ends", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 80, size: "max" }), (steps) => {
      const map = SampleMap.ofMovers(...NODES);
      for (const [at, name] of ["a", "b", "c"].entries()) map.run(name, NODES[at] ?? "n1", { memoryMiB: 400 });
      // What is booked on each node is made anew from the resources after each command, and decides alike.
      const copy = new ClusterState();
      for (const each of steps) {
        const index = map.state.applied + 1;
        const command = commandOf(map, each);
        const fresh: Proposal = { session: `s-${index}`, sequence: 1, after: index - 1, atMs: AT_MS + index, command };
        copy.restore(map.state.view());
        const outcome = map.do(command, fresh);
        expect(copy.apply(index, fresh).outcome).toEqual(outcome);
        assertHolds(map.state);
        // A watch is told of one change of a VM at an index.
        const changed = (map.last?.changes ?? []).map(({ resource }) => `${resource.kind}/${resource.metadata.name}`);
        expect(new Set(changed).size).toBe(changed.length);
        if (outcome.ok && outcome.changed) reached.add(command.type);
      }
      for (const node of NODES) {
        const { phase, epoch, renewedAt } = map.node(node).status;
        if (phase === "Ready") map.do({ type: "expire-lease", node, epoch, renewedAt });
      }
      const count = (reason: string): number => map.reasons().filter((each) => each === reason).length;
      expect(count("Migrated") + count("MigrationEnded")).toBe(count("Migrating"));
      expect((map.state.list("Vm") as Vm[]).filter(({ status }) => status.migration !== undefined)).toEqual([]);
    }),
    { numRuns: 100, seed: 11 },
  );
  for (const type of ["migrate-vm", "migration-ready", "take-over", "cancel-migration", "migration-progress"]) {
    expect(reached).toContain(type);
  }
  for (const type of ["set-paused", "restart-vm", "move-vm", "advance-time", "note-drained"])
    expect(reached).toContain(type);
});
