/** The inspection stream tells what happens, in the order in which it happens, and what each event follows from. */
import { expect, test } from "vitest";
import { ActorSystem, Ref, stateless, type Behavior, type Context, type InspectionEvent } from "../../runtime/index.ts";
import { createManualCluster } from "../../runtime/testkit/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";

function describe(event: InspectionEvent): string {
  switch (event.type) {
    case "spawned":
      return `spawned ${event.ref.path} (${event.behavior})`;
    case "message":
      return `message ${event.message instanceof Ref ? "a reply ref" : String(event.message)} from ${event.sender?.path ?? "outside"} to ${event.ref.path}`;
    case "timer":
      return `timer ${event.key} of ${event.ref.path}`;
    case "crashed":
      return `crashed ${event.ref.path}: ${(event.error as Error).message}: ${event.directive}`;
    case "restarted":
    case "stopped":
      return `${event.type} ${event.ref.path}`;
    case "dead-letter":
      return `dead letter ${String(event.letter.message)} to ${event.letter.to.path}: ${event.letter.reason}`;
    default:
      return event satisfies never;
  }
}

/** Each event behind the one that caused it, as `cause > event`. */
function chains(events: readonly InspectionEvent[]): string[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  expect(byId.size).toBe(events.length);
  return events.map((event) => {
    const cause = event.cause === null ? undefined : byId.get(event.cause);
    return `${cause === undefined ? String(event.cause) : describe(cause)} > ${describe(event)}`;
  });
}

test("inspection tells of spawns, messages, crashes, restarts, dead letters and ends, in order, then completes", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const told: string[] = [];
  system.inspection.subscribe({ next: (event) => told.push(describe(event)), complete: () => told.push("complete") });
  const worker = stateless<string>("worker", (message) => {
    if (message === "bad") throw new Error("cannot");
  });
  const boss = system.spawn(
    stateless<string>("boss", (message, ctx) => {
      const child =
        ctx.child<string>("worker") ?? ctx.spawn(worker, { name: "worker", supervision: { onCrash: "restart" } });
      ctx.tell(child, message);
    }),
    { name: "boss" },
  );
  for (const message of ["good", "bad"]) system.tell(boss, message);
  world.settle();
  system.stopActor(boss);
  system.tell(boss, "late");
  system.stop();
  expect(told).toEqual([
    "spawned boss (boss)",
    "message good from outside to boss",
    "spawned boss/worker (worker)",
    "message bad from outside to boss",
    "message good from boss to boss/worker",
    "message bad from boss to boss/worker",
    "dead letter bad to boss/worker: crashed",
    "crashed boss/worker: cannot: restart",
    "restarted boss/worker",
    "stopped boss/worker",
    "stopped boss",
    "dead letter late to boss: no-recipient",
    "complete",
  ]);
});

type Step = "start" | "late" | "answered";

const replier = stateless<Ref<string>>("replier", (replyTo, ctx) => ctx.tell(replyTo, "yes"));

/** On `start`, sets a timer and asks; on the timer's message it crashes. */
function chained(whom: (ctx: Context<Step>) => Ref<Ref<string>>): Behavior<null, Step> {
  return {
    name: "chained",
    init: () => null,
    receive: (state, message, ctx) => {
      if (message === "start") {
        ctx.setTimer("later", 10, "late");
        ctx.ask<Ref<string>, string>(whom(ctx), { make: (replyTo) => replyTo, timeoutMs: 5, adapt: () => "answered" });
      }
      if (message === "late") throw new Error("too late");
      return state;
    },
  };
}

test("an event names the event that it follows from, through spawns, asks, timers, crashes and restarts", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const events: InspectionEvent[] = [];
  system.inspect().subscribe((event) => events.push(event));
  const behavior = chained((ctx) => ctx.spawn(replier, { name: "replier" }));
  system.tell(system.spawn(behavior, { name: "a", supervision: { onCrash: "restart" } }), "start");
  world.advance(10);
  const start = "message start from outside to a";
  const late = "message late from outside to a";
  expect(chains(events)).toEqual([
    "null > spawned a (chained)",
    `null > ${start}`,
    `${start} > spawned a/replier (replier)`,
    `${start} > message a reply ref from a to a/replier`,
    "message a reply ref from a to a/replier > message answered from outside to a",
    `${start} > timer later of a`,
    `timer later of a > ${late}`,
    `${late} > dead letter late to a: crashed`,
    `${late} > crashed a: too late: restart`,
    `${late} > stopped a/replier`,
    "crashed a: too late: restart > restarted a",
  ]);
  system.stop();
});

