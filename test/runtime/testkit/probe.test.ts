/** Probes in virtual time, and what they say when an expectation is not met. */
import { afterEach, expect, test } from "vitest";
import { ActorSystem, stateless, type Ref } from "../../../runtime/index.ts";
import {
  createManualWorld,
  createProbe,
  ProbeError,
  type ManualWorld,
  type Probe,
} from "../../../runtime/testkit/index.ts";

type Order = { readonly type: "paid"; readonly cents: number } | { readonly type: "sent" };

const running: ActorSystem[] = [];
afterEach(() => {
  for (const system of running.splice(0)) system.stop();
});

function setup(): { world: ManualWorld; system: ActorSystem; probe: Probe<Order> } {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "n1", world });
  running.push(system);
  return { world, system, probe: createProbe<Order>(system, world, { name: "orders" }) };
}

/** Pays, and sends 2,000 ms later. */
function shop(orders: Ref<Order>): ReturnType<typeof stateless<"buy" | "due">> {
  return stateless("shop", (message, ctx) => {
    if (message === "due") ctx.tell(orders, { type: "sent" });
    else {
      ctx.tell(orders, { type: "paid", cents: 5 });
      ctx.setTimer("send", 2000, "due");
    }
  });
}

test("expectMessage() takes what comes next, now or later in virtual time", () => {
  const { world, system, probe } = setup();
  system.tell(system.spawn(shop(probe.ref)), "buy");
  expect(probe.expectMessage({ type: "paid", cents: 5 })).toEqual({ type: "paid", cents: 5 });
  expect(world.clock.monotonicMs()).toBe(0);
  expect(probe.expectMessage((order) => order.type === "sent").type).toBe("sent");
  expect(world.clock.monotonicMs()).toBe(2000);
});

test("expectMessage() shows what came instead, when, and what waits behind it", () => {
  const { system, probe } = setup();
  system.tell(probe.ref, { type: "paid", cents: 7 });
  system.tell(probe.ref, { type: "sent" });
  expect(() => probe.expectMessage({ type: "paid", cents: 8 })).toThrow(
    new ProbeError(
      'Probe "orders" at 0 ms: expected { type: "paid", cents: 8 }, got { type: "paid", cents: 7 } (at 0 ms); ' +
        'behind it wait 1: { type: "sent" } (at 0 ms)',
    ),
  );
});

test("expectMessage() gives up after its limit of virtual time, and not before", () => {
  const { world, system, probe } = setup();
  system.tell(system.spawn(shop(probe.ref)), "buy");
  probe.expectMessage();
  expect(() => probe.expectMessage(undefined, { withinMs: 1999 })).toThrow(
    "expected a message within 1999 ms, got none",
  );
  expect(world.clock.monotonicMs()).toBe(1999);
  expect(probe.expectMessage(undefined, { withinMs: 1 })).toEqual({ type: "sent" });
});

test("expectNoMessage() lets the time pass, and shows the message that came in it", () => {
  const { world, system, probe } = setup();
  system.tell(system.spawn(shop(probe.ref)), "buy");
  probe.expectMessage();
  probe.expectNoMessage(1999);
  expect(world.clock.monotonicMs()).toBe(1999);
  expect(() => probe.expectNoMessage(10)).toThrow('expected no message for 10 ms, got { type: "sent" } (at 2000 ms)');
});

test("fishFor() passes over what is not wanted, and shows it when nothing is", () => {
  const { system, probe } = setup();
  const buy = system.spawn(shop(probe.ref));
  system.tell(buy, "buy");
  const sent = probe.fishFor((order): order is Extract<Order, { type: "sent" }> => order.type === "sent");
  expect(sent.type satisfies "sent").toBe("sent");
  system.tell(buy, "buy");
  expect(() => probe.fishFor((order) => order.type === "paid" && order.cents > 5, { withinMs: 2500 })).toThrow(
    /fished 2500 ms for .*, got 2: \{ type: "paid", cents: 5 \} \(at 2000 ms\), \{ type: "sent" \} \(at 4000 ms\)$/,
  );
});

test("receiveN() takes that many, or shows those that came", () => {
  const { system, probe } = setup();
  system.tell(system.spawn(shop(probe.ref)), "buy");
  expect(probe.receiveN(2).map(({ type }) => type)).toEqual(["paid", "sent"]);
  system.tell(probe.ref, { type: "sent" });
  expect(() => probe.receiveN(2)).toThrow('expected 2 messages within 3000 ms, got 1: { type: "sent" }');
});

test("expectTerminated() says how an actor ended, also one that is gone already", () => {
  const { system, probe } = setup();
  const quitter = stateless<"fail" | "quit">("quitter", (message, ctx) => {
    if (message === "fail") throw new Error("as told");
    ctx.stop();
  });
  const [failing, quitting, living] = [system.spawn(quitter), system.spawn(quitter), system.spawn(quitter)];
  for (const ref of [failing, quitting]) probe.watch(ref);
  system.tell(failing, "fail");
  system.tell(quitting, "quit");
  expect(probe.expectTerminated(failing)).toBe("crashed");
  expect(probe.expectTerminated(quitting)).toBe("stopped");
  expect(probe.expectTerminated(system.refAt({ node: "n1", path: "nobody" }))).toBe("not-found");
  expect(() => probe.expectTerminated(living)).toThrow("expected the end of blixard://n1/quitter-3 within 3000 ms");
});

test("stop() ends the probe for whoever watches it", () => {
  const { world, system, probe } = setup();
  const watcher = createProbe(system, world);
  watcher.watch(probe.ref);
  probe.stop();
  expect(watcher.expectTerminated(probe.ref)).toBe("stopped");
});

test("settle() refuses actors that tell each other forever", () => {
  const { world, system } = setup();
  const echo = system.spawn(stateless<null>("echo", (message, ctx) => ctx.tell(ctx.self, message)));
  system.tell(echo, null);
  expect(() => world.settle()).toThrow("Cannot settle: actors took 100000 turns without time passing");
});
