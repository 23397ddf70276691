/** Refs, asks and watches between two nodes, over remoting that hands envelopes across and can be cut. */
import { afterEach, expect, test } from "vitest";
import {
  ActorSystem,
  stateless,
  type Behavior,
  type Envelope,
  type LinkEvent,
  type Ref,
  type Remoting,
  type World,
} from "../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";

const running: ActorSystem[] = [];
afterEach(() => {
  for (const system of running.splice(0)) system.stop();
});

interface Wire {
  /** What went over it, or was lost. */
  readonly sent: Envelope[];
  readonly remotings: Readonly<Record<string, Remoting>>;
  link(type: LinkEvent["type"]): void;
}

/** Two ends of one link; nothing passes while it is down. */
function createWire(): Wire {
  const receivers: Record<string, (envelope: Envelope) => void> = {};
  const listeners: Record<string, ((event: LinkEvent) => void)[]> = { n1: [], n2: [] };
  const sent: Envelope[] = [];
  let up = false;
  const end = (node: string): Remoting => ({
    send: (envelope) => {
      sent.push(envelope);
      if (up) receivers[envelope.to.node]?.(envelope);
    },
    onEnvelope: (receive) => void (receivers[node] = receive),
    onLink: (listen) => void listeners[node]?.push(listen),
  });
  return {
    sent,
    remotings: { n1: end("n1"), n2: end("n2") },
    link(type) {
      up = type === "up";
      for (const listen of listeners.n1 ?? []) listen({ type, node: "n2", incarnation: "i2" });
      for (const listen of listeners.n2 ?? []) listen({ type, node: "n1", incarnation: "i1" });
    },
  };
}

function setup(): { world: ManualWorld; wire: Wire; n1: ActorSystem; n2: ActorSystem } {
  const world = createManualWorld();
  const wire = createWire();
  const create = (node: string): ActorSystem => {
    const remoting = wire.remotings[node];
    const withRemoting: World = remoting === undefined ? world : { ...world, remoting };
    const system = ActorSystem.create({ node, world: withRemoting });
    running.push(system);
    return system;
  };
  const made = { world, wire, n1: create("n1"), n2: create("n2") };
  wire.link("up");
  return made;
}

test("a ref works from another node, and its answer finds the way back", async () => {
  const { world, n1, n2 } = setup();
  n2.spawn(
    stateless<Ref<string>>("greeter", (replyTo, ctx) => ctx.tell(replyTo, `hello from ${ctx.node}`)),
    { name: "greeter" },
  );
  const greeter = n1.refAt<Ref<string>>({ node: "n2", path: "greeter" });
  const answer = n1.ask<Ref<string>, string>(greeter, (replyTo) => replyTo, { timeoutMs: 10 });
  world.settle();
  expect(await answer).toEqual({ ok: true, answer: "hello from n2" });
});

test("a message to an actor that does not exist is a dead letter of the other node", () => {
  const { world, n1, n2 } = setup();
  n1.tell(n1.refAt<string>({ node: "n2", path: "nobody" }), "lost");
  world.settle();
  expect([n1.deadLetters, n2.deadLetters]).toEqual([0, 1]);
});

function watcher(signals: string[]): Behavior<null, never> {
  return {
    name: "watcher",
    init: (ctx) => {
      ctx.watch(ctx.refAt({ node: "n2", path: "target" }));
      return null;
    },
    receive: (state) => state,
    onSignal: (state, signal) => {
      if (signal.type === "terminated") signals.push(`${signal.ref.toString()} ${signal.reason}`);
      return state;
    },
  };
}

test("watch() tells once when an actor of another node stops, and once when it never was", () => {
  const { world, n1, n2, wire } = setup();
  const target = n2.spawn(
    stateless("target", () => {}),
    { name: "target" },
  );
  const signals: string[] = [];
  n1.spawn(watcher(signals), { name: "first" });
  world.settle();
  n2.stopActor(target);
  world.settle();
  wire.link("down");
  world.settle();
  expect(signals).toEqual(["blixard://n2/target stopped"]);
  wire.link("up");
  n1.spawn(watcher(signals), { name: "second" });
  world.settle();
  expect(signals.at(-1)).toBe("blixard://n2/target not-found");
  expect(signals).toHaveLength(2);
});

test("watch() tells node-down once when the link is lost, and at once when there is none", () => {
  const { world, n1, n2, wire } = setup();
  n2.spawn(
    stateless("target", () => {}),
    { name: "target" },
  );
  const signals: string[] = [];
  n1.spawn(watcher(signals), { name: "first" });
  world.settle();
  wire.link("down");
  world.settle();
  expect(signals).toEqual(["blixard://n2/target node-down"]);
  n1.spawn(watcher(signals), { name: "second" });
  world.settle();
  expect(signals).toHaveLength(2);
});

test("without remoting a message to another node is a dead letter", () => {
  const world = createManualWorld();
  const system = ActorSystem.create({ node: "alone", world });
  running.push(system);
  system.tell(system.refAt<string>({ node: "n2", path: "greeter" }), "hello");
  expect(system.deadLetters).toBe(1);
});

test("a link that goes down ends the watches of its other side, so they do not gather", () => {
  const { world, n1, n2, wire } = setup();
  const target = n2.spawn(
    stateless("target", () => {}),
    { name: "target" },
  );
  n1.spawn(watcher([]), { name: "watcher" });
  world.settle();
  for (const type of ["down", "up"] as const) wire.link(type);
  wire.sent.length = 0;
  n2.stopActor(target);
  expect(wire.sent).toEqual([]);
});

test("a link that comes up in place of another one ends its watches: their messages may be lost", () => {
  const { world, n1, n2, wire } = setup();
  n2.spawn(
    stateless("target", () => {}),
    { name: "target" },
  );
  const signals: string[] = [];
  n1.spawn(watcher(signals), { name: "watcher" });
  world.settle();
  wire.link("up");
  world.settle();
  expect(signals).toEqual(["blixard://n2/target node-down"]);
});

test("an answer to an ask of an earlier life of the node is no answer to a later ask", async () => {
  const { world, n1, n2, wire } = setup();
  const asked: Ref<string>[] = [];
  n2.spawn(
    stateless<Ref<string>>("slow", (replyTo) => void asked.push(replyTo)),
    { name: "slow" },
  );
  const ask = (system: ActorSystem): Promise<unknown> =>
    system.ask<Ref<string>, string>(system.refAt({ node: "n2", path: "slow" }), (replyTo) => replyTo, {
      timeoutMs: 10,
    });
  const before = ask(n1);
  world.settle();
  n1.stop();
  const again = ActorSystem.create({ node: "n1", world: { ...world, remoting: wire.remotings["n1"]! } });
  running.push(again);
  wire.link("up");
  const after = ask(again);
  world.settle();
  n2.tell(asked[0]!, "of an earlier life");
  n2.tell(asked[1]!, "of this life");
  world.advance(10);
  expect(await after).toEqual({ ok: true, answer: "of this life" });
  expect(await before).toEqual({ ok: false, code: "node-down" });
});
