/** A node that is dialed says that it listens, so that nobody waits for a dialer's back-off. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Packr } from "msgpackr";
import { afterEach, expect, test } from "vitest";
import { createWsRemoting, type WsRemoting } from "../../../transport/node/index.ts";
import { Stranger } from "./stranger.ts";
import { freePorts, SHORT_TIMES, until, wsOptions } from "./ws-cluster.ts";

/** Longer than any test: whoever waits for it is not linked again. */
const NEVER = { ...SHORT_TIMES, redial: { minMs: 60_000, maxMs: 60_000, jitter: 0 } };

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Running {
  readonly ws: WsRemoting;
  readonly links: string[];
}

async function start(node: string, port: number, peer: readonly [string, number]): Promise<Running> {
  const peers = new Map([[peer[0], { host: "127.0.0.1", port: peer[1] }]]);
  const ws = createWsRemoting(wsOptions(node, { listen: { port }, peers, timing: NEVER }));
  cleanups.push(() => ws.close());
  const links: string[] = [];
  ws.remoting.onLink(({ type }) => links.push(type));
  await ws.start();
  return { ws, links };
}

test("a node that starts is dialed at once by a peer that waits before it dials again", async () => {
  const [one = 0, other = 0] = await freePorts(2);
  const n1 = await start("n1", one, ["n2", other]);
  await until(() => n1.ws.counters().dials === 1);
  const n2 = await start("n2", other, ["n1", one]);
  await until(() => n1.links.length === 1 && n2.links.length === 1);
  expect(n1.ws.counters().dials).toBeLessThanOrEqual(3);
});

test("a link that breaks comes again at once, when the one that is dialed has noticed", async () => {
  const [one = 0, other = 0] = await freePorts(2);
  const between = new Set<Socket>();
  const proxy = createServer((socket) => {
    const onward = connect(other, "127.0.0.1");
    for (const end of [socket, onward]) between.add(end.on("error", () => {}));
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => void proxy.close());
  const n2 = await start("n2", other, ["n1", one]);
  const n1 = await start("n1", one, ["n2", (proxy.address() as AddressInfo).port]);
  await until(() => n1.links.length === 1 && n2.links.length === 1);
  for (const socket of between) socket.destroy();
  await until(() => n1.links.length === 3 && n2.links.length === 3);
  expect(n2.links).toEqual(["up", "down", "up"]);
});

test("a knock leaves a link that is there as it is, and reaches no actor", async () => {
  const [one = 0, other = 0] = await freePorts(2);
  const n1 = await start("n1", one, ["n2", other]);
  const n2 = await start("n2", other, ["n1", one]);
  await until(() => n1.links.length === 1 && n2.links.length === 1);
  for (let time = 0; time < 3; time++) {
    const stranger = await Stranger.open(one);
    stranger.socket.send(new Packr({ useRecords: false }).pack([10, "test", "n2", "another"]));
    expect((await stranger.closed).code).toBe(1001);
  }
  expect([n1.links, n2.links]).toEqual([["up"], ["up"]]);
  expect(n1.ws.counters().envelopesReceived).toBe(0);
});
