/** What one actor may rely on when things go wrong around it: crashes outside of a turn, in a start, with a full mailbox. */
import { afterEach, expect, test } from "vitest";
import { ActorSystem, stateless, type Behavior, type Ref } from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

const running: ActorSystem[] = [];
afterEach(() => {
  for (const system of running.splice(0)) system.stop();
});

interface Bench {
  readonly world: ManualWorld;
  readonly system: ActorSystem;
  /** One line a crash: path, message, directive. */
  readonly crashes: string[];
}

function setup(): Bench {
  const world = createManualWorld();
  const crashes: string[] = [];
  const system = ActorSystem.create({
    node: "n1",
    world,
    onCrash: ({ ref, error, directive }) => crashes.push(`${ref.path}: ${(error as Error).message}: ${directive}`),
  });
  running.push(system);
  return { world, system, crashes };
}

const RESTART = { onCrash: "restart" } as const;

test("what throws in the adapt of an ask crashes the asker, not who answers", () => {
  const { world, system, crashes } = setup();
  const answering = system.spawn(
    stateless<Ref<string>>("answering", (replyTo, ctx) => ctx.tell(replyTo, "answer")),
    { name: "answering" },
  );
  const asking: Behavior<null, string> = {
    name: "asking",
    init: (ctx) => {
      ctx.ask<Ref<string>, string>(answering, {
        make: (replyTo) => replyTo,
        timeoutMs: 10,
        adapt: () => {
          throw new Error("cannot adapt");
        },
      });
      return null;
    },
    receive: (state) => state,
  };
  system.spawn(asking, { name: "asking" });
  world.settle();
  expect(crashes).toEqual(["asking: cannot adapt: stop"]);
});

test("what throws in the adapt of a callback does not reach the port that calls back", () => {
  const { world, system, crashes } = setup();
  const letters: unknown[] = [];
  system.inspection.subscribe((event) => {
    if (event.type === "dead-letter") letters.push([event.letter.message, event.letter.reason]);
  });
  let answer: (value: string) => void = () => {};
  const calling: Behavior<null, string> = {
    name: "calling",
    init: (ctx) => {
      answer = ctx.callback<string>(() => {
        throw new Error("cannot adapt");
      });
      return null;
    },
    receive: (state) => state,
  };
  system.spawn(calling, { name: "calling" });
  expect(() => answer("value")).not.toThrow();
  world.settle();
  expect(crashes).toEqual(["calling: cannot adapt: stop"]);
  // The answer is accounted for, as every message that a crash costs.
  expect(letters).toEqual([["value", "crashed"]]);
});

test("a callback's answer that waits while its actor restarts is of an earlier life, so it is not handled", () => {
  const { world, system } = setup();
  const seen: string[] = [];
  const answers: ((value: string) => void)[] = [];
  const behavior: Behavior<null, string> = {
    name: "calling",
    init: (ctx) => {
      answers.push(ctx.callback((value: string) => value));
      return null;
    },
    receive: (_, message) => {
      if (message === "fail") throw new Error("asked to fail");
      seen.push(message);
      return null;
    },
  };
  const ref = system.spawn(behavior, { supervision: RESTART });
  system.tell(ref, "fail");
  answers[0]!("old");
  system.tell(ref, "kept");
  world.settle();
  expect(seen).toEqual(["kept"]);
});

test("a full mailbox still takes what its actor has asked for: answers and timers", () => {
  for (const overflow of ["drop-newest", "drop-oldest"] as const) {
    const { world, system } = setup();
    const seen: string[] = [];
    let answer: (value: string) => void = () => {};
    const behavior: Behavior<null, string> = {
      name: "busy",
      init: (ctx) => {
        ctx.setTimer("due", 10, "timer");
        answer = ctx.callback((value: string) => value);
        return null;
      },
      receive: (_, message) => {
        seen.push(message);
        return null;
      },
    };
    const ref = system.spawn(behavior, { mailbox: { capacity: 1, overflow } });
    answer("first answer");
    system.tell(ref, "a");
    answer("second answer");
    system.tell(ref, "b");
    world.advance(10);
    const kept = overflow === "drop-newest" ? ["a", "second answer"] : ["second answer", "b"];
    expect(seen).toEqual(["first answer", ...kept, "timer"]);
    expect(system.deadLetters).toBe(1);
    system.stop();
  }
});

