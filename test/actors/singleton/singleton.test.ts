/** A singleton on three nodes: one acts, messages find it, and it moves in order or when its node is lost. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { startSingleton, type Singleton, type Tenure } from "../../../actors/index.ts";
import type { Behavior, Ref, ShutdownReport } from "../../../runtime/index.ts";
import { createProbe, type Probe } from "../../../runtime/testkit/index.ts";
import { JoinedCluster } from "../coordination/joined-cluster.ts";

const NAMES = ["n1", "n2", "n3"];

type Message = { readonly type: "add"; readonly by: number; readonly replyTo: Ref<Reply> } | { readonly type: "fail" };

interface Reply {
  readonly node: string;
  readonly fence: number;
  readonly sum: number;
}

const NOT_WANTED: readonly string[] = [];

let cluster: JoinedCluster;
let doors: Map<string, Singleton<Message>>;
let probes: Map<string, Probe<Reply>>;
/** What began and ended where, in order. */
let log: string[];
let crashesWanted: readonly string[];

beforeEach(() => {
  doors = new Map();
  probes = new Map();
  log = [];
  crashesWanted = NOT_WANTED;
});

afterEach(() => {
  expect(cluster.crashes.filter((crash) => !crashesWanted.some((wanted) => crash.includes(wanted)))).toEqual([]);
  cluster.close();
});

function counter(tenure: Tenure): Behavior<number, Message> {
  return {
    name: "counter",
    init: (ctx) => {
      log.push(`begin ${ctx.node}`);
      return 0;
    },
    receive: (sum, message, ctx) => {
      if (message.type === "fail") throw new Error("counter failed");
      const next = sum + message.by;
      ctx.tell(message.replyTo, { node: ctx.node, fence: tenure.fence, sum: next });
      return next;
    },
    onSignal: (sum, signal, ctx) => {
      if (signal.type !== "post-stop") return sum;
      log.push(`end ${ctx.node} with ${sum} ${tenure.isValid(ctx.now()) ? "in time" : "late"}`);
      return sum;
    },
  };
}

function start(options: { readonly candidates?: readonly string[]; readonly bufferMax?: number } = {}): void {
  const { candidates = NAMES, bufferMax } = options;
  cluster = new JoinedCluster(NAMES, (system, world) => {
    const singleton = startSingleton<number, Message>(system, {
      name: "counter",
      candidate: candidates.includes(system.node),
      make: counter,
      supervision: { onCrash: "stop" },
      ...(bufferMax !== undefined && { bufferMax }),
    });
    doors.set(system.node, singleton);
    probes.set(system.node, createProbe<Reply>(system, world, { withinMs: 15_000 }));
  });
}

/** The node whose word the map has by now. */
function holder(): string {
  cluster.until("somebody holds the lease", () => cluster.views.get("n3")?.coordination.lease("counter") !== undefined);
  return cluster.view("n3").coordination.lease("counter")?.node ?? "";
}

function other(...not: readonly string[]): string {
  return NAMES.find((node) => !not.includes(node)) as string;
}

function tell(node: string, message: Message): void {
  cluster.system(node).tell((doors.get(node) as Singleton<Message>).ref, message);
}

function add(node: string, by = 1): void {
  tell(node, { type: "add", by, replyTo: (probes.get(node) as Probe<Reply>).ref });
}

function reply(node: string): Reply {
  return (probes.get(node) as Probe<Reply>).expectMessage();
}

