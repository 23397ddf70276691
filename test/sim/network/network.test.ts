/** The simulated network keeps the contract of the remoting port, and does what faults ask of it. */
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Network } from "../../../sim/network/network.ts";
import { ProcessLife } from "../../../sim/timeline/process-life.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";
import { PayloadTypes, type PayloadType } from "../../../transport/index.ts";
import { remotingContract } from "../../contract/remoting.ts";
import { PumpedWorld } from "../checkers/pumped-world.ts";
import { networkPair, WEATHER } from "./network-pair.ts";

remotingContract("simulated", async (nodes) => {
  const world = new PumpedWorld(1);
  const { timeline, random } = world;
  const network = new Network({ nodes, timeline, random, weather: WEATHER, strict: true });
  const lives = new Map<string, ProcessLife>();
  let started = 0;
  return {
    start: async (node, register) => {
      const life = new ProcessLife(++started);
      lives.set(node, life);
      register(network.attach(node, `incarnation-${started}`, life));
    },
    stop: async (node) => {
      lives.get(node)?.end();
      network.detach(nodes.indexOf(node), true);
    },
    until: (condition) => world.until(condition),
    close: async () => world.stop(),
  };
});

test("a cut holds messages back, and delivers them when it ends before anybody noticed", () => {
  const { network, send, received, run, events } = networkPair();
  network.link(0, 1).cut(0, true);
  send(1);
  send(2);
  run(300);
  expect(received()).toEqual([]);
  network.link(0, 1).heal(0);
  run(300);
  expect(received()).toEqual([1, 2]);
  expect(events.map(({ type }) => type)).toEqual(["up"]);
});

test("a cut that lasts breaks the link: what was in flight is lost, and it comes back after the cut", () => {
  const { network, send, received, run, events } = networkPair();
  network.link(0, 1).cut(0, true);
  send(1);
  run(10_000);
  expect(events.map(({ type }) => type)).toEqual(["up", "down"]);
  send(2);
  network.link(0, 1).heal(0);
  run(10_000);
  send(3);
  run(1000);
  expect(events.map(({ type }) => type)).toEqual(["up", "down", "up"]);
  expect(received()).toEqual([3]);
});

test("a cut that stays half open never breaks the link", () => {
  const { network, run, events } = networkPair();
  network.link(0, 1).cut(0, false);
  run(60_000);
  expect(events.map(({ type }) => type)).toEqual(["up"]);
});

test("loss takes single messages and keeps the order of the others", () => {
  const { send, received, run, network } = networkPair({ loss: 0.3 });
  for (let i = 0; i < 200; i++) send(i);
  run(5000);
  const got = received() as number[];
  expect(got.length).toBeGreaterThan(100);
  expect(got.length).toBe(200 - network.lost);
  expect(got).toEqual(got.toSorted((one, other) => one - other));
});

test("a paused process gets its messages when it goes on, a dead one never", () => {
  const { lives, send, received, run } = networkPair();
  lives[1]?.pause();
  send(1);
  run(1000);
  expect(received()).toEqual([]);
  lives[1]?.resume();
  expect(received()).toEqual([1]);
  send(2);
  lives[1]?.end();
  run(1000);
  expect(received()).toEqual([1]);
});

test("a fault on one link leaves the delays of the others as they were", () => {
  const calm = deliveries(() => {});
  const struck = deliveries((network) => {
    network.link(0, 1).break("reset");
    network.link(0, 1).cut(0, true);
  });
  const toThird = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.includes("deliver 0 2"));
  expect(struck).not.toEqual(calm);
  expect(toThird(struck)).toEqual(toThird(calm));
  expect(toThird(calm)).toHaveLength(50);
});

/** Three nodes; the first sends to both others, and something is done to the network in the middle of it. */
function deliveries(act: (network: Network) => void): readonly string[] {
  const lines: string[] = [];
  const random = createRandom(7);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 0, onLine: (line) => lines.push(line) }));
  const weather = { ...WEATHER, spikes: 0.1, duplicates: 0.1, spread: 5 };
  const network = new Network({ nodes: ["n1", "n2", "n3"], timeline, random, weather, strict: false });
  const remotings = ["n1", "n2", "n3"].map((node) => network.attach(node, node, new ProcessLife(1)));
  for (let at = 0; at < 50; at++) {
    timeline.run((at + 10) * 10_000);
    if (at === 20) act(network);
    for (const to of ["n2", "n3"]) {
      remotings[0]?.send({ from: { node: "n1", path: "a" }, to: { node: to, path: "b" }, message: { type: `m${at}` } });
    }
  }
  timeline.run(20_000_000);
  return lines;
}

