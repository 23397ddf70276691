/** What faults do to a link beyond cutting and breaking it, each to the microsecond. */
import { expect, test } from "vitest";
import { Ref } from "../../../runtime/index.ts";
import { sizeOfMessage } from "../../../sim/network/message-size.ts";
import { EXACT_WEATHER, FROM_KERNEL, networkPair, type NetworkPair } from "./network-pair.ts";

function exactPair(): NetworkPair & { readonly startMs: number } {
  const pair = networkPair(EXACT_WEATHER);
  return { ...pair, startMs: pair.timeline.nowMs };
}

/** A message that takes so many bytes on the wire. */
function ofSize(bytes: number): Uint8Array {
  return new Uint8Array(bytes - sizeOfMessage(new Uint8Array(0)));
}

test("a narrow line passes messages one behind the other, by their size, and in order", () => {
  const { send, run, arrivals, network, startMs } = exactPair();
  network.link(0, 1).lane(0).narrow(10_000);
  send(ofSize(5000));
  send(ofSize(100));
  run(2000);
  send(ofSize(1000));
  run(2000);
  expect(arrivals.map(({ atMs }) => atMs - startMs)).toEqual([501, 511, 2101]);
  expect(network.met.queued).toBe(3);
});

test("a line that is wide again lets all that waits pass at once", () => {
  const { send, run, arrivals, network, startMs } = exactPair();
  const widen = network.link(0, 1).lane(0).narrow(1000);
  const alsoWiden = network.link(0, 1).lane(0).narrow(10_000);
  for (let i = 0; i < 3; i++) send(ofSize(1000));
  run(1500);
  widen();
  run(50);
  expect(arrivals.map(({ atMs }) => atMs - startMs)).toEqual([1001]);
  // The second had begun on the narrower line and takes its second; the third is held by what is left.
  run(450);
  expect(arrivals).toHaveLength(1);
  alsoWiden();
  run(5);
  expect(arrivals.map(({ atMs }) => atMs - startMs)).toEqual([1001, 2001, 2001]);
});

test("a narrow line that breaks loses what waits, and the next connection begins with nothing", () => {
  const { send, run, received, network } = exactPair();
  network.link(0, 1).lane(0).narrow(1000);
  for (let i = 0; i < 3; i++) send(ofSize(10_000));
  network.link(0, 1).break("reset");
  run(5000);
  send(ofSize(100));
  run(200);
  expect(received()).toEqual([ofSize(100)]);
  expect(network.lost).toBe(3);
});

test("a narrow line in which 32 MiB wait drops the newest, and the sender is told", () => {
  const { send, drops, network } = exactPair();
  network.link(0, 1).lane(0).narrow(1000);
  for (let i = 0; i < 5; i++) send(ofSize(10 * 1024 * 1024));
  expect(drops).toMatchObject([{ reason: "queue-full" }]);
  send("what a kernel says", FROM_KERNEL);
  expect(drops).toHaveLength(1);
});

test("sizeOfMessage() is about what MessagePack takes", () => {
  const bare = sizeOfMessage(null);
  expect(sizeOfMessage(new Uint8Array(1000)) - bare).toBeGreaterThanOrEqual(1000 - 5);
  expect(sizeOfMessage({ type: "append", entries: ["x".repeat(500)] }) - bare).toBeGreaterThan(500);
  expect(sizeOfMessage(new Map([["key", new Set([1, 2, 3])]])) - bare).toBeLessThan(50);
  const ref = new Ref({ node: "n1", path: "a" }, { receive: () => {} });
  expect(sizeOfMessage({ replyTo: ref }) - bare).toBeLessThan(60);
});

test("a clog holds everything back, and then all of it arrives at once, in order", () => {
  const { send, run, arrivals, network, startMs, events } = exactPair();
  network.link(0, 1).clog(0);
  for (let i = 0; i < 5; i++) {
    send(i);
    run(3000);
  }
  send("on its way");
  expect(arrivals).toEqual([]);
  network.link(0, 1).unclog(0);
  run(10);
  expect(arrivals).toEqual([
    ...[0, 1, 2, 3, 4].map((message) => ({ atMs: startMs + 15_000, message })),
    { atMs: startMs + 15_001, message: "on its way" },
  ]);
  expect(network.met.burst).toBe(5);
  expect(events.map(({ type }) => type)).toEqual(["up"]);
});

test("a clog that ends under a cut leaves its messages to the cut", () => {
  const { send, run, arrivals, network } = exactPair();
  const link = network.link(0, 1);
  link.clog(0);
  link.cut(0, false);
  send(1);
  run(100);
  link.unclog(0);
  run(100);
  expect(arrivals).toEqual([]);
  link.heal(0);
  run(100);
  expect(arrivals).toHaveLength(1);
});

