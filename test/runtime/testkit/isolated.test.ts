/** Behaviours alone: their effects as values, their asks and timers in the test's hand. */
import { expect, test } from "vitest";
import { stateless, type AskResult, type Behavior, type Ref, type Settled } from "../../../runtime/index.ts";
import { runInIsolation } from "../../../runtime/testkit/index.ts";

interface PriceRequest {
  readonly item: string;
  readonly replyTo: Ref<number>;
}

type CartMessage =
  | { readonly type: "add"; readonly item: string }
  | { readonly type: "priced"; readonly price: AskResult<number> }
  | { readonly type: "forget" };

interface CartState {
  readonly cents: number;
  readonly failures: number;
}

function cart(prices: Ref<PriceRequest>, audit: Ref<string>): Behavior<CartState, CartMessage> {
  return {
    name: "cart",
    init: (ctx) => {
      ctx.watch(prices);
      return { cents: 0, failures: 0 };
    },
    receive: (state, message, ctx) => {
      switch (message.type) {
        case "add":
          ctx.ask<PriceRequest, number>(prices, {
            make: (replyTo) => ({ item: message.item, replyTo }),
            timeoutMs: 500,
            adapt: (price) => ({ type: "priced", price }),
          });
          ctx.setTimer("forget", 60_000, { type: "forget" });
          return state;
        case "priced":
          if (!message.price.ok) return { ...state, failures: state.failures + 1 };
          ctx.tell(audit, `${message.price.answer} at ${ctx.now()}`);
          return { ...state, cents: state.cents + message.price.answer };
        case "forget":
          ctx.stop();
          return state;
        default:
          return message satisfies never;
      }
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type === "terminated") ctx.tell(audit, `prices ${signal.reason}`);
      return state;
    },
  };
}

const outside = runInIsolation({ name: "outside", init: () => null, receive: () => null });
const prices = outside.ref<PriceRequest>("prices", "n2");
const audit = outside.ref<string>("audit");

test("runInIsolation() records what init and each message do, and nothing else happens", () => {
  const isolated = runInIsolation(cart(prices, audit));
  expect(isolated.initial).toEqual([{ type: "watched", ref: prices }]);
  const effects = isolated.receive({ type: "add", item: "tea" });
  expect(effects).toMatchObject([
    { type: "asked", to: prices, message: { item: "tea" }, timeoutMs: 500 },
    { type: "timer-set", key: "forget", delayMs: 60_000, message: { type: "forget" } },
  ]);
  expect(isolated.state).toEqual({ cents: 0, failures: 0 });
});

test("an ask is answered by hand, or failed, once", () => {
  const isolated = runInIsolation(cart(prices, audit), { nowMs: 7 });
  const [first] = isolated.receive({ type: "add", item: "tea" });
  const [second] = isolated.receive({ type: "add", item: "cup" });
  expect(isolated.answer(first, 250)).toEqual([{ type: "told", to: audit, message: "250 at 7" }]);
  expect(isolated.failAsk(second, "timeout")).toEqual([]);
  expect(isolated.state).toEqual({ cents: 250, failures: 1 });
  expect(() => isolated.answer(first, 250)).toThrow('"cart" does not wait for the answer to { type: "asked"');
  expect(() => isolated.answer(undefined, 250)).toThrow('"cart" does not wait for the answer to undefined');
});

test("a timer fires by hand or as time passes, and not when another was set or it was cancelled", () => {
  const isolated = runInIsolation(cart(prices, audit));
  isolated.receive({ type: "add", item: "tea" });
  isolated.advance(30_000);
  isolated.receive({ type: "add", item: "cup" });
  expect(isolated.advance(59_999)).toEqual([]);
  expect(isolated.stopped).toBe(false);
  expect(isolated.advance(1)).toEqual([{ type: "stopped", ref: isolated.self }]);
  expect(isolated.stopped).toBe(true);
  expect(() => isolated.receive({ type: "forget" })).toThrow('"cart" has stopped; it cannot handle { type: "forget" }');
  expect(() => isolated.fireTimer("other")).toThrow('"cart" has no timer "other" set; it has none');
  const another = runInIsolation(cart(prices, audit));
  another.receive({ type: "add", item: "tea" });
  expect(another.fireTimer("forget")).toEqual([{ type: "stopped", ref: another.self }]);
});

