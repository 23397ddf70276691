/** What is no time to wait, wherever one is given. */
import { expect, test } from "vitest";
import { ActorSystem, stateless, type Behavior, type Context } from "../../runtime/index.ts";
import { createManualWorld } from "../../runtime/testkit/index.ts";
import { record } from "./recorder.ts";

function runs(effect: (ctx: Context<string>) => void): Behavior<null, string> {
  return stateless<string>("a", (message, ctx) => {
    if (message === "go") effect(ctx);
  });
}

test.each<[string, (ctx: Context<string>) => void, string]>([
  ["timer", (ctx) => ctx.setTimer("t", Number.NaN, "t"), 'Cannot set timer "t": NaN is no number of milliseconds'],
  [
    "receive timeout",
    (ctx) => ctx.setReceiveTimeout(Number.NaN, "t"),
    "Cannot set a receive timeout: NaN is no number of milliseconds",
  ],
  [
    "receive timeout of nothing",
    (ctx) => ctx.setReceiveTimeout(0, "t"),
    "Cannot set a receive timeout of 0 ms: it must be more than 0",
  ],
  [
    "deadline",
    (ctx) => ctx.stop(ctx.self, { deadlineMs: Number.NaN }),
    "Cannot set a deadline: NaN is no number of milliseconds",
  ],
  [
    "ask's timeout",
    (ctx) => ctx.ask(ctx.self, { make: () => "asked", timeoutMs: Number.NaN, adapt: () => "answered" }),
    "Cannot set a timeout: NaN is no number of milliseconds",
  ],
])("a %s that is no time crashes who sets it, and disturbs no other timer", (_, effect, message) => {
  const { world, system, crashes } = record();
  const fired: number[] = [];
  const other = stateless<string>("other", (text, ctx) => {
    if (text === "go") ctx.setTimer("t", 10, "fired");
    else fired.push(ctx.now());
  });
  for (const behavior of [runs(effect), other]) system.tell(system.spawn(behavior, { name: behavior.name }), "go");
  world.advance(20);
  expect(crashes).toEqual([`a: ${message}: stop`]);
  expect(fired).toEqual([10]);
});

test("a delay below 0 is as soon as possible, and one without end is never", () => {
  const { world, system, steps } = record();
  const behavior = stateless<string>("a", (message, ctx) => {
    if (message === "go") {
      ctx.setTimer("never", Infinity, "never");
      ctx.setTimer("soon", -5, "soon");
    } else steps.push(`${message} ${ctx.now()}`);
  });
  system.tell(system.spawn(behavior), "go");
  world.advance(1_000_000);
  expect(steps).toEqual(["soon 0"]);
});

test("ask() from outside rejects for a timeout that is no time", async () => {
  const { system } = record();
  const ref = system.spawn(runs(() => {}));
  const asked = system.ask<string, null>(ref, () => "asked", { timeoutMs: Number.NaN });
  await expect(asked).rejects.toThrow("Cannot set a timeout: NaN is no number of milliseconds");
});

test.each([0, -1, Number.NaN])("create() refuses a phase of %d ms", (timeoutMs) => {
  const shutdownPhases = [{ name: "stop-actors", timeoutMs }];
  expect(() => ActorSystem.create({ world: createManualWorld(), shutdownPhases })).toThrow(
    `Cannot plan a shutdown: phase "stop-actors" has a timeout of ${timeoutMs} ms`,
  );
});

test("advance() ends at an actor that sets a timer of no delay for ever", () => {
  const { world, system } = record();
  system.tell(system.spawn(stateless<string>("a", (message, ctx) => ctx.setTimer("t", 0, message))), "go");
  expect(() => world.advance(1)).toThrow("Cannot advance: actors let 100000 timers fire without time passing");
});

test.each([Number.NaN, -1, Infinity])("advance() refuses %d ms, and no time passes", (durationMs) => {
  const { world } = record();
  expect(() => world.advance(durationMs)).toThrow(
    `Cannot advance by ${durationMs} ms: time passes by a number from 0 on`,
  );
  expect(world.clock.monotonicMs()).toBe(0);
});
