/** Back-pressure: who is muted and when, that nobody stays so, and that no actor's message is lost by it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ActorSystem,
  createRandom,
  stateless,
  type ActorNode,
  type AskResult,
  type Behavior,
  type Ref,
  type SpawnOptions,
  type Turn,
} from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

const PRESSED = { mailbox: { capacity: 4, overflow: "back-pressure" } } as const satisfies SpawnOptions;

function setup(): { world: ManualWorld; system: ActorSystem } {
  const world = createManualWorld();
  return { world, system: ActorSystem.create({ node: "n1", world }) };
}

function phases(nodes: readonly ActorNode[]): string[] {
  return nodes.map(({ name, phase, mailbox }) => `${name} ${phase} ${mailbox.depth}`);
}

/** Tells `count` messages to `to` for each message of its own. */
function spawnTeller(system: ActorSystem, to: Ref<number>, options: SpawnOptions = {}): Ref<number> {
  const teller = stateless<number>("teller", (count, ctx) => {
    for (let i = 0; i < count; i++) ctx.tell(to, i);
  });
  return system.spawn(teller, { name: "teller", ...options });
}

/** A receiver that handles nothing until it is released. */
function spawnHeld(
  system: ActorSystem,
  options: SpawnOptions,
): { readonly ref: Ref<number>; release(): void; seen: number[] } {
  const seen: number[] = [];
  let release = (): void => {};
  const held: Behavior<null, number> = {
    name: "held",
    init: (ctx) => {
      ctx.hold();
      release = () => ctx.release();
      return null;
    },
    receive: (state, message) => {
      seen.push(message);
      return state;
    },
  };
  const ref = system.spawn(held, { name: "held", ...options });
  return { ref, release: () => release(), seen };
}

test("an actor that tells a full mailbox gets no turn until half of it is free, and loses nothing", () => {
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const teller = spawnTeller(system, held.ref);
  for (const count of [3, 3, 3]) system.tell(teller, count);
  world.settle();
  // The second message filled it.
  expect(phases(system.tree())).toEqual(["held muted 6", "teller muted 1"]);
  held.release();
  world.settle();
  expect(held.seen).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
  expect(phases(system.tree())).toEqual(["held running 0", "teller running 0"]);
  expect(system.deadLetters).toBe(0);
  system.stop();
});

test("a muted actor still hears signals, and can be stopped", () => {
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const target = system.spawn(
    stateless<never>("target", () => {}),
    { name: "target" },
  );
  const signals: string[] = [];
  const watching: Behavior<null, number> = {
    name: "watching",
    init: (ctx) => {
      ctx.watch(target);
      return null;
    },
    receive: (state, count, ctx) => {
      for (let i = 0; i < count; i++) ctx.tell(held.ref, i);
      return state;
    },
    onSignal: (state, signal) => {
      signals.push(signal.type);
      return state;
    },
  };
  const ref = system.spawn(watching, { name: "watching" });
  for (const count of [5, 1]) system.tell(ref, count);
  world.settle();
  system.stopActor(target);
  world.settle();
  expect(signals).toEqual(["terminated"]);
  expect(phases(system.tree())).toEqual(["held muted 5", "watching muted 1"]);
  system.stopActor(ref);
  expect(signals).toEqual(["terminated", "post-stop"]);
  held.release();
  world.settle();
  expect(phases(system.tree())).toEqual(["held running 0"]);
  system.stop();
});

test("the end of a full actor lets everybody go on who waits for it", () => {
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const teller = spawnTeller(system, held.ref);
  for (const count of [5, 1]) system.tell(teller, count);
  world.settle();
  expect(phases(system.tree())).toEqual(["held muted 5", "teller muted 1"]);
  system.stopActor(held.ref);
  world.settle();
  expect(phases(system.tree())).toEqual(["teller running 0"]);
  expect([system.deadLettersBy("stopped"), system.deadLettersBy("no-recipient")]).toEqual([5, 1]);
  system.stop();
});

test("who ignores pressure, and who is no actor, loses what is over twice the capacity", () => {
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const teller = spawnTeller(system, held.ref, { onPressure: "ignore" });
  system.tell(teller, 7);
  world.settle();
  for (let i = 0; i < 3; i++) system.tell(held.ref, i);
  expect(phases(system.tree())).toEqual(["held muted 8", "teller running 0"]);
  expect(system.deadLettersBy("mailbox-full")).toBe(2);
  system.stop();
});

test("ready() waits while a mailbox is full, and resolves at once otherwise", async () => {
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const order: string[] = [];
  await system.ready(held.ref);
  for (let i = 0; i < 5; i++) system.tell(held.ref, i);
  const ready = system.ready(held.ref).then(() => order.push("ready"));
  await Promise.resolve();
  order.push("released");
  held.release();
  world.settle();
  await ready;
  expect(order).toEqual(["released", "ready"]);
  await system.ready(system.refAt({ node: "n1", path: "nobody" }));
  system.stop();
});

