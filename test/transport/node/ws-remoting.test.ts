/** What the ws driver does beyond the port's contract: batches, counts, notices silence, backs off, refuses options. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Envelope, LinkEvent } from "../../../runtime/ports/remoting.ts";
import { Ref } from "../../../runtime/ref.ts";
import { createWsRemoting, TransportError, type WsRemoting } from "../../../transport/node/index.ts";
import { moneyType } from "./payload-values.ts";
import { Stranger } from "./stranger.ts";
import { freePorts, MemoryLogger, SHORT_TIMES, until, WsCluster, wsOptions } from "./ws-cluster.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startPair(): Promise<{ n1: WsRemoting; n2: WsRemoting; received: unknown[]; cluster: WsCluster }> {
  const cluster = await WsCluster.create(["n1", "n2"]);
  cleanups.push(() => cluster.close());
  const received: unknown[] = [];
  for (const node of ["n1", "n2"]) {
    await cluster.start(node, (remoting) => {
      remoting.useRefs?.(() => {
        throw new Error("no test of this file sends a ref");
      });
      remoting.onEnvelope((envelope) => received.push(envelope.message));
    });
  }
  const [n1, n2] = [cluster.running.get("n1"), cluster.running.get("n2")];
  if (n1 === undefined || n2 === undefined) throw new Error("not started");
  await until(() => n1.counters().linksUp === 1 && n2.counters().linksUp === 1);
  return { n1, n2, received, cluster };
}

async function startAlone(
  overrides: Parameters<typeof wsOptions>[1] = {},
): Promise<{ node: WsRemoting; port: number }> {
  const peers = new Map([["n1", { host: "127.0.0.1", port: 1 }]]);
  const node = createWsRemoting(wsOptions("n2", { peers, ...overrides }));
  cleanups.push(() => node.close());
  node.remoting.onEnvelope(() => {});
  return { node, port: (await node.start()).port };
}

function send(from: WsRemoting, [source, target]: [string, string], message: unknown): void {
  from.remoting.send({ from: { node: source, path: "a" }, to: { node: target, path: "b" }, message });
}

test("envelopes that are sent in one turn share one frame", async () => {
  const { n1, n2, received } = await startPair();
  const before = n1.counters();
  for (let i = 0; i < 100; i++) send(n1, ["n1", "n2"], i);
  await until(() => received.length === 100);
  expect(n1.counters().framesSent - before.framesSent).toBe(1);
  expect(n1.counters().envelopesSent - before.envelopesSent).toBe(100);
  expect(n2.counters().envelopesReceived).toBe(100);
  expect(n2.counters().bytesReceived).toBe(n1.counters().bytesSent);
});

test("send() drops what may not cross, counts it and says what it was, and the link stays", async () => {
  const { n1, received, cluster } = await startPair();
  send(n1, ["n1", "n2"], { at: () => {} });
  send(n1, ["n1", "n2"], new Uint8Array(64 * 1024 * 1024));
  send(n1, ["n9", "n2"], "in another's name");
  send(n1, ["n1", "n1"], "to itself");
  n1.remoting.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "" }, message: "to whom?" });
  send(n1, ["n1", "n2"], "fine");
  await until(() => received.length > 0);
  expect(received).toEqual(["fine"]);
  expect(n1.counters().dropped).toMatchObject({ "not-plain": 1, "too-large": 1, "no-route": 3, "no-link": 0 });
  expect(cluster.running.get("n2")?.counters().linksDown).toBe(0);
});

test("onDropped() tells why an envelope goes nowhere, before send() returns", async () => {
  const { n1 } = await startPair();
  const heard: string[] = [];
  n1.remoting.onDropped?.(({ envelope: { to }, reason, detail }) => heard.push(`${to.path}: ${reason}: ${detail}`));
  const cycle: { a?: unknown } = {};
  cycle.a = { b: cycle };
  const cases: [Partial<Envelope>, string][] = [
    [{ message: cycle }, "b: not-plain: message.a.b is cyclic"],
    [{ message: new Uint8Array(64 * 1024 * 1024) }, "b: too-large: message has more than 67108864 bytes"],
    [{ from: { node: "n9", path: "a" } }, 'b: no-route: it is sent in the name of "n9"'],
    [{ from: { node: "n1", path: "a".repeat(1025) } }, "b: no-route: the sender's path is too long"],
    [{ to: { node: "n9", path: "c" } }, 'c: no-route: "n9" is no peer of this node'],
    [{ to: { node: "n2", path: "" } }, ": no-route: there is no such path"],
  ];
  for (const [change, expected] of cases) {
    n1.remoting.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path: "b" }, message: 1, ...change });
    expect(heard.at(-1)).toBe(expected);
  }
  const { node } = await startAlone();
  node.remoting.onDropped?.(({ reason, detail }) => heard.push(`${reason}: ${detail}`));
  send(node, ["n2", "n1"], 1);
  expect(heard.at(-1)).toBe('no-link: "n1" has no link at the moment');
});

test("small messages are not held up by a large one, and heartbeats neither", async () => {
  const cluster = await WsCluster.create(["n1", "n2"]);
  cleanups.push(() => cluster.close());
  const order: string[] = [];
  for (const node of ["n1", "n2"]) {
    await cluster.start(node, (remoting) => {
      remoting.useRefs?.(() => {
        throw new Error("no test of this file sends a ref");
      });
      remoting.onEnvelope(({ to, message }) => {
        order.push(to.path);
        if (message === "ping") remoting.send({ from: to, to: { node: "n1", path: "answers" }, message: "pong" });
      });
    });
  }
  const n1 = cluster.running.get("n1");
  await until(() => n1?.counters().linksUp === 1);
  const tell = (path: string, message: unknown): void =>
    n1?.remoting.send({ from: { node: "n1", path: "a" }, to: { node: "n2", path }, message });
  tell("large", new Uint8Array(20 * 1024 * 1024));
  tell("small", "ping");
  await until(() => order.includes("large"));
  expect(order).toEqual(["small", "answers", "large"]);
});

test("a node takes so many connections, and counts the others", async () => {
  const { node, port } = await startAlone();
  // Two for its one peer, and the strangers it allows for.
  const sockets = await Promise.all(
    Array.from({ length: 2 + 64 }, async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    }),
  );
  const refused = connect(port, "127.0.0.1");
  refused.on("error", () => {});
  await once(refused, "close");
  await until(() => node.counters().refused["too-many-connections"] > 0);
  expect(node.counters().refused["too-many-connections"]).toBe(1);
  sockets[0]?.destroy();
  // Whoever goes makes room.
  await until(async () => {
    const again = await Stranger.linked(port).catch(() => null);
    again?.end();
    return again !== null;
  });
  for (const socket of sockets) socket.destroy();
});

test("send() takes a snapshot: what the sender changes afterwards does not travel", async () => {
  const { n1, received } = await startPair();
  const message = { n: 1 };
  send(n1, ["n1", "n2"], message);
  message.n = 2;
  await until(() => received.length === 1);
  expect(received).toEqual([{ n: 1 }]);
});

test("an error about a message names both ends, the place and the type", async () => {
  const logger = new MemoryLogger();
  const { node, port } = await startAlone({ logger });
  const stranger = await Stranger.linked(port);
  send(node, ["n2", "n1"], { list: [{ at: Symbol("a") }] });
  expect(logger.lines.at(-1)).toMatchObject({
    level: "error",
    message: 'Cannot send from "a" on "n2" to "b" on "n1": message.list[0].at is a symbol',
  });
  stranger.end();
});

test("a peer that reads nothing fills its queue, what exceeds it is dropped and counted", async () => {
  const { node, port } = await startAlone();
  const stranger = await Stranger.linked(port);
  stranger.socket.pause();
  const chunk = new Uint8Array(4 * 1024 * 1024);
  for (let i = 0; i < 20; i++) send(node, ["n2", "n1"], chunk);
  expect(node.counters().envelopesSent).toBeLessThan(10);
  expect(node.counters().dropped["queue-full"]).toBe(20 - node.counters().envelopesSent);
  stranger.end();
});

test("a peer that falls silent is down after two intervals without a byte", async () => {
  const events: LinkEvent[] = [];
  const logger = new MemoryLogger();
  const { node, port } = await startAlone({ logger, timing: { ...SHORT_TIMES, heartbeatMs: 20 } });
  node.remoting.onLink((event) => events.push(event));
  const stranger = await Stranger.linked(port);
  stranger.socket.pause();
  await until(() => events.length === 2);
  expect(events.map((event) => event.type)).toEqual(["up", "down"]);
  expect(logger.lines.at(-1)).toMatchObject({ message: 'Link to "n1" is down', fields: { end: "silent" } });
  stranger.end();
});

test("a peer that answers pings stays up without any message", async () => {
  const { node, port } = await startAlone({ timing: { ...SHORT_TIMES, heartbeatMs: 5 } });
  const stranger = await Stranger.linked(port);
  let pings = 0;
  stranger.socket.on("ping", () => (pings += 1));
  await until(() => pings >= 8);
  expect(node.counters()).toMatchObject({ linksUp: 1, linksDown: 0 });
  stranger.end();
});

test("a node without its peer dials again, ever more slowly, and says so less than it tries", async () => {
  const [port = 0] = await freePorts(1);
  const logger = new MemoryLogger();
  const peers = new Map([["n2", { host: "127.0.0.1", port }]]);
  const node = createWsRemoting(
    wsOptions("n1", { peers, logger, random: { ...wsOptions("n1").random, next: () => 0.5 } }),
  );
  cleanups.push(() => node.close());
  await node.start();
  await until(() => node.counters().dials >= 8);
  const lines = logger.lines.filter((line) => line.message === 'Cannot reach "n2"');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.fields).toMatchObject({ port, detail: expect.stringMatching(/ECONNREFUSED/) });
});

test("a dialer learns why it was refused", async () => {
  const cluster = await WsCluster.create(["n1", "n2"]);
  cleanups.push(() => cluster.close());
  const logger = new MemoryLogger();
  await cluster.start("n2", () => {});
  await cluster.start("n1", () => {}, { logger, token: "another token of the same length or so" });
  const n1 = cluster.running.get("n1");
  await until(() => (n1?.counters().refusedByPeer["wrong-token"] ?? 0) >= 2);
  expect(logger.lines.filter((line) => line.message === '"n2" refused this node: wrong-token')).toHaveLength(1);
  expect(n1?.counters().linksUp).toBe(0);
});

test("envelopes that arrive before the actor system has registered are dropped and counted", async () => {
  const peers = new Map([["n1", { host: "127.0.0.1", port: 1 }]]);
  const node = createWsRemoting(wsOptions("n2", { peers }));
  cleanups.push(() => node.close());
  const stranger = await Stranger.linked((await node.start()).port);
  stranger.say([5, ["raft", "", 1], ["raft", "", 2]]);
  await until(() => node.counters().framesReceived === 3);
  expect(node.counters().dropped["not-started"]).toBe(2);
  stranger.end();
});

test("envelopes are dropped while refs cannot be resolved, and the link stays", async () => {
  const { node, port } = await startAlone();
  const stranger = await Stranger.linked(port);
  const ref = new Ref<never>({ node: "n1", path: "a" }, { receive: () => {} });
  stranger.say([5, ["raft", "", { replyTo: ref }]]);
  await until(() => node.counters().framesReceived === 3);
  expect(node.counters().dropped["not-started"]).toBe(1);
  expect(node.counters().linksDown).toBe(0);
  stranger.end();
});

test("close() ends every connection and frees the port", async () => {
  const { cluster, n1, n2 } = await startPair();
  const port = cluster.addresses.get("n2")?.port ?? 0;
  const half = await Stranger.open(port);
  await Promise.all([n1.close(), n2.close()]);
  await half.closed;
  const again = createWsRemoting(wsOptions("n2", { listen: { port } }));
  cleanups.push(() => again.close());
  expect(await again.start()).toEqual({ port });
});

test("a node that listens beyond loopback says that nothing is encrypted", async () => {
  const logger = new MemoryLogger();
  await startAlone({ logger, listen: { host: "0.0.0.0", port: 0 } });
  expect(logger.lines[0]).toMatchObject({ level: "warn", message: expect.stringMatching(/unencrypted/) });
});

test("start() says why it cannot listen on an address", async () => {
  const node = createWsRemoting(wsOptions("n1", { listen: { host: "192.0.2.1", port: 0 } }));
  await expect(node.start()).rejects.toMatchObject({
    code: "listen-failed",
    message: /^Cannot listen on 192\.0\.2\.1:0: /,
  });
});

test.each([
  [{ node: "n/1" }, 'the node is "n/1"'],
  [{ incarnation: "" }, 'the incarnation is ""'],
  [{ clusterId: "a b" }, 'the cluster id is "a b"'],
  [{ peers: new Map([["n 2", { host: "a", port: 1 }]]) }, 'the peer is "n 2"'],
  [{ peers: new Map([["n1", { host: "a", port: 1 }]]) }, "it is among its own peers"],
  [{ token: "short" }, "the cluster token has 5 characters"],
  [{ messageBytesMax: 1000 }, "the largest message is to have 1000 bytes"],
  [{ messageBytesMax: Number.NaN }, "the largest message is to have NaN bytes"],
  [{ payloadTypes: [{ ...moneyType, tag: "a b" }] }, 'Cannot use the payload type "a b": a tag is 1 to 64'],
  [{ payloadTypes: [moneyType, moneyType] }, 'Cannot use the payload type "money": there is another one of that tag'],
])("createWsRemoting() refuses %o", (overrides, message) => {
  const create = (): WsRemoting => createWsRemoting(wsOptions("n1", overrides));
  expect(create).toThrow(TransportError);
  expect(create).toThrow(
    expect.objectContaining({ code: "transport-options", message: expect.stringContaining(message) }),
  );
});
