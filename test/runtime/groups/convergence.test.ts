/** Groups over a network that loses messages and links: when it has healed, every node knows exactly who is there. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createRandom,
  joinGroup,
  leaveGroup,
  serviceKey,
  spawnReceptionist,
  watchGroup,
  type Behavior,
} from "../../../runtime/index.ts";
import { createManualCluster } from "../../../runtime/testkit/index.ts";

const NODES = ["n1", "n2", "n3", "n4"] as const;
type Node = (typeof NODES)[number];
const KEYS = ["a", "b"].map((id) => serviceKey<string>(id));

type Step =
  | { readonly type: "spawn" | "stop" | "leave" | "crash" | "restart"; readonly node: Node; readonly pick: number }
  | { readonly type: "cut" | "heal"; readonly node: Node; readonly pick: number }
  | { readonly type: "advance"; readonly ms: number };

const node = fc.constantFrom(...NODES);
const pick = fc.nat(50);
const of = <const Type extends string>(...types: Type[]): fc.Arbitrary<{ type: Type; node: Node; pick: number }> =>
  fc.record({ type: fc.constantFrom(...types), node, pick });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: of("spawn", "stop", "leave") },
    { weight: 2, arbitrary: of("cut", "heal") },
    { weight: 1, arbitrary: of("crash", "restart") },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 30 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 8000 }) }),
    },
  ),
  { maxLength: 40, size: "max" },
);

function member(index: number): Behavior<null, string> {
  const key = KEYS[index % KEYS.length]!;
  return {
    name: "member",
    init: (ctx) => {
      joinGroup(ctx, key, { scope: "cluster" });
      return null;
    },
    receive: (state, _message, ctx) => {
      leaveGroup(ctx, key);
      return state;
    },
  };
}

function watcher(key: (typeof KEYS)[number], seen: Map<string, readonly string[]>): Behavior<null, readonly string[]> {
  return {
    name: `watcher-${key.id}`,
    init: (ctx) => {
      watchGroup(ctx, key, (members) => members.map(String));
      return null;
    },
    receive: (state, members, ctx) => {
      seen.set(`${ctx.node} ${key.id}`, members);
      return state;
    },
  };
}

/** What each node sees when everything has healed, and what there is. */
function run(
  schedule: readonly Step[],
  seed: number,
): { seen: Map<string, readonly string[]>; truth: Map<string, string[]> } {
  const random = createRandom(seed);
  let loss = 0.3;
  const cluster = createManualCluster(NODES, {
    seed,
    delayMs: 3,
    lose: ({ to }) => to.path === "receptionist" && random.next() < loss,
  });
  const seen = new Map<string, readonly string[]>();
  /** Who is in a group, by address. */
  const members = new Map<string, string>();
  const running = new Set<Node>();
  let spawned = 0;
  const start = (name: Node): void => {
    running.add(name);
    const system = cluster.system(name);
    spawnReceptionist(system);
    for (const key of KEYS) system.spawn(watcher(key, seen));
  };
  const choose = (name: Node, at: number): string | undefined => {
    const here = [...members.keys()].filter((path) => path.startsWith(`blixard://${name}/`));
    return here[at % Math.max(1, here.length)];
  };
  const apply = (step: Exclude<Step, { readonly type: "advance" }>): void => {
    const { type, node: name, pick: at } = step;
    if (type === "restart") {
      if (running.has(name)) return;
      cluster.restart(name);
      start(name);
      return;
    }
    if (!running.has(name)) return;
    const system = cluster.system(name);
    const chosen = choose(name, at);
    const ref = system.refAt<string>({ node: name, path: chosen?.split("/").at(-1) ?? "nobody" });
    const other = NODES[at % NODES.length] as Node;
    if (type === "spawn") {
      const index = spawned++;
      members.set(String(system.spawn(member(index), { name: `m${index}` })), KEYS[index % KEYS.length]!.id);
    } else if (type === "stop" || type === "leave") {
      if (type === "stop") system.stopActor(ref);
      else system.tell(ref, "leave");
      if (chosen !== undefined) members.delete(chosen);
    } else if (type === "crash") {
      cluster.crash(name);
      running.delete(name);
      for (const path of members.keys()) if (path.startsWith(`blixard://${name}/`)) members.delete(path);
    } else if (other !== name && running.has(other)) cluster[type](name, other);
  };
  try {
    for (const name of NODES) start(name);
    for (const step of schedule) {
      if (step.type === "advance") cluster.world.advance(step.ms);
      else apply(step);
    }
    loss = 0;
    for (const name of NODES) apply({ type: "restart", node: name, pick: 0 });
    for (const [at, name] of NODES.entries()) for (const other of NODES.slice(at + 1)) cluster.heal(name, other);
    cluster.world.advance(20_000);
  } finally {
    cluster.close();
  }
  const truth = new Map(KEYS.map(({ id }) => [id, [...members].filter(([, key]) => key === id).map(([path]) => path)]));
  return { seen, truth };
}

test("every node knows the same members, and they are those that are there", () => {
  let met = 0;
  fc.assert(
    fc.property(steps, fc.nat(1e9), (schedule, seed) => {
      const { seen, truth } = run(schedule, seed);
      for (const [id, members] of truth) {
        met += members.length;
        for (const name of NODES) expect(seen.get(`${name} ${id}`)?.toSorted()).toEqual(members.toSorted());
        // Sorted alike everywhere.
        for (const name of NODES) expect(seen.get(`${name} ${id}`)).toEqual(seen.get(`n1 ${id}`));
      }
    }),
    { numRuns: 200 },
  );
  expect(met).toBeGreaterThan(200);
}, 60_000);
