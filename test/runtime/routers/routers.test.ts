/** Routers: each routing does what it says, over children and over groups. */
import { afterEach, expect, test } from "vitest";
import {
  consistentHash,
  groupRouter,
  joinGroup,
  poolRouter,
  resizePool,
  serviceKey,
  spawnReceptionist,
  type ActorSystem,
  type Behavior,
  type Ref,
  type ResizePool,
  type Routing,
} from "../../../runtime/index.ts";
import { createManualCluster, type ManualCluster } from "../../../runtime/testkit/index.ts";

const open: ManualCluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.close();
});

function setup(...nodes: string[]): ManualCluster {
  const cluster = createManualCluster(nodes);
  open.push(cluster);
  return cluster;
}

interface Job {
  readonly type: "job" | "crash" | "stop";
  readonly key: string;
}
const job = (key = "k"): Job => ({ type: "job", key });

/** What each routee handled, in order. */
type Handled = Map<string, Job[]>;

function routee(handled: Handled): Behavior<null, Job> {
  return {
    name: "worker",
    init: (ctx) => {
      if (!handled.has(ctx.self.path)) handled.set(ctx.self.path, []);
      return null;
    },
    receive: (state, message, ctx) => {
      if (message.type === "crash") throw new Error("as told");
      if (message.type === "stop") ctx.stop();
      handled.get(ctx.self.path)?.push(message);
      return state;
    },
  };
}

function pool(
  routing: Routing<Job>,
  size = 3,
): {
  cluster: ManualCluster;
  system: ActorSystem;
  handled: Handled;
  router: Ref<Job | ResizePool>;
  counts: () => number[];
} {
  const cluster = setup("n1");
  const system = cluster.system("n1");
  const handled: Handled = new Map();
  const router = system.spawn(poolRouter({ routee: routee(handled), size, routing }), { name: "pool" });
  const counts = (): number[] => [...handled.values()].map(({ length }) => length);
  return { cluster, system, handled, router, counts };
}

test("round-robin gives each routee its turn", () => {
  const { cluster, system, router, counts } = pool("round-robin");
  for (let i = 0; i < 9; i++) system.tell(router, job());
  cluster.world.settle();
  expect(counts()).toEqual([3, 3, 3]);
});

test("random spreads over all", () => {
  const { cluster, system, router, counts } = pool("random");
  for (let i = 0; i < 3000; i++) system.tell(router, job());
  cluster.world.settle();
  for (const count of counts()) expect(count).toBeGreaterThan(900);
});

test("broadcast hands the same object to all", () => {
  const { cluster, system, router, handled } = pool("broadcast");
  const message = job();
  system.tell(router, message);
  cluster.world.settle();
  for (const messages of handled.values()) {
    expect(messages).toHaveLength(1);
    expect(messages[0]).toBe(message);
  }
});

test("consistentHash() sends the same key to the same routee", () => {
  const { cluster, system, router, handled } = pool(consistentHash({ keyOf: ({ key }: Job) => key }));
  for (let i = 0; i < 300; i++) system.tell(router, job(`key-${i % 30}`));
  cluster.world.settle();
  const owners = [...handled.values()].map((jobs) => new Set(jobs.map(({ key }) => key)));
  expect(owners.reduce((sum, keys) => sum + keys.size, 0)).toBe(30);
  for (const keys of owners) expect(keys.size).toBeGreaterThan(0);
});

test("consistentHash() refuses a number of points out of its range", () => {
  for (const pointsEach of [0, 1.5, 1025]) {
    expect(() => consistentHash({ keyOf: String, pointsEach })).toThrow(`pointsEach is ${pointsEach}`);
  }
});

for (const size of [3, 40]) {
  test(`smallest-mailbox passes over the routees that have much to do, of ${size}`, () => {
    const { cluster, system, router, handled } = pool("smallest-mailbox", size);
    const busy = system.refAt<Job>({ node: "n1", path: "pool/routee-1" });
    // More than a turn's worth: they still wait when the router has its turn.
    for (let i = 0; i < 200; i++) system.tell(busy, job("own"));
    for (let i = 0; i < 60; i++) system.tell(router, job());
    cluster.world.settle();
    expect(handled.get("pool/routee-1")?.filter(({ key }) => key === "k")).toEqual([]);
  });
}

test("a routee of a pool that crashes is restarted, one that stops leaves, and without routees the pool stops", () => {
  const { cluster, system, router, counts } = pool("broadcast");
  system.tell(router, { type: "crash", key: "" });
  system.tell(router, job());
  cluster.world.settle();
  expect(counts()).toEqual([1, 1, 1]);
  system.tell(system.refAt<Job>({ node: "n1", path: "pool/routee-2" }), { type: "stop", key: "" });
  cluster.world.settle();
  system.tell(router, job());
  cluster.world.settle();
  expect(counts()).toEqual([2, 2, 2]);
  expect(system.deadLetters).toBe(3);
  system.tell(router, { type: "stop", key: "" });
  cluster.world.settle();
  system.tell(router, job());
  expect(system.deadLetters).toBe(4);
});