test("directions differ in length by as much as the weather says, and each keeps its own", () => {
  const weather = { delayMinUs: 1000, delayMeanUs: 0, spikes: 0 };
  const delaysUs = (spread: number): readonly number[] => {
    const { send, run, timeline, received } = networkPair({ ...weather, spread });
    return [1, 2, 3].map((message) => {
      const sentUs = timeline.nowUs;
      send(message);
      while (received().length < message) run(0.01);
      return timeline.nowUs - sentUs;
    });
  };
  expect(delaysUs(1)).toEqual([1000, 1000, 1000]);
  const [first, ...others] = delaysUs(10);
  expect(first).toBeGreaterThan(100);
  expect(first).toBeLessThan(1000);
  expect(others).toEqual([first, first]);
});

test("strict sending reports what no frame can carry", () => {
  const random = createRandom(1);
  const timeline = new Timeline(random.fork(), new EventLog({ linesKept: 5 }));
  const network = new Network({ nodes: ["n1", "n2"], timeline, random, weather: WEATHER, strict: true });
  const remoting = network.attach("n1", "i1", new ProcessLife(1));
  remoting.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "b" }, message: { when: () => 0 } });
  expect(timeline.failure).toMatchObject({
    invariant: "plain-messages",
    message: expect.stringContaining("when is a function"),
  });
});

test("an instance of an application's type arrives as another instance, one that cannot be decoded is dropped", async () => {
  class Money {
    readonly cents: number;

    constructor(cents: number) {
      this.cents = cents;
    }
  }
  const money: PayloadType<Money> = {
    tag: "money",
    matches: (value) => value instanceof Money,
    encode: ({ cents }) => ({ cents }),
    decode(plain) {
      const { cents } = plain as { readonly cents: number };
      if (cents < 0) throw new RangeError("below zero");
      return new Money(cents);
    },
  };
  const world = new PumpedWorld(1);
  const { timeline, random } = world;
  const payloadTypes = new PayloadTypes([money]);
  const network = new Network({ nodes: ["n1", "n2"], timeline, random, weather: WEATHER, strict: true, payloadTypes });
  const [n1, n2] = ["n1", "n2"].map((node, at) => network.attach(node, `i${at}`, new ProcessLife(at + 1)));
  const received: unknown[] = [];
  const drops: string[] = [];
  n2?.useRefs?.(() => {
    throw new Error("this test sends no refs");
  });
  n2?.onEnvelope(({ message }) => received.push(message));
  n2?.onDropped?.(({ reason, detail }) => drops.push(`${reason}: ${detail}`));
  let isUp = false;
  n1?.onLink(() => (isUp = true));
  await world.until(() => isUp);
  const sent = { price: new Money(5) };
  for (const message of [sent, new Money(-1), "next"]) {
    n1?.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "b" }, message });
  }
  await world.until(() => received.length === 2);
  expect(received).toStrictEqual([sent, "next"]);
  expect((received[0] as typeof sent).price).not.toBe(sent.price);
  expect(drops).toEqual(["unreadable: it holds a value that cannot be decoded: RangeError: below zero"]);
  world.stop();
});

test("what was sent cannot be changed any more, by whatever method", async () => {
  const world = new PumpedWorld(1);
  const { timeline, random } = world;
  const network = new Network({ nodes: ["n1", "n2"], timeline, random, weather: WEATHER, strict: true });
  const n1 = network.attach("n1", "i1", new ProcessLife(1));
  const message = { map: new Map([["a", [1]]]), set: new Set([1]), at: new Date(0), error: new Error("e"), list: [1] };
  n1.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "b" }, message });
  expect(() => message.map.set("b", [])).toThrow("Cannot call set: this Map was sent in a message");
  expect(() => message.map.get("a")?.push(2)).toThrow(TypeError);
  expect(() => message.set.add(2)).toThrow("Cannot call add: this Set was sent in a message");
  expect(() => message.at.setTime(1)).toThrow("Cannot call setTime: this Date was sent in a message");
  expect(() => message.list.push(2)).toThrow(TypeError);
  expect(() => (message.error.message = "f")).toThrow(TypeError);
  expect(message.map.get("a")).toEqual([1]);
  world.stop();
});
