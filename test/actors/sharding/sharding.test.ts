/** Entities over three nodes: one of each, found from anywhere, moved and passivated without losing a message. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { startShardRegion, type Entity, type ShardRecord, type ShardRegionOptions } from "../../../actors/index.ts";
import type { Behavior, Ref, ShutdownReport } from "../../../runtime/index.ts";
import { createProbe, type Probe } from "../../../runtime/testkit/index.ts";
import { JoinedCluster } from "../coordination/joined-cluster.ts";

const NAMES = ["n1", "n2", "n3"];
const SHARDS = 6;

interface Message {
  readonly id: string;
  readonly number: number;
  readonly replyTo: Ref<Reply>;
  readonly act?: "passivate" | "stop" | "fail";
}

interface Reply {
  readonly node: string;
  readonly id: string;
  readonly number: number;
  readonly fence: number;
}

let cluster: JoinedCluster;
let doors: Map<string, Ref<Message>>;
let probes: Map<string, Probe<Reply>>;
/** Living copies by id: the nodes they are on. */
let living: Map<string, string[]>;
let begun: number;
let crashesWanted: boolean;

beforeEach(() => {
  doors = new Map();
  probes = new Map();
  living = new Map();
  begun = 0;
  crashesWanted = false;
});

afterEach(() => {
  if (!crashesWanted) expect(cluster.crashes).toEqual([]);
  cluster.close();
});

function entity({ id, tenure, passivate }: Entity): Behavior<null, Message> {
  return {
    name: "entity",
    init: (ctx) => {
      begun += 1;
      const copies = living.get(id) ?? [];
      expect(copies, `a second copy of ${id}`).toEqual([]);
      living.set(id, [...copies, ctx.node]);
      return null;
    },
    receive: (state, { number, replyTo, act }, ctx) => {
      if (act === "fail") throw new Error("entity failed");
      if (act === "passivate") passivate();
      if (act === "stop") ctx.stop();
      ctx.tell(replyTo, { node: ctx.node, id, number, fence: tenure.fence });
      return state;
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type === "post-stop" || signal.type === "pre-restart") {
        living.set(
          id,
          (living.get(id) ?? []).filter((node) => node !== ctx.node),
        );
      }
      return state;
    },
  };
}

function start(
  names: readonly string[] = NAMES,
  options: Partial<ShardRegionOptions<null, Message>> & { readonly from?: (node: string) => boolean } = {},
): void {
  cluster = new JoinedCluster(names, (system, world) => {
    probes.set(system.node, createProbe<Reply>(system, world, { withinMs: 15_000 }));
    if (options.from?.(system.node) !== false) region(system.node, system, options);
  });
}

function region(
  node: string,
  system = cluster.system(node),
  options: Partial<ShardRegionOptions<null, Message>> = {},
): void {
  const door = startShardRegion<null, Message>(system, {
    type: "carts",
    shards: SHARDS,
    entityOf: ({ id }) => id,
    make: entity,
    ...options,
  });
  doors.set(node, door);
}

function shards(node = "n3"): readonly ShardRecord[] {
  return cluster.views.get(node)?.coordination.shardsOf("carts") ?? [];
}

/** How many shards are at home on each of these nodes. */
function counts(...nodes: readonly string[]): readonly number[] {
  return nodes.map((node) => shards(nodes[0]).filter(({ home }) => home?.node === node).length);
}

function settled(...nodes: readonly string[]): void {
  cluster.until(`shards are shared by ${nodes.join(", ")}`, () => {
    const has = counts(...nodes);
    const all = has.reduce((sum, count) => sum + count, 0) === SHARDS;
    return all && Math.max(...has) - Math.min(...has) <= 1 && shards(nodes[0]).every(({ handingOff }) => !handingOff);
  });
}

let numbers = 0;

function tell(node: string, id: string, act?: Message["act"]): number {
  const number = ++numbers;
  const replyTo = (probes.get(node) as Probe<Reply>).ref;
  cluster.system(node).tell(doors.get(node) as Ref<Message>, { id, number, replyTo, ...(act && { act }) });
  return number;
}

function reply(node: string): Reply {
  return (probes.get(node) as Probe<Reply>).expectMessage();
}

const IDS = Array.from({ length: 20 }, (_, at) => `cart-${at}`);

test("startShardRegion() on every node: shards are shared, and each entity is one actor wherever it is told from", () => {
  start();
  settled(...NAMES);
  expect(counts(...NAMES)).toEqual([2, 2, 2]);
  const homes = new Map<string, Set<string>>();
  for (const id of IDS) {
    for (const node of NAMES) {
      tell(node, id);
      const found = reply(node);
      homes.set(id, (homes.get(id) ?? new Set()).add(found.node));
    }
  }
  expect([...homes.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...homes.values()].flatMap((nodes) => [...nodes])).size).toBe(3);
  expect(begun).toBe(IDS.length);
});

