/** What no actor can be made of, and what no ref is: refused by name where it is given. */
import { expect, test } from "vitest";
import {
  ActorSystem,
  createMemoryJournal,
  stateless,
  type ActorSystemOptions,
  type AnyRef,
  type Behavior,
  type Context,
} from "../../runtime/index.ts";
import { createManualWorld, runInIsolation } from "../../runtime/testkit/index.ts";
import { record } from "./recorder.ts";

const idle = stateless<never>("idle", () => {});

/** As a JavaScript caller would give it. */
const BEHAVIORS: readonly [unknown, string][] = [
  [undefined, "its behaviour is undefined"],
  [() => 1, "its behaviour is a function"],
  [{}, "its behaviour's name is undefined"],
  [{ name: "a" }, 'init of its behaviour "a" is undefined'],
  [{ ...idle, receive: 1 }, 'receive of its behaviour "idle" is 1'],
  [{ ...idle, onSignal: null }, 'onSignal of its behaviour "idle" is null'],
  [{ ...idle, accepts: {} }, 'accepts of its behaviour "idle" is an object'],
];

test.each(BEHAVIORS)("spawn() and runInIsolation() refuse %j: %s", (given, problem) => {
  const { system } = record();
  const none = given as Behavior<null, never>;
  expect(() => system.spawn(none)).toThrow(`Cannot spawn an actor: ${problem}; a behaviour has a name`);
  expect(() => system.spawn(none, { name: "x" })).toThrow(TypeError);
  expect(system.tree()).toEqual([]);
  expect(() => runInIsolation(none)).toThrow(`Cannot run in isolation: ${problem}`);
});

/** What an actor's context throws at `act`: a real one's, and a recording one's. */
function thrownBy(act: (ctx: Context<null>) => void): unknown[] {
  const thrown: unknown[] = [];
  const acts = stateless<null>("acts", (_, ctx) => {
    try {
      act(ctx);
    } catch (error) {
      thrown.push(String(error));
    }
  });
  const { world, system } = record();
  system.tell(system.spawn(acts), null);
  world.settle();
  system.stop();
  runInIsolation(acts).receive(null);
  return thrown;
}

test("spawn(), become(), watch() and unwatch() of a context refuse what is none, also in isolation", () => {
  const spawned =
    "TypeError: Cannot spawn an actor: its behaviour is a function; a behaviour has a name, init and receive, as stateless(…) makes one";
  expect(thrownBy((ctx) => ctx.spawn((() => 1) as unknown as typeof idle))).toEqual([spawned, spawned]);
  const became =
    "TypeError: Cannot become another behaviour: its behaviour's name is undefined; a behaviour has a name, init and receive, as stateless(…) makes one";
  expect(thrownBy((ctx) => ctx.become({} as Behavior<null, null>))).toEqual([became, became]);
  const none = undefined as unknown as AnyRef;
  const why = "it is no ref; spawn gives one, and refAt makes one of an address";
  expect(thrownBy((ctx) => ctx.watch(none))).toEqual(Array(2).fill(`TypeError: Cannot watch undefined: ${why}`));
  expect(thrownBy((ctx) => ctx.unwatch({} as AnyRef))).toEqual(
    Array(2).fill(`TypeError: Cannot unwatch an object: ${why}`),
  );
});

test("tell() and ask() refuse what is no ref, and ask() a time that is missing", async () => {
  const { system } = record();
  for (const [none, name] of [
    ["x", '"x"'],
    [undefined, "undefined"],
    [null, "null"],
    [{ node: system.node, path: "x" }, "an object"],
  ] as const) {
    const to = none as unknown as AnyRef;
    expect(() => system.tell(to, null as never)).toThrow(`Cannot tell ${name}: it is no ref`);
    await expect(system.ask(to, () => null as never, { timeoutMs: 1 })).rejects.toThrow(`Cannot tell ${name}`);
  }
  const ref = system.spawn(idle);
  const ask = async (...options: unknown[]): Promise<unknown> =>
    system.ask(ref, () => null as never, ...(options as [{ timeoutMs: number }]));
  await expect(ask()).rejects.toThrow(`Cannot ask ${ref.toString()}: no time to wait; give { timeoutMs }`);
  await expect(ask({})).rejects.toThrow("Cannot set a timeout: undefined is no number of milliseconds");
});

test("tell() throws what its receiver's port throws as it is", () => {
  const world = createManualWorld();
  const remoting = {
    send: (): void => {
      throw new Error("of the port");
    },
    onEnvelope: () => {},
    onLink: (listen: (event: { type: "up"; node: string; incarnation: string }) => void) =>
      listen({ type: "up", node: "n2", incarnation: "1" }),
  };
  const system = ActorSystem.create({ node: "n1", world: { ...world, remoting } });
  const told = (): void => system.tell(system.refAt({ node: "n2", path: "$ask/1" }), null);
  expect(told).toThrow("of the port");
  system.stop();
});

test("ActorSystem.create() refuses a world that is none or lacks a port, and leaves the name free", () => {
  const world = createManualWorld();
  const create = (options: unknown): ActorSystem => ActorSystem.create(options as ActorSystemOptions);
  const helps = "createNodeWorld() makes a whole one, createManualWorld() one for tests";
  expect(() => create(undefined)).toThrow(`Cannot create an actor system: it has no world; ${helps}`);
  expect(() => create({})).toThrow("it has no world");
  expect(() => create({ node: "w", world: { ...world, clock: undefined } })).toThrow(
    `its world has no clock; ${helps}`,
  );
  expect(() => create({ node: "w", world: { ...world, random: Math } })).toThrow("its world has no random");
  expect(() => create({ node: "w", world: { ...world, dispatcher: {} } })).toThrow("its world has no dispatcher");
  create({ node: "w", world }).stop();
});

test("createMemoryJournal() refuses to be made without a dispatcher", () => {
  const make = createMemoryJournal as unknown as (world?: unknown) => unknown;
  for (const world of [undefined, {}, { dispatcher: {} }]) {
    expect(() => make(world)).toThrow("Cannot make a journal in memory: it is given no dispatcher; give it the world");
  }
});