test("signals are handed in as values", () => {
  const isolated = runInIsolation(cart(prices, audit));
  const effects = isolated.signal({ type: "terminated", ref: prices, reason: "node-down" });
  expect(effects).toEqual([{ type: "told", to: audit, message: "prices node-down" }]);
});

test("children are recorded, found by name, and do not run", () => {
  const child: Behavior<null, string> = {
    name: "child",
    init: () => {
      throw new Error("must not run");
    },
    receive: (state) => state,
  };
  const isolated = runInIsolation<null, "spawn" | "stop">({
    name: "parent",
    init: () => null,
    receive: (state, message, ctx) => {
      if (message === "spawn") ctx.tell(ctx.spawn(child), "hello");
      else ctx.stop(ctx.child("child-1"));
      return state;
    },
  });
  const spawned = isolated.receive("spawn");
  const ref = isolated.child<string>("child-1");
  expect(ref.toString()).toBe("blixard://local/parent/child-1");
  expect(spawned).toEqual([
    { type: "spawned", ref, behavior: "child", options: {} },
    { type: "told", to: ref, message: "hello" },
  ]);
  expect(isolated.receive("stop")).toEqual([{ type: "stopped", ref }]);
  expect(() => isolated.child("child-1")).toThrow('"parent" has no child "child-1"');
});

test("what a handler throws reaches the test", () => {
  const isolated = runInIsolation<null, string>({
    name: "fragile",
    init: () => null,
    receive: (_, message) => {
      throw new Error(`cannot take ${message}`);
    },
  });
  expect(() => isolated.receive("this")).toThrow("cannot take this");
});

type DoorMessage = "open" | "knock" | "close" | "opened" | "nobody" | "bell" | { readonly settled: Settled<string> };

/** Closed at first: keeps who knocks until it is open, where it hears the bell and, for a minute, nobody. */
const closed: Behavior<number, DoorMessage> = {
  name: "closed",
  init: () => 0,
  receive: (knocks, message, ctx) => {
    if (message === "knock") ctx.stash();
    else if (message === "open") {
      ctx.become(open);
      ctx.unstashAll();
    } else ctx.unhandled();
    return knocks;
  },
};

const open: Behavior<readonly string[], DoorMessage> = {
  name: "open",
  init: (ctx) => {
    ctx.setReceiveTimeout(60_000, "nobody");
    ctx.onShutdown("before-stop", () => "close");
    return [];
  },
  receive: (heard, message, ctx) => {
    if (message === "bell") {
      ctx.pipe(Promise.resolve("ding"), (settled) => ({ settled }));
      return heard;
    }
    if (message === "close") ctx.stop(ctx.self, { deadlineMs: 5 });
    return [...heard, typeof message === "object" ? (message.settled.ok ? message.settled.value : "broken") : message];
  },
};

test("become, stash and unstash happen in the step, and are recorded", () => {
  const door = runInIsolation<unknown, DoorMessage>(closed);
  expect(door.receive("bell")).toEqual([{ type: "unhandled", message: "bell" }]);
  expect(door.receive("knock")).toEqual([{ type: "stashed", message: "knock" }]);
  expect(door.stashed).toEqual(["knock"]);
  expect(door.receive("open")).toEqual([
    { type: "became", behavior: "open" },
    { type: "receive-timeout-set", delayMs: 60_000, message: "nobody" },
    { type: "shutdown-awaited", phase: "before-stop" },
    { type: "unstashed", messages: ["knock"] },
  ]);
  expect(door.behavior).toBe("open");
  expect(door.state).toEqual(["knock"]);
  expect(door.stashed).toEqual([]);
});