test("an ask of a full mailbox fails at once where the policy says so, and mutes who asks where that is it", async () => {
  for (const [overflow, result] of [
    ["fail-ask", { ok: false, code: "mailbox-full" }],
    ["drop-newest", { ok: false, code: "timeout" }],
    ["drop-oldest", { ok: false, code: "timeout" }],
  ] as const) {
    const { world, system } = setup();
    const held = spawnHeld(system, { mailbox: { capacity: 1, overflow } });
    system.tell(held.ref, 0);
    const answer: Promise<AskResult<number>> = system.ask<number, number>(held.ref, () => 1, { timeoutMs: 10 });
    world.settle();
    if (overflow !== "fail-ask") world.advance(10);
    expect(await answer).toEqual(result);
    system.stop();
  }
  const { world, system } = setup();
  const held = spawnHeld(system, PRESSED);
  const asker = stateless<string>("asker", (_, ctx) => {
    for (let i = 0; i < 5; i++) {
      ctx.ask<number, number>(held.ref, { make: () => i, timeoutMs: 100, adapt: () => "answer" });
    }
  });
  system.tell(system.spawn(asker, { name: "asker" }), "go");
  world.settle();
  expect(phases(system.tree())).toEqual(["held muted 5", "asker muted 0"]);
  system.stop();
});

/** Hands each message on to a neighbour, drawn from the seed, as many times as it says. */
interface Hop {
  readonly id: number;
  readonly left: number;
}

interface Network {
  readonly actors: number;
  readonly capacities: readonly number[];
  /** For each actor, how many messages it sends of itself in its start. */
  readonly starts: readonly number[];
  readonly hops: number;
  readonly seed: number;
}

const networks: fc.Arbitrary<Network> = fc.integer({ min: 1, max: 8 }).chain((actors) =>
  fc.record({
    actors: fc.constant(actors),
    capacities: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: actors, maxLength: actors }),
    starts: fc.array(fc.nat(25), { minLength: actors, maxLength: actors }),
    hops: fc.nat(30),
    seed: fc.integer(),
  }),
);

/** Turns in an order drawn from the seed, as the simulator's; false when there is no end to them. */
function settleAtRandom(turns: Turn[], seed: number): boolean {
  const random = createRandom(seed);
  for (let budget = 200_000; turns.length > 0; budget--) {
    if (budget === 0) return false;
    const [turn] = turns.splice(random.integer(turns.length), 1);
    turn?.run();
  }
  return true;
}

test("actors that press each other in any circles handle every message once, and nobody stays muted", () => {
  let mutedSometimes = 0;
  fc.assert(
    fc.property(networks, ({ actors, capacities, starts, hops, seed }) => {
      const turns: Turn[] = [];
      const world = { ...createManualWorld(), dispatcher: { schedule: (turn: Turn) => void turns.push(turn) } };
      const system = ActorSystem.create({ node: "n1", world });
      const random = createRandom(seed);
      const handled = new Map<number, number>();
      const refs: Ref<Hop | "start">[] = [];
      const forwarder = (index: number): Behavior<null, Hop | "start"> => ({
        name: "forwarder",
        init: () => null,
        receive: (state, message, ctx) => {
          const next = (hop: Hop): void => ctx.tell(refs[random.integer(actors)] as Ref<Hop>, hop);
          if (message === "start") {
            for (let i = 0; i < (starts[index] ?? 0); i++) next({ id: index * 1000 + i, left: hops });
            return state;
          }
          handled.set(message.id, (handled.get(message.id) ?? 0) + 1);
          if (message.left > 0) next({ id: message.id, left: message.left - 1 });
          return state;
        },
      });
      for (const [index, capacity] of capacities.entries()) {
        refs.push(system.spawn(forwarder(index), { mailbox: { capacity, overflow: "back-pressure" } }));
      }
      try {
        for (const ref of refs) system.tell(ref, "start");
        // A look at a moment in between, to know that the test has something to test.
        for (let i = 0; i < 20 && turns.length > 0; i++) turns.shift()?.run();
        if (system.tree().some(({ phase }) => phase === "muted")) mutedSometimes += 1;
        expect(settleAtRandom(turns, seed)).toBe(true);
        expect(system.tree().map(({ phase, mailbox }) => [phase, mailbox.depth])).toEqual(
          refs.map(() => ["running", 0]),
        );
        const expected = starts.flatMap((count, index) => Array.from({ length: count }, (_, i) => index * 1000 + i));
        expect([...handled.keys()].toSorted((a, b) => a - b)).toEqual(expected);
        expect(new Set(handled.values())).toEqual(new Set(expected.length > 0 ? [hops + 1] : []));
        expect(system.deadLetters).toBe(0);
      } finally {
        system.stop();
      }
    }),
  );
  expect(mutedSometimes).toBeGreaterThan(5);
});