test("startSingleton() on every node: one acts, and a message from any node reaches it", () => {
  start();
  // Also what was told before anybody held the lease.
  for (const node of NAMES) add(node);
  const replies = NAMES.map(reply);
  expect(new Set(replies.map(({ node }) => node)).size).toBe(1);
  expect(replies.map(({ sum }) => sum).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  cluster.world.advance(30_000);
  expect(log).toEqual([`begin ${holder()}`]);
});

test("a node that is no candidate only reaches it", () => {
  start({ candidates: ["n2"] });
  add("n1");
  expect(reply("n1")).toMatchObject({ node: "n2", sum: 1 });
  doors.get("n1")?.yieldTo("n3");
  cluster.world.advance(5000);
  expect(log).toEqual(["begin n2"]);
});

test("yieldTo() lets it handle what waits, ends it, and begins it on the node that is named", () => {
  start();
  const from = holder();
  const to = other(from);
  add(from, 5);
  expect(reply(from)).toMatchObject({ node: from, sum: 5 });
  // What is on its way meanwhile is handled by the one or by the other.
  for (let i = 0; i < 10; i++) add(from);
  doors.get(from)?.yieldTo(to);
  expect((probes.get(from) as Probe<Reply>).receiveN(10)).toHaveLength(10);
  add(from);
  const last = reply(from);
  expect(last.node).toBe(to);
  expect(log).toEqual([`begin ${from}`, `end ${from} with ${16 - last.sum} in time`, `begin ${to}`]);
});

test("yieldTo(null) gives it to any other node", () => {
  start();
  const from = holder();
  cluster.world.advance(100);
  doors.get(from)?.yieldTo(null);
  cluster.world.advance(5000);
  expect(holder()).not.toBe(from);
  expect(log).toHaveLength(3);
});

test("the node that is cut off ends it in time, and another begins it with a larger fence after that", () => {
  start();
  const from = holder();
  add(from);
  const before = reply(from);
  cluster.cutOff(from);
  const asker = other(from);
  cluster.until("another holds it", () => cluster.view(asker).coordination.lease("counter")?.node !== from);
  add(asker);
  const after = reply(asker);
  expect(after.fence).toBeGreaterThan(before.fence);
  expect(log).toEqual([`begin ${from}`, `end ${from} with 1 in time`, `begin ${after.node}`]);
  // What is told to the node that is cut off waits there until it is back.
  add(from);
  cluster.heal(from);
  expect(reply(from)).toMatchObject({ node: after.node, sum: 2 });
});

test("a crash of its node: another begins it, and messages wait for that", () => {
  start();
  const from = holder();
  cluster.world.advance(100);
  cluster.crash(from);
  const asker = other(from);
  cluster.until("it is known to be free", () => cluster.view(asker).coordination.lease("counter")?.node !== from);
  add(asker);
  expect(reply(asker)).toMatchObject({ sum: 1 });
  expect(log.filter((line) => line.startsWith("begin"))).toHaveLength(2);
});

test("a singleton that supervision gives up goes to another node", () => {
  crashesWanted = ["counter failed"];
  start();
  const from = holder();
  cluster.world.advance(100);
  tell(from, { type: "fail" });
  cluster.world.advance(3000);
  const to = holder();
  expect(to).not.toBe(from);
  expect(log.at(-1)).toBe(`begin ${to}`);
});

test("shutdown hands it over before the node's actors end", () => {
  start();
  const from = holder();
  cluster.world.advance(100);
  const asker = other(from);
  let report: ShutdownReport | undefined;
  cluster.system(from).beginShutdown((ended) => {
    report = ended;
  });
  cluster.until("the shutdown is over", () => report !== undefined);
  expect(report).toMatchObject({ isClean: true });
  // Also at once, and though the node that left may have led the log: the others have heard who holds it now.
  cluster.crash(from);
  add(asker);
  expect(reply(asker).node).not.toBe(from);
  expect(log.slice(0, 2)).toEqual([`begin ${from}`, `end ${from} with 0 in time`]);
});

test("while nobody holds the lease so many messages wait, and more become dead letters", () => {
  start({ candidates: [], bufferMax: 3 });
  for (let i = 0; i < 5; i++) add("n1");
  cluster.world.advance(1000);
  expect(cluster.system("n1").deadLetters).toBe(2);
});

test("without a link to the holder so many messages wait, and go in order when it is up", () => {
  start({ candidates: ["n2"], bufferMax: 3 });
  add("n1");
  expect(reply("n1")).toMatchObject({ sum: 1 });
  cluster.network.cut("n1", "n2");
  for (const by of [10, 100, 1000, 10_000]) add("n1", by);
  cluster.world.advance(500);
  // Three wait, the fourth is refused.
  cluster.network.heal("n1", "n2");
  add("n1", 5);
  expect([1, 2, 3, 4].map(() => reply("n1").sum)).toEqual([11, 111, 1111, 1116]);
});

test("what waits for a link goes to the next holder when there is one", () => {
  start();
  // Both ends of the cut link hear from the leader of the log.
  const leader = cluster.leader();
  const [asker, from] = NAMES.filter((node) => node !== leader) as [string, string];
  doors.get(holder())?.yieldTo(from);
  cluster.until("it is there", () => log.at(-1) === `begin ${from}`);
  cluster.world.advance(500);
  cluster.network.cut(asker, from);
  for (const by of [1, 10]) add(asker, by);
  cluster.world.advance(100);
  doors.get(from)?.yieldTo(leader);
  expect([reply(asker), reply(asker)]).toMatchObject([
    { node: leader, sum: 1 },
    { node: leader, sum: 11 },
  ]);
});

test("options that are no limits are refused at once", () => {
  cluster = new JoinedCluster(["n1"]);
  const options = { name: "counter", make: counter };
  const refused = { handOverMs: Number.NaN, bufferMax: -1 };
  for (const [what, value] of Object.entries(refused)) {
    const begin = (): unknown => startSingleton(cluster.system("n1"), { ...options, [what]: value });
    expect(begin).toThrow(`Cannot start singleton "counter": ${what} is ${value}, wanted 0 or more`);
  }
  startSingleton(cluster.system("n1"), options);
});