test("resizePool() adds routees, and those that are too many handle what waits before they stop", () => {
  const { cluster, system, router, counts } = pool("round-robin", 2);
  system.tell(router, resizePool(4));
  for (let i = 0; i < 400; i++) system.tell(router, job());
  system.tell(router, resizePool(1));
  for (let i = 0; i < 10; i++) system.tell(router, job());
  cluster.world.settle();
  expect(counts()).toEqual([110, 100, 100, 100]);
  expect(system.deadLetters).toBe(0);
});

test("poolRouter() and resizePool() refuse a size out of their range", () => {
  for (const size of [0, 1.5, 10_001, NaN]) {
    expect(() => resizePool(size)).toThrow(`pool of ${size}`);
    expect(() => poolRouter({ routee: routee(new Map()), size })).toThrow(`pool of ${size}`);
  }
});

const jobs = serviceKey<Job>("jobs");

function member(handled: Handled): Behavior<null, Job> {
  const behavior = routee(handled);
  return {
    ...behavior,
    init: (ctx) => {
      joinGroup(ctx, jobs, { scope: "cluster" });
      handled.set(ctx.self.toString(), []);
      return null;
    },
    receive: (state, message, ctx) => {
      handled.get(ctx.self.toString())?.push(message);
      return state;
    },
  };
}

function group(routing: Routing<Job>, preferLocal = false): ReturnType<typeof pool> {
  const cluster = setup("n1", "n2");
  const handled: Handled = new Map();
  for (const node of ["n1", "n2"]) {
    spawnReceptionist(cluster.system(node));
    for (const name of ["a", "b"]) cluster.system(node).spawn(member(handled), { name });
  }
  const system = cluster.system("n1");
  const router = system.spawn(groupRouter({ key: jobs, routing, preferLocal })) as Ref<Job | ResizePool>;
  const counts = (): number[] => [...handled.values()].map(({ length }) => length);
  return { cluster, system, handled, router, counts };
}

test("groupRouter() routes over members of all nodes, and keeps what comes before the first list", () => {
  const { cluster, system, router, counts } = group("round-robin");
  for (let i = 0; i < 2; i++) system.tell(router, job());
  cluster.world.settle();
  expect(counts().reduce((sum, count) => sum + count)).toBe(2);
  for (let i = 0; i < 8; i++) system.tell(router, job());
  cluster.world.settle();
  for (const count of counts()) expect(count).toBeGreaterThanOrEqual(2);
});

test("groupRouter() leaves out members that stopped and nodes that are lost; without members messages are dead letters", () => {
  const { cluster, system, router, handled } = group("broadcast");
  cluster.world.settle();
  cluster.cut("n1", "n2");
  system.stopActor(system.refAt({ node: "n1", path: "b" }));
  cluster.world.settle();
  system.tell(router, job());
  cluster.world.settle();
  expect([...handled].filter(([, { length }]) => length > 0).map(([ref]) => ref)).toEqual(["blixard://n1/a"]);
  system.stopActor(system.refAt({ node: "n1", path: "a" }));
  cluster.world.settle();
  const before = system.deadLetters;
  system.tell(router, job());
  cluster.world.settle();
  expect(system.deadLetters - before).toBe(1);
});

test("groupRouter() with preferLocal, and with smallest-mailbox, uses other nodes only while there is no local member", () => {
  for (const [routing, preferLocal] of [
    ["round-robin", true],
    ["smallest-mailbox", false],
  ] as const) {
    const { cluster, system, router, handled } = group(routing, preferLocal);
    cluster.world.settle();
    for (let i = 0; i < 4; i++) system.tell(router, job());
    cluster.world.settle();
    expect([...handled].map(([, { length }]) => length)).toEqual([2, 2, 0, 0]);
    for (const name of ["a", "b"]) system.stopActor(system.refAt({ node: "n1", path: name }));
    cluster.world.settle();
    for (let i = 0; i < 4; i++) system.tell(router, job());
    cluster.world.settle();
    expect([...handled].map(([, { length }]) => length)).toEqual([2, 2, 2, 2]);
    cluster.close();
  }
});

test("a router takes what its routees take, by type", () => {
  const { system, router } = pool("round-robin");
  // @ts-expect-error: not a job.
  const tellWrong = (): void => system.tell(router, "job");
  // @ts-expect-error: a number is no key.
  const wrongKey = (): unknown => consistentHash<Job>({ keyOf: () => 7 });
  expect([tellWrong, wrongKey]).toHaveLength(2);
});

test("routers refuse a routing that is none, and a routee that is no behaviour", () => {
  const wrong = "rr" as "random";
  expect(() => poolRouter({ routee: routee(new Map()), size: 1, routing: wrong })).toThrow(
    'Cannot make a pool of "worker": its routing is "rr", wanted round-robin, random, smallest-mailbox, broadcast or consistentHash(…)',
  );
  const key = serviceKey<Job>("jobs");
  expect(() => groupRouter({ key, routing: wrong })).toThrow('Cannot make a group router: its routing is "rr"');
  expect(() => groupRouter({ key, routing: {} as "random" })).toThrow("its routing is of type object");
  expect(() => groupRouter({ key, routing: consistentHash<Job>({ keyOf: (message) => message.key }) })).not.toThrow();
  expect(() => consistentHash({} as Parameters<typeof consistentHash>[0])).toThrow("keyOf is undefined");
  expect(() => poolRouter({ routee: {} as Behavior<null, Job>, size: 1 })).toThrow("Cannot make a pool: its behaviour");
});