test("a child that crashes in its start and escalates lets the parent's handler end, then restarts it, once", () => {
  const { world, system, crashes } = setup();
  const events: string[] = [];
  let lives = 0;
  const child = (fails: boolean): Behavior<null, never> => ({
    name: "child",
    init: () => {
      if (fails) throw new Error("no start");
      return null;
    },
    receive: (state) => state,
  });
  const parent: Behavior<number, "go"> = {
    name: "parent",
    init: (ctx) => {
      const life = lives++;
      events.push(`init ${life}`);
      ctx.spawn(child(life === 0), { name: "child", supervision: { onCrash: "escalate" } });
      events.push(`init ${life} done`);
      return life;
    },
    receive: (life) => {
      events.push(`handled in life ${life}`);
      return life;
    },
  };
  const ref = system.spawn(parent, { name: "parent", supervision: RESTART });
  system.tell(ref, "go");
  world.settle();
  expect(events).toEqual(["init 0", "init 0 done", "init 1", "init 1 done", "handled in life 1"]);
  expect(crashes).toEqual(["parent/child: no start: escalate", "parent: no start: restart"]);
});

test("a start that crashes is restarted without a signal, since there is no state to give it", () => {
  const { world, system } = setup();
  const signals: unknown[] = [];
  let starts = 0;
  const behavior: Behavior<string, never> = {
    name: "late",
    init: () => {
      if (starts++ === 0) throw new Error("too early");
      return "state";
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      signals.push([state, signal.type]);
      return state;
    },
  };
  const ref = system.spawn(behavior, { supervision: RESTART });
  world.settle();
  system.stopActor(ref);
  expect([starts, signals]).toEqual([2, [["state", "post-stop"]]]);
});

test("resume keeps an actor whose state is undefined", () => {
  const { world, system } = setup();
  const seen: string[] = [];
  const behavior: Behavior<undefined, string> = {
    name: "stateless",
    init: () => undefined,
    receive: (_, message) => {
      if (message === "fail") throw new Error("asked to fail");
      seen.push(message);
      return undefined;
    },
  };
  const ref = system.spawn(behavior, { supervision: { onCrash: "resume" } });
  for (const message of ["fail", "after"]) system.tell(ref, message);
  world.settle();
  expect(seen).toEqual(["after"]);
});

test("an actor that ends cannot spawn, so nothing outlives it", () => {
  const { world, system, crashes } = setup();
  const child = stateless<never>("child", () => {});
  const behavior: Behavior<null, "fail"> = {
    name: "parent",
    init: () => null,
    receive: () => {
      throw new Error("asked to fail");
    },
    onSignal: (state, signal, ctx) => {
      if (signal.type !== "terminated") ctx.spawn(child, { name: `after-${signal.type}` });
      return state;
    },
  };
  const ref = system.spawn(behavior, { name: "parent", supervision: RESTART });
  system.tell(ref, "fail");
  world.settle();
  system.stopActor(ref);
  const refused = (name: string): string => `parent: Cannot spawn "${name}": "parent" is ending: stop`;
  expect(crashes).toEqual(["parent: asked to fail: restart", refused("after-pre-restart"), refused("after-post-stop")]);
});

test("a signal is handled ahead of every message that waits", () => {
  const { world, system } = setup();
  const seen: string[] = [];
  const target = system.spawn(
    stateless<never>("target", () => {}),
    { name: "target" },
  );
  const behavior: Behavior<null, string> = {
    name: "watcher",
    init: (ctx) => {
      ctx.watch(target);
      return null;
    },
    receive: (_, message) => {
      seen.push(message);
      return null;
    },
    onSignal: (_, signal) => {
      seen.push(signal.type);
      return null;
    },
  };
  const ref = system.spawn(behavior);
  for (const message of ["a", "b"]) system.tell(ref, message);
  system.stopActor(target);
  world.settle();
  expect(seen.slice(0, 3)).toEqual(["terminated", "a", "b"]);
});