test("an event names its cause on another node, there and back", () => {
  const cluster = createManualCluster(["n1", "n2"]);
  const events: InspectionEvent[] = [];
  const [one, two] = [cluster.system("n1"), cluster.system("n2")];
  for (const system of [one, two]) system.inspect().subscribe((event) => events.push(event));
  two.spawn(replier, { name: "replier" });
  const asking = chained((ctx) => ctx.refAt({ node: "n2", path: "replier" }));
  one.tell(one.spawn(asking, { name: "a" }), "start");
  cluster.world.settle();
  expect(chains(events).slice(2)).toEqual([
    "null > message start from outside to a",
    expect.stringMatching(/^message start from outside to a > message a reply ref from \$ask\/.* to replier$/),
    expect.stringMatching(/^message a reply ref from .* to replier > message answered from outside to a$/),
  ]);
  cluster.close();
});

test("inspect() tells the share of the messages that was asked for, and every other event", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const seen = { all: 0, some: 0, none: [] as string[] };
  system.inspect().subscribe(({ type }) => (seen.all += type === "message" ? 1 : 0));
  system.inspect({ messageRate: 0.25 }).subscribe(({ type }) => (seen.some += type === "message" ? 1 : 0));
  system.inspect({ messageRate: 0 }).subscribe(({ type }) => seen.none.push(type));
  const ref = system.spawn(stateless<number>("sink", () => {}));
  for (let i = 0; i < 100; i++) system.tell(ref, i);
  world.settle();
  expect(seen).toEqual({ all: 100, some: 25, none: ["spawned"] });
  expect(() => system.inspect({ messageRate: 1.5 })).toThrow("the rate is a number from 0 to 1");
  system.stop();
});

test("a subscription that begins or ends while messages wait disturbs none of them", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const handled: number[] = [];
  const told: InspectionEvent[] = [];
  const ref = system.spawn(stateless<number>("sink", (value) => void handled.push(value)));
  system.tell(ref, 1);
  const subscription = system.inspect().subscribe((event) => told.push(event));
  system.tell(ref, 2);
  world.settle();
  system.tell(ref, 3);
  subscription.unsubscribe();
  world.settle();
  expect(handled).toEqual([1, 2, 3]);
  expect(told.map((event) => (event.type === "message" ? event.message : event.type))).toEqual([1, 2]);
  system.stop();
});

test("tree() shows every living actor, what it is, and what waits for it", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  const leaf = stateless<string>("leaf", () => {
    throw new Error("cannot");
  });
  const parent: Behavior<null, never> = {
    name: "parent",
    init: (ctx) => {
      ctx.spawn(leaf, { name: "one", supervision: { onCrash: "restart" }, mailbox: { capacity: 2 } });
      return null;
    },
    receive: (state) => state,
  };
  const ref = system.spawn(parent, { name: "top" });
  const one = system.refAt<string>({ node: "n1", path: "top/one" });
  system.tell(one, "crash");
  world.settle();
  for (const message of ["a", "b", "c"]) system.tell(one, message);
  expect(system.tree()).toEqual([
    {
      name: "top",
      ref,
      behavior: "parent",
      phase: "running",
      restarts: 0,
      mailbox: { depth: 0, highWater: 0, dropped: 0 },
      children: [
        {
          name: "one",
          ref: expect.objectContaining({ node: "n1" }) as unknown,
          behavior: "leaf",
          phase: "running",
          restarts: 1,
          mailbox: { depth: 2, highWater: 2, dropped: 1 },
          children: [],
        },
      ],
    },
  ]);
  expect([system.deadLetters, system.deadLettersBy("crashed"), system.deadLettersBy("mailbox-full")]).toEqual([
    2, 1, 1,
  ]);
  system.stop();
  expect(system.tree()).toEqual([]);
});
