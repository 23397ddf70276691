/** Actors that hold their messages, answers that go ahead of them, graceful stops that wait for these, messages that nobody knows. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  ActorSystem,
  stateless,
  type Context,
  type InspectionEvent,
  type Ref,
  type Signal,
} from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

let world: ManualWorld;
let system: ActorSystem;
let events: InspectionEvent[];
let seen: unknown[];
/** The actor's context, to answer what it waits for. */
let inner: Context<string>;

beforeEach(() => {
  world = createManualWorld();
  system = ActorSystem.create({ node: "n1", world });
  events = [];
  seen = [];
  system.inspection.subscribe((event) => events.push(event));
});
afterEach(() => system.stop());

function spawn(receive: (message: string, ctx: Context<string>) => void = () => {}): Ref<string> {
  return system.spawn({
    name: "one",
    init: (ctx: Context<string>) => {
      inner = ctx;
      return null;
    },
    receive: (state: null, message: string, ctx) => {
      seen.push(message);
      receive(message, ctx);
      return state;
    },
    onSignal: (state, signal: Signal) => {
      seen.push(signal.type);
      return state;
    },
  });
}

function tell(ref: Ref<string>, ...messages: readonly string[]): void {
  for (const message of messages) system.tell(ref, message);
  world.settle();
}

test("hold() keeps messages, timers and answers waiting until release(), in order; signals and answers ahead come", () => {
  const other = system.spawn(stateless<string>("other", () => {}));
  const ref = spawn((message, ctx) => {
    if (message !== "hold") return;
    ctx.watch(other);
    ctx.setTimer("t", 0, "timer");
    ctx.hold();
  });
  tell(ref, "hold", "a");
  const answer = inner.callback<string>((text) => text);
  const ahead = inner.callback<string>((text) => text, { ahead: true });
  answer("answer");
  tell(ref, "b");
  world.advance(10);
  system.stopActor(other);
  ahead("ahead");
  world.settle();
  expect(seen).toEqual(["hold", "terminated", "ahead"]);
  inner.release();
  world.settle();
  expect(seen).toEqual(["hold", "terminated", "ahead", "a", "answer", "b", "timer"]);
});

test("hold() twice is once; release() without hold() is nothing", () => {
  const ref = spawn();
  inner.release();
  inner.hold();
  inner.hold();
  tell(ref, "a");
  expect(seen).toEqual([]);
  inner.release();
  world.settle();
  expect(seen).toEqual(["a"]);
});

test("an answer ahead is handled before what waits already, also without hold()", () => {
  const ref = spawn();
  const ahead = inner.callback<string>((text) => text, { ahead: true });
  system.tell(ref, "a");
  ahead("ahead");
  world.settle();
  expect(seen).toEqual(["ahead", "a"]);
});

test("a restart ends a hold, and answers of the life before it are ignored", () => {
  const parent = system.spawn({
    name: "parent",
    init: (ctx: Context<string>) => {
      const behavior = {
        name: "child",
        init: (own: Context<string>) => {
          inner = own;
          return null;
        },
        receive: (state: null, message: string, own: Context<string>) => {
          seen.push(message);
          if (message === "crash") {
            own.hold();
            throw new Error("crash");
          }
          return state;
        },
      };
      return ctx.spawn(behavior, { name: "child", supervision: { onCrash: "restart" } });
    },
    receive: (child, message: string, ctx) => {
      ctx.tell(child, message);
      return child;
    },
  });
  const ahead = inner.callback<string>((text) => text, { ahead: true });
  tell(parent, "crash", "a");
  ahead("late");
  world.settle();
  expect(seen).toEqual(["crash", "a"]);
});

test("a graceful stop waits for the answers ahead, and for those that they ask for, but not beyond its deadline", () => {
  const answers: ((text: string) => void)[] = [];
  const ask = (ctx: Context<string>): void => void answers.push(ctx.callback((text) => text, { ahead: true }));
  const stopped = (): boolean => events.some((event) => event.type === "stopped");
  const ref = spawn((message, ctx) => {
    if (message === "ask" || message === "more") ask(ctx);
    if (message === "stop") ctx.stop(undefined, { deadlineMs: 1000 });
    // What the actor does in between changes nothing: it ends.
    ctx.release();
  });
  tell(ref, "ask", "stop", "late");
  expect(stopped()).toBe(false);
  answers[0]?.("more");
  world.settle();
  expect(stopped()).toBe(false);
  answers[1]?.("last");
  world.settle();
  expect(seen).toEqual(["ask", "stop", "late", "more", "last", "post-stop"]);
  expect(stopped()).toBe(true);

  events.length = 0;
  tell(
    spawn((message, ctx) => (message === "ask" ? ask(ctx) : ctx.stop(undefined, { deadlineMs: 1000 }))),
    "ask",
    "stop",
  );
  world.advance(999);
  expect(stopped()).toBe(false);
  world.advance(1);
  expect(stopped()).toBe(true);
});

test("unhandled() makes a dead letter of the message in hand, with its sender", () => {
  const ref = spawn((message, ctx) => (message === "what" ? ctx.unhandled() : undefined));
  const sender = system.spawn(
    stateless<string>("sender", (message, ctx) => ctx.tell(ref, message)),
    { name: "sender" },
  );
  tell(sender, "known", "what");
  const letters = events.flatMap((event) => (event.type === "dead-letter" ? [event.letter] : []));
  expect(letters).toMatchObject([{ message: "what", reason: "unhandled", sender: { path: "sender" } }]);
  expect(seen).toEqual(["known", "what"]);
  expect(system.deadLetters).toBe(1);
});
