/** What an actor hears when it hears nothing, and what a promise becomes. */
import { expect, test } from "vitest";
import { ActorSystem, stateless, type Behavior, type Settled, type Work } from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";
import { record, type Recorded } from "./recorder.ts";

function idle(
  { steps, world }: Recorded,
  setup: Pick<Behavior<null, string>, "init"> = {
    init: (ctx) => {
      ctx.setReceiveTimeout(100, "idle");
      return null;
    },
  },
): Behavior<null, string> {
  return {
    name: "idle",
    ...setup,
    receive: (state, message, ctx) => {
      steps.push(`${message} at ${world.clock.monotonicMs()}`);
      if (message === "cancel") ctx.cancelReceiveTimeout();
      if (message === "replace") ctx.setReceiveTimeout(30, "sooner");
      if (message === "fail") throw new Error("asked to fail");
      return state;
    },
  };
}

test("setReceiveTimeout() tells an actor whenever it has handled nothing for so long, again and again", () => {
  const bench = record();
  bench.system.spawn(idle(bench));
  bench.world.advance(250);
  expect(bench.steps).toEqual(["idle at 100", "idle at 200"]);
});

test("a message that is handled begins the wait anew, with one timer", () => {
  const bench = record();
  const { world, system, steps } = bench;
  const ref = system.spawn(idle(bench));
  for (let i = 0; i < 3; i++) {
    world.advance(60);
    system.tell(ref, "a");
  }
  world.advance(99);
  expect(steps).toEqual(["a at 60", "a at 120", "a at 180"]);
  world.advance(1);
  expect(steps.at(-1)).toBe("idle at 280");
});

test("a receive timeout that waits behind a message is not handled, and the wait begins anew", () => {
  const bench = record();
  const { world, system, steps } = bench;
  let release: (value: null) => void = () => {};
  const behavior = idle(bench, {
    init: (ctx) => {
      ctx.hold();
      ctx.setReceiveTimeout(100, "idle");
      release = ctx.callback(() => "released", { ahead: true });
      return null;
    },
  });
  const releasing: Behavior<null, string> = {
    ...behavior,
    receive: (state, message, ctx) => {
      if (message === "released") ctx.release();
      return behavior.receive(state, message, ctx);
    },
  };
  const ref = system.spawn(releasing);
  world.advance(50);
  system.tell(ref, "a");
  world.advance(70);
  release(null);
  world.advance(100);
  expect(steps).toEqual(["released at 120", "a at 120", "idle at 220"]);
});

test("cancelReceiveTimeout() and a new one end the wait, and so does a restart", () => {
  for (const message of ["cancel", "fail"]) {
    const bench = record();
    let lives = 0;
    const behavior = idle(bench, {
      init: (ctx) => {
        if (lives++ === 0) ctx.setReceiveTimeout(100, "idle");
        return null;
      },
    });
    const ref = bench.system.spawn(behavior, { supervision: { onCrash: "restart" } });
    bench.system.tell(ref, message);
    bench.world.advance(500);
    expect(bench.steps).toEqual([`${message} at 0`]);
    bench.system.stop();
  }
  const bench = record();
  const ref = bench.system.spawn(idle(bench));
  bench.system.tell(ref, "replace");
  bench.world.advance(40);
  expect(bench.steps).toEqual(["replace at 0", "sooner at 30"]);
});

test("resume after a crash keeps the receive timeout", () => {
  const bench = record();
  const ref = bench.system.spawn(idle(bench), { supervision: { onCrash: "resume" } });
  bench.system.tell(ref, "fail");
  bench.world.advance(100);
  expect(bench.steps).toEqual(["fail at 0", "idle at 100"]);
});

function piping(steps: string[], promises: readonly PromiseLike<string>[]): Behavior<null, string> {
  const show = (settled: Settled<string>): string =>
    settled.ok ? `value ${settled.value}` : `error ${(settled.error as Error).message}`;
  return {
    name: "piping",
    init: (ctx) => {
      for (const promise of promises) ctx.pipe(promise, show);
      return null;
    },
    receive: (state, message) => {
      steps.push(message);
      return state;
    },
  };
}

test("pipe() brings a promise's value or its rejection back as a message", async () => {
  const { world, system, steps } = record();
  system.spawn(piping(steps, [Promise.resolve("a"), Promise.reject(new Error("b"))]));
  await new Promise(setImmediate);
  expect(steps).toEqual([]);
  world.settle();
  expect(steps).toEqual(["value a", "error b"]);
});

test("pipe() forgets what settles after the end of the life that asked", async () => {
  const { world, system, steps, deadLetters } = record();
  const ref = system.spawn(piping(steps, [Promise.resolve("a")]));
  system.stopActor(ref);
  await new Promise(setImmediate);
  world.settle();
  expect([steps, deadLetters]).toEqual([[], []]);
});

test("pipe() goes through the world's own port, if it has one", () => {
  const steps: string[] = [];
  const world = createManualWorld();
  const followed: ((settled: Settled<unknown>) => void)[] = [];
  const work: Work = {
    follow: (_, done) => void followed.push(done as (settled: Settled<unknown>) => void),
  };
  const system = ActorSystem.create({ world: { ...world, work, node: "with-work" } });
  expect(system.node).toBe("with-work");
  system.spawn(piping(steps, [new Promise<string>(() => {})]));
  followed[0]?.({ ok: true, value: "from the port" });
  world.settle();
  expect(steps).toEqual(["value from the port"]);
  system.stop();
});

test("a handler that returns a promise crashes by code, and its rejection disturbs nobody", async () => {
  const { world, system, crashes, deadLetters } = record();
  const rejected: unknown[] = [];
  const onRejection = (error: unknown): void => void rejected.push(error);
  process.on("unhandledRejection", onRejection);
  const rejects = (): never => Promise.reject(new Error("too late")) as never;
  const whole = { name: "whole", init: () => null, receive: () => null };
  const asynchronous: Record<string, Behavior<null, string>> = {
    "from-init": { ...whole, init: rejects },
    "from-receive": { ...whole, receive: rejects },
    "from-become": { ...whole, receive: (_, __, ctx) => (ctx.become({ ...whole, init: rejects }), null) },
    "from-stateless": stateless("stateless", rejects),
  };
  for (const [name, behavior] of Object.entries(asynchronous)) system.tell(system.spawn(behavior, { name }), name);
  world.settle();
  await new Promise(setImmediate);
  process.off("unhandledRejection", onRejection);
  const refused = (name: string, behavior: string, handler: string): string =>
    `${name}: Behaviour "${behavior}" returned a promise from ${handler}: a handler does not wait. ` +
    "Give the promise to ctx.pipe, whose outcome comes back as a message: stop";
  expect(crashes).toEqual([
    refused("from-init", "whole", "init"),
    refused("from-receive", "whole", "receive"),
    refused("from-become", "whole", "init"),
    refused("from-stateless", "stateless", "receive"),
  ]);
  expect(deadLetters).toEqual(["from-init no-recipient", "from-receive crashed", "from-stateless crashed"]);
  expect(rejected).toEqual([]);
});
