/** The kernel's promises, one test a promise, on a world that moves by hand. */
import { afterEach, expect, test } from "vitest";
import {
  ActorSystem,
  stateless,
  type AnyRef,
  type AskResult,
  type Behavior,
  type InspectionEvent,
  type Ref,
  type Supervision,
} from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

const running: ActorSystem[] = [];

afterEach(() => {
  for (const system of running.splice(0)) system.stop();
});

function setup(): { world: ManualWorld; system: ActorSystem; failures: unknown[] } {
  const world = createManualWorld();
  const failures: unknown[] = [];
  const system = ActorSystem.create({ node: "n1", world, onFailure: (_, error) => failures.push(error) });
  running.push(system);
  return { world, system, failures };
}

type CounterMessage =
  | { readonly type: "add"; readonly amount: number }
  | { readonly type: "get"; readonly replyTo: Ref<number> }
  | { readonly type: "fail" };

const counter: Behavior<number, CounterMessage> = {
  name: "counter",
  init: () => 0,
  receive: (state, message, ctx) => {
    switch (message.type) {
      case "add":
        return state + message.amount;
      case "get":
        ctx.tell(message.replyTo, state);
        return state;
      case "fail":
        throw new Error("asked to fail");
      default:
        return message satisfies never;
    }
  },
};

async function read(world: ManualWorld, system: ActorSystem, ref: Ref<CounterMessage>): Promise<AskResult<number>> {
  const answer = system.ask<CounterMessage, number>(ref, (replyTo) => ({ type: "get", replyTo }), { timeoutMs: 100 });
  world.settle();
  world.advance(100);
  return await answer;
}

function collector<M>(): { behavior: Behavior<null, M>; seen: M[]; signals: string[] } {
  const seen: M[] = [];
  const signals: string[] = [];
  const behavior: Behavior<null, M> = {
    name: "collector",
    init: () => null,
    receive: (_, message) => {
      seen.push(message);
      return null;
    },
    onSignal: (_, signal) => {
      signals.push(signal.type === "terminated" ? `terminated ${signal.ref.path} ${signal.reason}` : signal.type);
      return null;
    },
  };
  return { behavior, seen, signals };
}

test("tell() handles messages in order and keeps state", async () => {
  const { world, system } = setup();
  const ref = system.spawn(counter);
  for (let i = 0; i < 1000; i++) system.tell(ref, { type: "add", amount: i });
  expect(await read(world, system, ref)).toEqual({ ok: true, answer: 499_500 });
});

test("ask() answers with a timeout when nobody replies, and a late reply is a dead letter", async () => {
  const { world, system } = setup();
  const asked: Ref<string>[] = [];
  const ref = system.spawn(stateless<Ref<string>>("silent", (replyTo) => void asked.push(replyTo)));
  const answer = system.ask<Ref<string>, string>(ref, (replyTo) => replyTo, { timeoutMs: 50 });
  world.advance(60);
  expect(await answer).toEqual({ ok: false, code: "timeout" });
  system.tell(asked[0]!, "late");
  expect(system.deadLetters).toBe(1);
});

test("a restart makes new state, keeps the mailbox and accounts for the crashing message", async () => {
  const { world, system } = setup();
  const ref = system.spawn(counter, { supervision: { onCrash: "restart" } });
  system.tell(ref, { type: "add", amount: 5 });
  system.tell(ref, { type: "fail" });
  system.tell(ref, { type: "add", amount: 2 });
  expect(await read(world, system, ref)).toEqual({ ok: true, answer: 2 });
  expect(system.deadLetters).toBe(1);
});

test("resume keeps the state", async () => {
  const { world, system } = setup();
  const ref = system.spawn(counter, { supervision: { onCrash: "resume" } });
  system.tell(ref, { type: "add", amount: 5 });
  system.tell(ref, { type: "fail" });
  expect(await read(world, system, ref)).toEqual({ ok: true, answer: 5 });
});

test("stop on crash turns waiting messages into dead letters", async () => {
  const { world, system } = setup();
  const ref = system.spawn(counter);
  system.tell(ref, { type: "fail" });
  system.tell(ref, { type: "add", amount: 1 });
  world.settle();
  expect(system.deadLetters).toBe(2);
  expect(await read(world, system, ref)).toEqual({ ok: false, code: "no-recipient" });
});

test("restarts back off exponentially and beyond the intensity the crash escalates", () => {
  const { world, system, failures } = setup();
  const supervision: Supervision = {
    onCrash: "restart",
    intensity: { restartsMax: 2, windowMs: 10_000 },
    backoff: { minMs: 100, maxMs: 1000, jitter: 0 },
  };
  const events: InspectionEvent["type"][] = [];
  system.inspection.subscribe((event) => events.push(event.type));
  const ref = system.spawn(counter, { supervision });
  system.tell(ref, { type: "fail" });
  system.tell(ref, { type: "fail" });
  world.settle();
  expect(events.filter((type) => type === "restarted")).toHaveLength(1);
  world.advance(99);
  expect(events.filter((type) => type === "restarted")).toHaveLength(1);
  world.advance(1);
  expect(events.filter((type) => type === "restarted")).toHaveLength(2);
  system.tell(ref, { type: "fail" });
  world.settle();
  expect(failures).toHaveLength(1);
});