test("a receive timeout fires after the last message, or by hand", () => {
  const door = runInIsolation(open);
  door.advance(59_999);
  door.receive("knock");
  door.advance(59_999);
  expect(door.state).toEqual(["knock"]);
  door.advance(1);
  expect(door.state).toEqual(["knock", "nobody"]);
  door.fireReceiveTimeout();
  expect(door.state).toEqual(["knock", "nobody", "nobody"]);
});

test("a pipe is settled by hand, both ways", () => {
  const door = runInIsolation(open);
  const [first] = door.receive("bell");
  const [second] = door.receive("bell");
  expect(first?.type).toBe("piped");
  door.settle(first, { ok: true, value: "dong" });
  door.settle(second, { ok: false, error: new Error("no bell") });
  expect(door.state).toEqual(["dong", "broken"]);
  expect(() => door.settle(first, { ok: true, value: "dong" })).toThrow('"open" does not wait for { type: "piped"');
});

test("a phase of the shutdown is begun by hand, and a graceful stop keeps its deadline", () => {
  const door = runInIsolation(open);
  expect(door.shutdown("another")).toEqual([]);
  expect(door.shutdown("before-stop")).toEqual([{ type: "stopped", ref: door.self, deadlineMs: 5 }]);
});

test("a handler that throws has asked for nothing, and one that returns a promise is refused, as in an actor", () => {
  const behavior: Behavior<number, string> = {
    name: "a",
    init: () => 0,
    receive: (count, message, ctx) => {
      if (message === "fail") {
        ctx.stash();
        throw new Error("cannot");
      }
      return message === "wait" ? (Promise.resolve(count) as unknown as number) : count + 1;
    },
  };
  const isolated = runInIsolation(behavior);
  expect(() => isolated.receive("fail")).toThrow("cannot");
  expect(isolated.receive("next")).toEqual([]);
  expect(isolated.stashed).toEqual([]);
  expect(() => isolated.receive("wait")).toThrow('Behaviour "a" returned a promise from receive');
  expect(isolated.state).toBe(1);
});

test("stash() needs a message in hand, and after unstashAll() leaves that one in the stash", () => {
  const behavior: Behavior<readonly string[], string> = {
    name: "a",
    init: () => [],
    receive: (heard, message, ctx) => {
      if (message === "swap") ctx.unstashAll();
      if (message !== "one" || heard.length === 0) ctx.stash();
      return [...heard, message];
    },
    onSignal: (heard, _, ctx) => {
      ctx.stash();
      return heard;
    },
  };
  const isolated = runInIsolation(behavior);
  isolated.receive("one");
  expect(isolated.receive("swap")).toEqual([
    { type: "stashed", message: "swap" },
    { type: "unstashed", messages: ["one"] },
  ]);
  expect(isolated.state).toEqual(["one", "swap", "one"]);
  expect(isolated.stashed).toEqual(["swap"]);
  expect(() => isolated.signal({ type: "post-stop" })).toThrow(
    'Cannot stash in actor "a": it is not handling a message',
  );
});

test("a child that was stopped can be stopped again, and what an actor refuses is refused here", () => {
  const behavior: Behavior<Ref<never>, number> = {
    name: "a",
    init: (ctx) => ctx.spawn(stateless<never>("child", () => {})),
    receive: (child, delayMs, ctx) => {
      for (let i = 0; i < 2; i++) ctx.stop(child);
      ctx.setTimer("t", delayMs, 0);
      return child;
    },
  };
  const isolated = runInIsolation(behavior);
  expect(isolated.receive(5).map(({ type }) => type)).toEqual(["stopped", "timer-set"]);
  expect(() => isolated.receive(Number.NaN)).toThrow('Cannot set timer "t": NaN is no number of milliseconds');
});
