/** Random graphs of dependencies: in whatever order they are applied, each VM starts after what it names and stops before it, and all run in the end. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { makePlan, planStop, type Node, type Vm, type VmSpec } from "../../../actors/index.ts";
import { StopOrder } from "../../../actors/controller/stop-order.ts";
import { createRandom, type Random } from "../../../runtime/index.ts";
import { SampleMap, vmSpec } from "./sample-map.ts";

const HEALTH: NonNullable<VmSpec["health"]> = {
  ...{ type: "tcp", port: 80, path: "/" },
  ...{ intervalMs: 1000, timeoutMs: 1000, failuresMax: 3, startMs: 60_000 },
};

const STEPS_MAX = 5000;

interface Graph {
  readonly count: number;
  /** From, to, and whether it is required; some close a cycle, and are refused. */
  readonly edges: readonly (readonly [number, number, boolean])[];
  readonly seed: number;
}

const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 2, max: 12 }).chain((count) => {
  const vm = fc.integer({ min: 0, max: count - 1 });
  const edges = fc.array(fc.tuple(vm, vm, fc.boolean()), { maxLength: 3 * count });
  return fc.record({ count: fc.constant(count), edges, seed: fc.nat() });
});

/** A map with all of them, applied one by one in an order of the seed's; what would close a cycle is left out. */
function apply({ count, edges, seed }: Graph, random: Random): SampleMap {
  const map = new SampleMap();
  map.join("n1", { memoryMiB: 1_000_000, vcpus: 1000 });
  const names = Array.from({ length: count }, (_, at) => `vm${at}`);
  for (const name of shuffled(names, random))
    map.create(name, (seed + name.length) % 2 === 0 ? { health: HEALTH } : {});
  for (const [from, to, isRequired] of edges) {
    const { spec } = map.vm(`vm${from}`);
    const key = isRequired ? "requires" : "after";
    map.do({
      type: "apply-vm",
      name: `vm${from}`,
      labels: {},
      spec: vmSpec({ ...spec, [key]: [...(spec[key] ?? []), `vm${to}`] }),
    });
  }
  return map;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function vmsOf(map: SampleMap): readonly Vm[] {
  return map.state.list("Vm") as Vm[];
}

/** One step of whoever moves next: a node that says more of a guest, or loses one, or the scheduler. */
function step(map: SampleMap, random: Random, crashes: { left: number }): void {
  const vms = vmsOf(map);
  const vm = vms[random.integer(vms.length)] as Vm;
  const { name } = vm.metadata;
  if (random.next() < 0.3) return schedule(map);
  if (vm.status.instance === null) return;
  if (crashes.left > 0 && random.next() < 0.1) {
    crashes.left -= 1;
    map.release(name);
  } else if (vm.status.phase === "Starting") map.observe(name);
  else if (vm.spec.health !== undefined) map.observe(name, { health: random.next() < 0.7 ? "healthy" : "unhealthy" });
}

function schedule(map: SampleMap): void {
  const vms = new Map(vmsOf(map).map((vm) => [vm.metadata.name, vm]));
  const nodes = new Map((map.state.list("Node") as Node[]).map((node) => [node.metadata.name, node]));
  for (const command of makePlan({ vms, nodes }).place) {
    const { after = [], requires = [] } = map.vm(command.vm).spec;
    for (const name of [...after, ...requires]) expect(map.vm(name).status.phase).toBe("Running");
    for (const name of requires) {
      if (map.vm(name).spec.health !== undefined) expect(map.vm(name).status.health).toBe("healthy");
    }
    expect(map.do(command)).toMatchObject({ ok: true });
  }
}

function isUp({ spec, status }: Vm): boolean {
  return status.phase === "Running" && (spec.health === undefined || status.health === "healthy");
}

/** All are deleted at once, in an order of the seed's; nodes end guests when they like. */
function stopAll(map: SampleMap, random: Random): void {
  const order = new StopOrder();
  for (const { metadata } of shuffled(vmsOf(map), random)) map.do({ type: "delete-vm", name: metadata.name });
  for (let steps = 0; vmsOf(map).length > 0; steps++) {
    if (steps > STEPS_MAX) throw new Error("They do not end");
    const vms = vmsOf(map);
    const vm = vms[random.integer(vms.length)] as Vm;
    const { name } = vm.metadata;
    const command = planStop(vm);
    if (vm.status.instance?.stopping === true) map.release(name);
    else if (command !== null && order.waitMs(vm, vms, steps) <= 0) {
      const users = vms.filter(
        ({ spec }) => spec.after?.includes(name) === true || spec.requires?.includes(name) === true,
      );
      expect(users).toEqual([]);
      map.do(command);
    }
  }
}

test("a random graph starts in its order and runs as a whole, though guests end meanwhile, and stops in the inverse order", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const random = createRandom(graph.seed);
      const map = apply(graph, random);
      const crashes = { left: graph.count };
      for (let steps = 0; !vmsOf(map).every(isUp); steps++) {
        if (steps > STEPS_MAX)
          throw new Error(
            `They do not come up: ${vmsOf(map)
              .map(({ status }) => status.phase)
              .join()}`,
          );
        step(map, random, crashes);
      }
      stopAll(map, random);
    }),
    { numRuns: 150 },
  );
});
