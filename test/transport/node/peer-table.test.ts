/** Peers that come and go while a node runs. */
import { afterEach, expect, test } from "vitest";
import type { LinkEvent } from "../../../runtime/ports/remoting.ts";
import { createWsRemoting, TransportError, type WsRemoting } from "../../../transport/node/index.ts";
import { freePorts, until, wsOptions } from "./ws-cluster.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Running {
  readonly ws: WsRemoting;
  readonly port: number;
  readonly links: string[];
}

async function start(node: string, port = 0): Promise<Running> {
  const ws = createWsRemoting(wsOptions(node, { listen: { port } }));
  cleanups.push(() => ws.close());
  const links: string[] = [];
  ws.remoting.onEnvelope(() => {});
  ws.remoting.onLink(({ type, node: peer }: LinkEvent) => links.push(`${type} ${peer}`));
  return { ws, port: (await ws.start()).port, links };
}

function at(port: number): { host: string; port: number } {
  return { host: "127.0.0.1", port };
}

test.each([
  ["the one that dials", "n1", "n2"],
  ["the one that is dialed", "n2", "n1"],
])("addPeer() links two running nodes, when %s is told last", async (_, first, last) => {
  const [one, other] = [await start(first), await start(last)];
  one.ws.addPeer(last, at(other.port));
  other.ws.addPeer(first, at(one.port));
  await until(() => one.links.length === 1 && other.links.length === 1);
  expect([one.links, other.links]).toEqual([[`up ${last}`], [`up ${first}`]]);
});

test("addPeer() again with the same address changes nothing; with another one the next connection goes there", async () => {
  const [moved = 0] = await freePorts(1);
  const [n1, n2] = [await start("n1"), await start("n2")];
  n2.ws.addPeer("n1", at(n1.port));
  for (let time = 0; time < 2; time++) n1.ws.addPeer("n2", at(n2.port));
  await until(() => n1.links.length === 1);
  expect(n1.ws.counters().dials).toBeLessThanOrEqual(2);
  n1.ws.addPeer("n2", at(moved));
  expect(n1.links).toEqual(["up n2"]);
  await n2.ws.close();
  const again = await start("n2", moved);
  again.ws.addPeer("n1", at(n1.port));
  await until(() => n1.links.length === 3);
  expect(n1.links).toEqual(["up n2", "down n2", "up n2"]);
});

test("addPeer() with another address while the old one is dialed leads to one link that stays", async () => {
  const [nobody = 0] = await freePorts(1);
  const [n1, n2] = [await start("n1"), await start("n2")];
  n2.ws.addPeer("n1", at(n1.port));
  n1.ws.addPeer("n2", at(n2.port));
  n1.ws.addPeer("n2", at(nobody));
  n1.ws.addPeer("n2", at(n2.port));
  await until(() => n1.links.at(-1) === "up n2" && n2.links.at(-1) === "up n1");
  const { linksUp } = n2.ws.counters();
  expect(linksUp).toBeLessThanOrEqual(2);
  // A dialer that took the end of a connection of the one before it for its own would replace its link again and again.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(n2.ws.counters().linksUp).toBeLessThanOrEqual(2);
});

test("removePeer() leaves the link that is up, and takes no other", async () => {
  const [n1, n2] = [await start("n1"), await start("n2")];
  n2.ws.addPeer("n1", at(n1.port));
  n1.ws.addPeer("n2", at(n2.port));
  await until(() => n2.links.length === 1 && n1.links.length === 1);
  n2.ws.removePeer("n1");
  expect(n2.links).toEqual(["up n1"]);
  await n1.ws.close();
  await until(() => n2.links.length === 2);
  const again = await start("n1");
  again.ws.addPeer("n2", at(n2.port));
  await until(() => n2.ws.counters().refused["unknown-node"] > 0);
  expect(n2.links).toEqual(["up n1", "down n1"]);
});

test("removePeer() of a node that is not linked ends its dialing; of a stranger does nothing", async () => {
  const [nobody = 0] = await freePorts(1);
  const n1 = await start("n1");
  n1.ws.addPeer("n2", at(nobody));
  await until(() => n1.ws.counters().dials > 1);
  n1.ws.removePeer("n2");
  n1.ws.removePeer("n9");
  const { dials } = n1.ws.counters();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(n1.ws.counters().dials).toBe(dials);
});

test("addPeer() refuses this node itself and a name that is none", async () => {
  const n1 = await start("n1");
  for (const peer of ["n1", "not a name", ""]) {
    expect(() => n1.ws.addPeer(peer, at(1)), peer).toThrow(TransportError);
  }
});
