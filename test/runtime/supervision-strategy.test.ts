/** Which siblings a crash takes along, in which order they end and begin, how long they wait, and when it is enough. */
import { expect, test } from "vitest";
import type { AnyRef, Behavior, Ref, SpawnOptions, Strategy, Supervision } from "../../runtime/index.ts";
import { record, recorded, type Recorded } from "./recorder.ts";

const RESTART: Supervision = { onCrash: "restart", backoff: { minMs: 100, maxMs: 1000, jitter: 0 } };

interface Family extends Recorded {
  readonly parent: Ref<string>;
  tell(child: string, message: string): void;
}

/** A parent with the children a, b and c. */
function family(
  strategy: Strategy | undefined,
  children: Partial<Record<string, Behavior<number, string>>> = {},
  supervision: Supervision = RESTART,
  parentOptions: SpawnOptions = {},
): Family {
  const bench = record();
  const behavior: Behavior<null, string> = {
    name: "parent",
    init: (ctx) => {
      bench.steps.push("parent starts");
      for (const name of ["a", "b", "c"]) {
        ctx.watch(ctx.spawn(children[name] ?? recorded(bench.steps, name), { name, supervision }));
      }
      return null;
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      if (signal.type === "terminated") bench.steps.push(`parent sees ${signal.ref.path} ${signal.reason}`);
      else bench.steps.push(`parent ${signal.type}`);
      return state;
    },
  };
  const parent = bench.system.spawn(behavior, { name: "parent", ...(strategy && { strategy }), ...parentOptions });
  bench.world.settle();
  bench.take();
  return {
    ...bench,
    parent,
    tell: (child, message) => {
      bench.system.tell(bench.system.refAt<string>({ node: "n1", path: `parent/${child}` }), message);
    },
  };
}

test("one-for-one restarts the actor that crashed and no other", () => {
  const { world, tell, take } = family(undefined);
  tell("b", "fail");
  world.settle();
  expect(take()).toEqual(["b pre-restart", "b starts 2"]);
});

test("all-for-one ends every sibling, the youngest first, and begins them again, the oldest first", () => {
  const { world, tell, take } = family("all-for-one");
  tell("b", "fail");
  world.settle();
  const ended = ["c", "b", "a"].map((name) => `${name} pre-restart`);
  expect(take()).toEqual([...ended, "a starts 2", "b starts 2", "c starts 2"]);
});

test("rest-for-one takes along those that were spawned after it", () => {
  const { world, tell, take } = family("rest-for-one");
  tell("b", "fail");
  world.settle();
  expect(take()).toEqual(["c pre-restart", "b pre-restart", "b starts 2", "c starts 2"]);
});

test("a sibling that is restarted keeps its mailbox and loses no message", () => {
  const { world, tell, take, deadLetters } = family("all-for-one");
  tell("b", "fail");
  for (const name of ["a", "b", "c"]) tell(name, "after");
  world.settle();
  expect(take().filter((step) => step.endsWith("after"))).toHaveLength(3);
  expect(deadLetters).toEqual(["fail crashed"]);
});

test("all of a group wait for the backoff of the one that crashed", () => {
  const { world, tell, take } = family("all-for-one");
  tell("b", "fail");
  world.settle();
  take();
  tell("a", "fail");
  tell("c", "waits");
  world.advance(99);
  expect(take()).toEqual(["c pre-restart", "b pre-restart", "a pre-restart"]);
  world.advance(1);
  expect(take()).toEqual(["a starts 3", "b starts 3", "c starts 3", "c waits"]);
});

test("a crash during another's backoff makes one group of both, which waits for the later one", () => {
  const { world, tell, take } = family("rest-for-one");
  for (const expected of ["c starts 2"]) {
    tell("c", "fail");
    world.settle();
    expect(take()).toContain(expected);
  }
  tell("c", "fail");
  world.advance(50);
  expect(take()).toEqual(["c pre-restart"]);
  tell("b", "fail");
  world.advance(49);
  expect(take()).toEqual(["b pre-restart"]);
  world.advance(1);
  expect(take()).toEqual(["b starts 2", "c starts 3"]);
});

test("a member whose start fails takes along those that still wait, each once", () => {
  const steps: string[] = [];
  const { world, tell } = family("all-for-one", {
    a: recorded(steps, "a"),
    b: recorded(steps, "b", (life) => life === 2),
    c: recorded(steps, "c"),
  });
  steps.splice(0);
  tell("c", "fail");
  world.settle();
  expect(steps).toEqual([
    "c pre-restart",
    "b pre-restart",
    "a pre-restart",
    "a starts 2",
    "b starts 2",
    "a pre-restart",
  ]);
  steps.splice(0);
  world.advance(100);
  expect(steps).toEqual(["a starts 3", "b starts 3", "c starts 2"]);
});

test("the restarts of a group count together, and one more than the intensity escalates", () => {
  const intensity = { restartsMax: 2, windowMs: 10_000 };
  const { world, tell, crashes } = family("all-for-one", {}, { ...RESTART, intensity }, { supervision: RESTART });
  for (const name of ["a", "b", "c"]) {
    tell(name, "fail");
    world.advance(1000);
  }
  expect(crashes).toEqual([
    "parent/a: fail: restart",
    "parent/b: fail: restart",
    "parent/c: fail: escalate",
    "parent: fail: restart",
  ]);
});