test("a turn ends after 64 messages, so that the next actor gets one", () => {
  const { world, system } = setup();
  const seen: string[] = [];
  const spawn = (name: string): Ref<null> =>
    system.spawn(
      stateless<null>(name, () => void seen.push(name)),
      { name },
    );
  const [a, b] = [spawn("a"), spawn("b")];
  for (let i = 0; i < 100; i++) for (const ref of [a, b]) system.tell(ref, null);
  world.settle();
  expect(seen.findIndex((name) => name === "b")).toBe(64);
  expect(seen.lastIndexOf("a")).toBeGreaterThan(seen.indexOf("b"));
  expect(seen).toHaveLength(200);
});

interface Watching {
  readonly signals: string[];
  readonly ref: Ref<"unwatch" | "fail">;
}

/** Watches `target`; again after each restart when `always`. */
function spawnWatcher(system: ActorSystem, target: Ref<never>, always: boolean): Watching {
  const signals: string[] = [];
  let lives = 0;
  const behavior: Behavior<null, "unwatch" | "fail"> = {
    name: "watcher",
    init: (ctx) => {
      if (lives++ === 0 || always) ctx.watch(target);
      return null;
    },
    receive: (state, message, ctx) => {
      if (message === "fail") throw new Error("asked to fail");
      ctx.unwatch(target);
      return state;
    },
    onSignal: (state, signal) => {
      if (signal.type === "terminated") signals.push(`${signal.ref.path} ${signal.reason}`);
      return state;
    },
  };
  return { signals, ref: system.spawn(behavior, { supervision: RESTART }) };
}

test("unwatch() ends a watch, also when the signal is on its way", () => {
  const { world, system } = setup();
  const target = system.spawn(
    stateless<never>("target", () => {}),
    { name: "target" },
  );
  const { signals, ref } = spawnWatcher(system, target, false);
  system.tell(ref, "unwatch");
  world.settle();
  system.stopActor(target);
  world.settle();
  expect(signals).toEqual([]);
});

test("a watch belongs to one life of the watcher", () => {
  const { world, system } = setup();
  const target = system.spawn(
    stateless<never>("target", () => {}),
    { name: "target" },
  );
  const once = spawnWatcher(system, target, false);
  const always = spawnWatcher(system, target, true);
  for (const { ref } of [once, always]) system.tell(ref, "fail");
  world.settle();
  system.stopActor(target);
  world.settle();
  expect(once.signals).toEqual([]);
  expect(always.signals).toEqual(["target stopped"]);
});

test("a watch lasts over restarts of the watched, and ends when it gives up", () => {
  const { world, system } = setup();
  const target = system.spawn(
    stateless<"fail">("target", () => {
      throw new Error("asked to fail");
    }),
    { name: "target", supervision: { onCrash: "restart", intensity: { restartsMax: 1, windowMs: 1000 } } },
  );
  const { signals } = spawnWatcher(system, target, false);
  system.tell(target, "fail");
  world.settle();
  expect(signals).toEqual([]);
  system.stopActor(target);
  world.settle();
  expect(signals).toEqual(["target stopped"]);
});

test("a watch is on one actor, not on its name: the next one of that name is watched by itself", () => {
  const { world, system } = setup();
  const signals: string[] = [];
  const child = stateless<"fail">("child", () => {
    throw new Error("asked to fail");
  });
  const behavior: Behavior<Ref<"fail">, "again" | "stop" | "unwatch the first"> = {
    name: "parent",
    init: (ctx) => {
      const first = ctx.spawn(child, { name: "child" });
      ctx.watch(first);
      return first;
    },
    receive: (first, message, ctx) => {
      if (message === "again") {
        // The signal of the first one's end is in the mailbox, and not yet handled, when the second one is spawned.
        ctx.stop(first);
        ctx.watch(ctx.spawn(child, { name: "child" }));
      } else if (message === "stop") ctx.stop(ctx.child("child"));
      else ctx.unwatch(first);
      return first;
    },
    onSignal: (first, signal) => {
      if (signal.type === "terminated") signals.push(signal.ref === first ? "first" : "second");
      return first;
    },
  };
  const parent = system.spawn(behavior, { name: "parent" });
  for (const message of ["again", "unwatch the first", "stop"] as const) {
    system.tell(parent, message);
    world.settle();
  }
  expect(signals).toEqual(["first", "second"]);
});