test("without a link to its home messages of an entity wait, so many, and go in order when it is up", () => {
  start(NAMES, { bufferMax: 10 });
  settled(...NAMES);
  const id = IDS.find((one) => {
    tell("n1", one);
    return reply("n1").node === "n2";
  }) as string;
  cluster.network.cut("n1", "n2");
  const told = Array.from({ length: 12 }, () => tell("n1", id));
  cluster.world.advance(500);
  // Ten wait, two are refused.
  cluster.network.heal("n1", "n2");
  const last = tell("n1", id);
  expect(Array.from({ length: 11 }, () => reply("n1").number)).toEqual([...told.slice(0, 10), last]);
});

test("an id that cannot name an actor, and an empty one, make dead letters", () => {
  start();
  settled(...NAMES);
  for (const id of ["", "x".repeat(200)]) tell("n1", id);
  cluster.world.settle();
  expect(cluster.system("n1").deadLetters).toBe(2);
});

test("a node that joins gets its share, and no message is lost or out of order while shards move to it", () => {
  start(NAMES, { from: (node) => node !== "n3" });
  settled("n1", "n2");
  const told = new Map<string, number[]>();
  const talk = (): void => {
    for (const node of ["n1", "n2"]) {
      for (const id of IDS) told.set(`${node} ${id}`, [...(told.get(`${node} ${id}`) ?? []), tell(node, id)]);
    }
  };
  talk();
  region("n3");
  for (let round = 0; round < 300; round++) {
    talk();
    cluster.world.advance(10);
  }
  settled(...NAMES);
  cluster.world.advance(1000);
  const heard = new Map<string, number[]>();
  const nodes = new Set<string>();
  for (const node of ["n1", "n2"]) {
    for (const { id, number, node: at } of (probes.get(node) as Probe<Reply>).receiveN(301 * IDS.length)) {
      nodes.add(at);
      heard.set(`${node} ${id}`, [...(heard.get(`${node} ${id}`) ?? []), number]);
    }
  }
  expect(nodes.has("n3")).toBe(true);
  expect(heard).toEqual(told);
});

test("passivation after idle time loses nothing that comes meanwhile", () => {
  start(["n1"], { passivateAfterMs: 1000 });
  settled("n1");
  tell("n1", "a");
  reply("n1");
  cluster.until("it is passivated", () => living.get("a")?.length === 0, 3000);
  const told = [tell("n1", "a"), tell("n1", "a")];
  expect([reply("n1").number, reply("n1").number]).toEqual(told);
  expect(begun).toBe(2);
});

test("an entity that asks to be passivated handles what waits, and what comes later makes it again", () => {
  start(["n1"]);
  settled("n1");
  const told = [tell("n1", "a", "passivate"), ...Array.from({ length: 20 }, () => tell("n1", "a"))];
  cluster.world.settle();
  told.push(tell("n1", "a"));
  const heard = told.map(() => reply("n1").number);
  expect(heard).toEqual(told);
  expect(begun).toBeGreaterThanOrEqual(2);
});

test("an entity that crashes is restarted by its supervision, one that stops is made again by the next message", () => {
  crashesWanted = true;
  start(["n1"]);
  settled("n1");
  tell("n1", "a", "fail");
  const after = tell("n1", "a");
  expect(reply("n1").number).toBe(after);
  tell("n1", "a", "stop");
  reply("n1");
  cluster.world.settle();
  const again = tell("n1", "a");
  expect(reply("n1").number).toBe(again);
  expect(begun).toBe(3);
});

test("what make, entityOf or shardOf throws costs one message or one entity, and no other", () => {
  crashesWanted = true;
  const failing: Partial<ShardRegionOptions<null, Message>> = {
    entityOf: ({ id }) => {
      if (id === "no-id") throw new Error("entityOf failed");
      return id;
    },
    shardOf: (id) => (id === "far" ? 99 : 0),
    make: (made) => {
      if (made.id === "bad") throw new Error("make failed");
      return entity(made);
    },
  };
  start(["n1"], failing);
  settled("n1");
  tell("n1", "a");
  reply("n1");
  for (const id of ["no-id", "far", "bad"]) tell("n1", id);
  const last = tell("n1", "a");
  expect(reply("n1").number).toBe(last);
  expect(begun).toBe(1);
  const crashes = cluster.crashes.join("\n");
  for (const why of ["entityOf failed", 'entity "far": shard 99 is none of 6', "make failed"])
    expect(crashes).toContain(why);
});

test("a message without an entity is a dead letter, and the front crashes at none", () => {
  start(["n1"], { entityOf: ({ id }) => (id === "none" ? (undefined as unknown as string) : id) });
  settled("n1");
  const refused: string[] = [];
  cluster.system("n1").inspection.subscribe((event) => {
    if (event.type === "dead-letter") refused.push(event.letter.to.path);
  });
  tell("n1", "none");
  const last = tell("n1", "a");
  expect(reply("n1").number).toBe(last);
  expect(refused).toHaveLength(1);
  expect(refused[0]).toMatch(/\/no-entity$/);
});