test("a filter takes messages of one kind, also of what Raft's members wrap, and nothing that kernels say", () => {
  const { send, run, received, network } = exactPair();
  const vote = { type: "peer", message: { type: "vote-response", term: 1 } };
  const append = { type: "peer", message: { type: "append", term: 1 } };
  const keep = network.link(0, 1).lane(0).lose("vote-response");
  const keepAgain = network.link(0, 1).lane(0).lose("vote-response");
  for (const message of [vote, append, { type: "vote-response" }, { type: "other" }]) send(message);
  send({ type: "vote-response" }, FROM_KERNEL);
  run(100);
  expect(received()).toEqual([append, { type: "other" }, { type: "vote-response" }]);
  expect(network.met.filtered).toBe(2);
  keep();
  send(vote);
  run(100);
  expect(received()).toHaveLength(3);
  keepAgain();
  send(vote);
  run(100);
  expect(received().at(-1)).toEqual(vote);
});

test("the weather of one direction is its own, and of two that strike the worse counts", () => {
  const { send, sendBack, run, arrivals, arrivalsBack, network, startMs } = exactPair();
  const { worse } = network.link(0, 1).lane(0);
  worse.loss = 1;
  send("lost");
  sendBack("not lost");
  run(10);
  expect(arrivals).toEqual([]);
  expect(arrivalsBack).toEqual([{ atMs: startMs + 1, message: "not lost" }]);
  worse.loss = 0;
  send("not lost");
  run(10);
  expect(arrivals).toHaveLength(1);
  network.weather.loss = 1;
  send("lost everywhere");
  run(10);
  expect(arrivals).toHaveLength(1);
});

test("what Raft's members have said can be said again over another connection, and is not while there is none", () => {
  const { send, run, received, network } = exactPair();
  const lane = network.link(0, 1).lane(0);
  const heard: unknown[] = [];
  const stop = lane.listen(({ message }) => heard.push(message));
  const envelope = { from: { node: "n1", path: "raft" }, to: { node: "n2", path: "raft" }, message: { type: "peer" } };
  send(envelope.message);
  send("of a kernel", FROM_KERNEL);
  stop();
  send("later");
  run(100);
  expect(heard).toEqual([envelope.message]);
  network.link(0, 1).break("reset");
  lane.sayAgain(envelope);
  run(5000);
  expect(received()).toHaveLength(3);
  lane.sayAgain(envelope);
  run(100);
  expect(received()).toEqual([envelope.message, "of a kernel", "later", envelope.message]);
  expect(network.met.replayed).toBe(1);
});

test("a storm breaks every connection within 20 ms of its making, until it is calm", () => {
  const { run, network, events, timeline } = exactPair();
  const link = network.link(0, 1);
  link.storm();
  run(60_000);
  const ups = events.filter(({ type }) => type === "up").length;
  expect(ups).toBeGreaterThan(20);
  expect(network.met.stormed).toBeGreaterThanOrEqual(ups - 2);
  link.calm();
  run(5000);
  expect(link.up).toBe(true);
  const before = events.length;
  const sinceMs = timeline.nowMs;
  run(60_000);
  expect(events).toHaveLength(before);
  expect(timeline.nowMs).toBe(sinceMs + 60_000);
});

test("what one side says into a connection that the other has forgotten vanishes until it notices the silence", () => {
  const { send, run, received, network, events, eventsAtSecond } = exactPair();
  // Of two nodes the first dials: it is the one that believes in it, so nobody makes another connection before.
  network.link(0, 1).forget(1, 3_000_000);
  run(2999);
  send("to nobody");
  expect(eventsAtSecond.map(({ type }) => type)).toEqual(["up", "down"]);
  expect(events.map(({ type }) => type)).toEqual(["up"]);
  expect(network.met.vanished).toBe(1);
  run(5000);
  expect(events.map(({ type }) => type)).toEqual(["up", "down", "up"]);
  send("heard");
  run(10);
  expect(received()).toEqual(["heard"]);
});

test("a dialer's new connection replaces the one that the other side still believes in: down, and up at once", () => {
  const { network, run, events, eventsAtSecond, timeline } = exactPair();
  network.link(0, 1).forget(0, 60_000_000);
  const sinceMs = timeline.nowMs;
  run(5000);
  expect(timeline.nowMs - sinceMs).toBe(5000);
  expect(events.map(({ type }) => type)).toEqual(["up", "down", "up"]);
  expect(eventsAtSecond.map(({ type }) => type)).toEqual(["up", "down", "up"]);
  run(120_000);
  expect(eventsAtSecond).toHaveLength(3);
});