test("a stop takes the group along: the one that crashed has crashed, the others have stopped", () => {
  const { world, tell, take } = family("all-for-one", {}, { onCrash: "stop" });
  tell("b", "fail");
  world.settle();
  const stops = ["c", "b", "a"].map((name) => `${name} post-stop`);
  const seen = ["parent sees parent/c stopped", "parent sees parent/b crashed", "parent sees parent/a stopped"];
  expect(take()).toEqual([...stops, ...seen]);
});

test("resume concerns the one that crashed, whatever the strategy", () => {
  const { world, tell, take } = family("all-for-one", {}, { onCrash: "resume" });
  tell("b", "fail");
  tell("b", "goes on");
  world.settle();
  expect(take()).toEqual(["b goes on"]);
});

test("a member that is stopped while its group waits does not come back", () => {
  const bench = record();
  const { world, system, steps, take } = bench;
  const behavior: Behavior<readonly AnyRef[], string> = {
    name: "parent",
    init: (ctx) => ["a", "b"].map((name) => ctx.spawn(recorded(steps, name), { name, supervision: RESTART })),
    receive: (children, _, ctx) => {
      ctx.stop(children[0]);
      return children;
    },
  };
  const parent = system.spawn(behavior, { name: "parent", strategy: "all-for-one" });
  const fail = (): void => system.tell(system.refAt<string>({ node: "n1", path: "parent/b" }), "fail");
  fail();
  world.settle();
  fail();
  world.settle();
  take();
  system.tell(parent, "stop a");
  world.advance(100);
  expect(take()).toEqual(["b starts 3"]);
});

test("children: keep lets them work on through a restart, and the next life finds them", () => {
  const { world, system, steps, take } = record();
  const behavior: Behavior<number, string> = {
    name: "parent",
    init: (ctx) => {
      const found = ctx.child<string>("a");
      steps.push(found === undefined ? "parent spawns" : "parent finds");
      ctx.watch(found ?? ctx.spawn(recorded(steps, "a"), { name: "a" }));
      return 0;
    },
    receive: (_, message) => {
      throw new Error(message);
    },
    onSignal: (state, signal) => {
      if (signal.type === "terminated") steps.push(`parent sees ${signal.ref.path} ${signal.reason}`);
      return state;
    },
  };
  const parent = system.spawn(behavior, { name: "parent", supervision: { ...RESTART, children: "keep" } });
  const child = system.refAt<string>({ node: "n1", path: "parent/a" });
  system.tell(parent, "fail");
  system.tell(child, "works");
  world.settle();
  expect(take()).toEqual(["parent spawns", "a starts 1", "a works", "parent finds"]);
  system.stopActor(parent);
  expect(take()).toEqual(["a post-stop"]);
});

test("the wait grows while restarts follow each other and begins anew after a calm time", () => {
  const backoff = { minMs: 100, maxMs: 400, jitter: 0, calmMs: 1000 };
  const intensity = { restartsMax: Number.POSITIVE_INFINITY, windowMs: 1 };
  const { world, tell, take } = family(undefined, {}, { onCrash: "restart", intensity, backoff });
  const waits: number[] = [];
  const wait = (): number => {
    tell("a", "fail");
    for (let ms = 0; ms <= 1000; ms++) {
      if (take().some((step) => step.startsWith("a starts"))) return ms;
      world.advance(ms === 0 ? 0 : 1);
    }
    return Number.NaN;
  };
  for (let i = 0; i < 5; i++) waits.push(Math.max(0, wait() - 1));
  world.advance(1000);
  waits.push(Math.max(0, wait() - 1));
  expect(waits).toEqual([0, 100, 200, 400, 400, 0]);
});

test("a start that always fails without backoff grows no stack", () => {
  const { world, system, crashes, steps } = record();
  const supervision: Supervision = {
    onCrash: "restart",
    intensity: { restartsMax: 5000, windowMs: 1000 },
    backoff: { minMs: 0, maxMs: 0, jitter: 0 },
  };
  system.spawn(
    recorded(steps, "never", () => true),
    { name: "never", supervision },
  );
  world.settle();
  expect(crashes.at(-1)).toBe("never: no start 5001: escalate");
});

test("a crash while it stops is told of, and the end is a crash", () => {
  const { world, system, crashes, steps } = record();
  const behavior: Behavior<null, string> = {
    name: "parent",
    init: () => null,
    receive: (_, message, ctx) => {
      ctx.stop();
      throw new Error(message);
    },
  };
  const ref = system.spawn(behavior, { name: "parent", supervision: RESTART });
  const watcher: Behavior<null, never> = {
    name: "watcher",
    init: (ctx) => {
      ctx.watch(ref);
      return null;
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      if (signal.type === "terminated") steps.push(signal.reason);
      return state;
    },
  };
  system.spawn(watcher);
  system.tell(ref, "fail");
  world.settle();
  expect(crashes).toEqual(["parent: fail: stop"]);
  expect(steps).toEqual(["crashed"]);
});

test("stopping itself in its last signals ends an actor once", () => {
  const { world, system, steps } = record();
  const behavior: Behavior<null, string> = {
    name: "eager",
    init: () => {
      steps.push("starts");
      return null;
    },
    receive: (_, message) => {
      throw new Error(message);
    },
    onSignal: (state, signal, ctx) => {
      steps.push(signal.type);
      ctx.stop();
      return state;
    },
  };
  const ref = system.spawn(behavior, { supervision: RESTART });
  system.tell(ref, "fail");
  world.advance(1000);
  expect(steps).toEqual(["starts", "pre-restart", "post-stop"]);
});