test("escalate lets the parent's supervision decide and stops the child", () => {
  const { world, system } = setup();
  const crashes: string[] = [];
  const parent: Behavior<Ref<CounterMessage>, "fail-child"> = {
    name: "parent",
    init: (ctx) => {
      crashes.push("init");
      return ctx.spawn(counter, { name: "child", supervision: { onCrash: "escalate" } });
    },
    receive: (child, _, ctx) => {
      ctx.tell(child, { type: "fail" });
      return child;
    },
  };
  const ref = system.spawn(parent, { supervision: { onCrash: "restart" } });
  system.tell(ref, "fail-child");
  world.settle();
  expect(crashes).toEqual(["init", "init"]);
});

test("watch() gives exactly one notice, also for an actor that is gone", () => {
  const { world, system } = setup();
  const target = system.spawn(counter, { name: "target" });
  const { signals, behavior } = collector<"watch">();
  const watcher: Behavior<null, "watch"> = {
    ...behavior,
    receive: (_, __, ctx) => {
      ctx.watch(target);
      ctx.watch(target);
      return null;
    },
  };
  const ref = system.spawn(watcher, { name: "watcher" });
  system.tell(ref, "watch");
  world.settle();
  system.stopActor(target);
  world.settle();
  expect(signals).toEqual(["terminated target stopped"]);
  system.tell(ref, "watch");
  world.settle();
  expect(signals).toEqual(["terminated target stopped", "terminated target stopped"]);
});

test("a keyed timer fires once, is replaced by its key, and cancelled also while it waits in the mailbox", () => {
  const { world, system } = setup();
  const seen: string[] = [];
  const behavior: Behavior<null, string> = {
    name: "timed",
    init: (ctx) => {
      ctx.setTimer("a", 10, "replaced");
      ctx.setTimer("a", 20, "kept");
      ctx.setTimer("b", 20, "cancelled");
      return null;
    },
    receive: (_, message, ctx) => {
      seen.push(message);
      ctx.cancelTimer("b");
      return null;
    },
  };
  system.spawn(behavior);
  world.advance(100);
  expect(seen).toEqual(["kept"]);
});

test("a bounded mailbox drops by its policy and counts", () => {
  const { world, system } = setup();
  const newest = collector<number>();
  const oldest = collector<number>();
  const a = system.spawn(newest.behavior, { name: "a", mailbox: { capacity: 2, overflow: "drop-newest" } });
  const b = system.spawn(oldest.behavior, { name: "b", mailbox: { capacity: 2, overflow: "drop-oldest" } });
  for (const n of [1, 2, 3, 4]) {
    system.tell(a, n);
    system.tell(b, n);
  }
  world.settle();
  expect(newest.seen).toEqual([1, 2]);
  expect(oldest.seen).toEqual([3, 4]);
  expect(system.deadLetters).toBe(4);
});

test("stop() ends children before parents and tells both", () => {
  const { world, system } = setup();
  const ended: string[] = [];
  const child: Behavior<null, never> = {
    name: "child",
    init: () => null,
    receive: (state) => state,
    onSignal: (state, signal) => {
      if (signal.type === "post-stop") ended.push("child");
      return state;
    },
  };
  const parent: Behavior<AnyRef, "stop"> = {
    name: "parent",
    init: (ctx) => ctx.spawn(child),
    receive: (state, _, ctx) => {
      ctx.stop();
      ended.push("handler done");
      return state;
    },
    onSignal: (state, signal) => {
      if (signal.type === "post-stop") ended.push("parent");
      return state;
    },
  };
  const ref = system.spawn(parent);
  system.tell(ref, "stop");
  world.settle();
  expect(ended).toEqual(["handler done", "child", "parent"]);
});

test("a callback of an earlier life is ignored", () => {
  const { world, system } = setup();
  const callbacks: ((value: string) => void)[] = [];
  const seen: string[] = [];
  const behavior: Behavior<null, string> = {
    name: "asking",
    init: (ctx) => {
      callbacks.push(ctx.callback((value: string) => value));
      return null;
    },
    receive: (_, message) => {
      if (message === "fail") throw new Error("asked to fail");
      seen.push(message);
      return null;
    },
  };
  const ref = system.spawn(behavior, { supervision: { onCrash: "restart" } });
  system.tell(ref, "fail");
  world.settle();
  callbacks[0]!("old");
  callbacks[1]!("new");
  world.settle();
  expect(seen).toEqual(["new"]);
});

test("an anonymous actor gets the next number that is free, the same in every run", () => {
  const { system } = setup();
  system.spawn(counter, { name: "counter-2" });
  expect([1, 2].map(() => system.spawn(counter).path)).toEqual(["counter-1", "counter-3"]);
});

test("spawn() refuses a taken and a malformed name", () => {
  const { system } = setup();
  system.spawn(counter, { name: "one" });
  expect(() => system.spawn(counter, { name: "one" })).toThrow(
    'Cannot spawn "one" at the top level: the name is taken',
  );
  expect(() => system.spawn(counter, { name: "a/b" })).toThrow('Cannot spawn "a/b"');
});