test("what make gives that is no behaviour, or waits, costs one entity, by its name", () => {
  crashesWanted = true;
  const asks = { ...entity({} as Entity), init: () => null, receive: async () => null };
  start(["n1"], { make: ({ id }) => (id === "none" ? {} : asks) as unknown as Behavior<null, Message> });
  settled("n1");
  for (const id of ["none", "waits"]) tell("n1", id);
  cluster.world.settle();
  const crashes = cluster.crashes.join("\n");
  expect(crashes).toContain('Cannot begin as "carts": its behaviour\'s name is undefined');
  expect(crashes).toContain('Behaviour "carts" returned a promise from receive');
});

test("a node that is cut off ends its entities before they begin elsewhere", () => {
  start();
  settled(...NAMES);
  for (const id of IDS) tell("n1", id);
  const before = new Map(IDS.map(() => reply("n1")).map((found) => [found.id, found]));
  cluster.cutOff("n3");
  settled("n1", "n2");
  // `entity` itself expects that no copy lives when one begins.
  for (const id of IDS) tell("n1", id);
  for (const found of IDS.map(() => reply("n1"))) {
    expect(found.node).not.toBe("n3");
    const was = before.get(found.id);
    if (was?.node === "n3") expect(found.fence).toBeGreaterThan(was.fence);
    else expect(found).toMatchObject({ node: was?.node, fence: was?.fence });
  }
});

test("shutdown gives shards away one by one, with all that waits", () => {
  start();
  settled(...NAMES);
  for (const id of IDS) tell("n1", id);
  for (const _ of IDS) reply("n1");
  let report: ShutdownReport | undefined;
  cluster.system("n2").beginShutdown((ended) => {
    report = ended;
  });
  const told: number[] = [];
  while (report === undefined && told.length < 50_000) {
    for (const id of IDS) told.push(tell("n1", id));
    cluster.world.advance(10);
  }
  expect(report).toMatchObject({ isClean: true });
  settled("n1", "n3");
  const heard = (probes.get("n1") as Probe<Reply>).receiveN(told.length);
  expect(heard.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(told);
});

test("remembered entities begin by themselves where their shard goes; passivated ones are forgotten", () => {
  start(NAMES, { remember: true });
  settled(...NAMES);
  for (const id of IDS) tell("n1", id);
  const homes = new Map(IDS.map(() => reply("n1")).map(({ id, node }) => [id, node]));
  const gone = IDS.find((id) => homes.get(id) === "n3") as string;
  tell("n1", gone, "stop");
  reply("n1");
  cluster.world.advance(1000);
  expect(cluster.view("n1").coordination.count("entity")).toBe(IDS.length - 1);
  cluster.crash("n3");
  for (const id of IDS) if (homes.get(id) === "n3") living.set(id, []);
  settled("n1", "n2");
  cluster.world.advance(1000);
  const alive = IDS.filter((id) => (living.get(id) ?? []).length === 1);
  expect(alive).toEqual(IDS.filter((id) => id !== gone));
});

test("a node that does not host sends to entities elsewhere", () => {
  cluster = new JoinedCluster(NAMES, (system, world) => {
    probes.set(system.node, createProbe<Reply>(system, world, { withinMs: 15_000 }));
    region(system.node, system, { hosts: system.node !== "n1" });
  });
  settled("n2", "n3");
  tell("n1", "a");
  expect(reply("n1").node).not.toBe("n1");
});

test("a node that says another number of shards fails with what the cluster says", () => {
  crashesWanted = true;
  start(["n1", "n2"], { from: (node) => node === "n1" });
  settled("n1");
  region("n2", cluster.system("n2"), { shards: SHARDS + 1 });
  cluster.world.advance(2000);
  expect(cluster.crashes[0]).toContain(`they are ${SHARDS} in this cluster, and node "n2" says ${SHARDS + 1}`);
});

test("so many messages wait for a shard without a home, and more become dead letters", () => {
  start(["n1"], { hosts: false, bufferMax: 3 });
  cluster.world.advance(2000);
  for (let i = 0; i < 5; i++) tell("n1", "a");
  cluster.world.settle();
  expect(cluster.system("n1").deadLetters).toBe(2);
});

test("options that are no limits are refused at once, and nothing is started", () => {
  start(["n1"], { from: () => false });
  const refused = (options: Partial<ShardRegionOptions<null, Message>>): (() => void) => {
    return () => region("n1", cluster.system("n1"), options);
  };
  expect(refused({ shards: 0 })).toThrow(
    'Cannot start shards "carts": shards is 0, wanted a whole number from 1 to 1024',
  );
  expect(refused({ shards: 1.5 })).toThrow(RangeError);
  expect(refused({ shards: 1025 })).toThrow(RangeError);
  expect(refused({ passivateAfterMs: 0 })).toThrow("passivateAfterMs is 0, wanted more than 0");
  expect(refused({ passivateAfterMs: Number.NaN })).toThrow(RangeError);
  expect(refused({ handOffMs: -1 })).toThrow("handOffMs is -1, wanted 0 or more");
  expect(refused({ bufferMax: Number.NaN })).toThrow("bufferMax is NaN");
  region("n1");
  settled("n1");
});
