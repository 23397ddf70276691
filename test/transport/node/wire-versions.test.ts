/** Pairs of nodes of different versions, over real sockets: what both speak is spoken, what one cannot read is named. */
import { Packr } from "msgpackr";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Envelope, EnvelopeDrop, LinkEvent } from "../../../runtime/ports/remoting.ts";
import { createWsRemoting, type WsRemoting } from "../../../transport/node/index.ts";
import { Money, moneyType } from "./payload-values.ts";
import { Stranger } from "./stranger.ts";
import { until, WsCluster, wsOptions } from "./ws-cluster.ts";

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

let node: WsRemoting;
let port: number;
const received: Envelope[] = [];
const drops: EnvelopeDrop[] = [];

beforeEach(async () => {
  received.length = 0;
  drops.length = 0;
  node = createWsRemoting(wsOptions("n2", { peers: new Map([["n1", { host: "127.0.0.1", port: 1 }]]) }));
  node.remoting.useRefs?.(() => {
    throw new Error("no test of this file sends a ref");
  });
  node.remoting.onEnvelope((envelope) => received.push(envelope));
  node.remoting.onDropped?.((drop) => drops.push(drop));
  ({ port } = await node.start());
});

afterEach(() => node.close());

function tell(message: unknown): void {
  node.remoting.send({ from: { node: "n2", path: "a" }, to: { node: "n1", path: "b" }, message });
}

test("a peer of version 1 is spoken to in frames that it knows, and heard", async () => {
  const old = await Stranger.linked(port, { versions: { min: 1, max: 1 } });
  const message = { text: "Grüße", n: [0, -1, 70_000, 0.5, 7n], bytes: Buffer.from([1, 2]), nothing: undefined };
  tell(message);
  tell("second");
  expect(packr.unpack(await old.next())).toEqual([5, ["b", "a", message], ["b", "a", "second"]]);
  old.say([5, ["raft", "api", { back: [1] }]]);
  await until(() => received.length === 1);
  expect(received).toEqual([
    { from: { node: "n1", path: "api" }, to: { node: "n2", path: "raft" }, message: { back: [1] } },
  ]);
  old.end();
});

test("a link to a peer of version 1 says that nobody there hears kernels", async () => {
  const events: LinkEvent[] = [];
  node.remoting.onLink((event) => events.push(event));
  for (const [i, max] of [1, 2].entries()) {
    const peer = await Stranger.linked(port, { versions: { min: 1, max } });
    await until(() => events.length === 2 * i + 1);
    const late: LinkEvent[] = [];
    node.remoting.onLink((event) => late.push(event));
    expect(late).toEqual(events.slice(-1));
    peer.end();
    await until(() => events.length === 2 * i + 2);
  }
  const ups = events.filter(({ type }) => type === "up");
  expect(ups.map(({ hearsKernels = true }) => hearsKernels)).toEqual([false, true]);
});

test("what a peer of version 1 cannot read is refused by name, and the link stays", async () => {
  const old = await Stranger.linked(port, { versions: { min: 1, max: 1 } });
  tell({ seen: new Map() });
  tell(new Uint8Array(17 * 1024 * 1024));
  tell("fine");
  expect(packr.unpack(await old.next())).toEqual([5, ["b", "a", "fine"]]);
  expect(drops.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual([
    "not-plain: message.seen is a Map, which a peer of protocol version 1 cannot read",
    "too-large: message has more than 16769024 bytes, all that a peer of protocol version 1 takes",
  ]);
  expect(drops[0]?.envelope.message).toEqual({ seen: new Map() });
  expect(node.counters()).toMatchObject({ linksDown: 0, dropped: { "not-plain": 1, "too-large": 1 } });
  old.end();
});

test("a peer of a later version speaks version 2 with this node", async () => {
  const later = await Stranger.linked(port, { versions: { min: 2, max: 9 } });
  tell("hello");
  expect(packr.unpack(await later.next())).toEqual([6, "hello", [0, "b"], [0, "a"]]);
  later.say([6, "one", [0, "raft"], "api", "two", 0, "", "three", "raft", [0, "api"]]);
  await until(() => received.length === 3);
  expect(received.map(({ to, from, message }) => [to.path, from.path, message])).toEqual([
    ["raft", "api", "one"],
    ["raft", "", "two"],
    ["raft", "api", "three"],
  ]);
  later.end();
});

test("a value that only a later version knows loses its message; those beside it arrive, and the link stays", async () => {
  const later = await Stranger.linked(port, { versions: { min: 2, max: 9 } });
  const unknown = Uint8Array.of(0xc7, 3, 0x30, 1, 2, 3);
  const frame = packr.pack([6, "before", "raft", "api", "?", "raft", "api", "after", "raft", "api"]);
  const at = frame.indexOf("?") - 1;
  later.socket.send(Buffer.concat([frame.subarray(0, at), unknown, frame.subarray(at + 2)]));
  await until(() => received.length === 2 && drops.length === 1);
  expect(received.map(({ message }) => message)).toEqual(["before", "after"]);
  expect(drops[0]).toEqual({
    envelope: { from: { node: "n1", path: "api" }, to: { node: "n2", path: "raft" }, message: undefined },
    reason: "unreadable",
    detail: "it holds a value of extension type 48, which this node does not know",
  });
  expect(node.counters()).toMatchObject({ linksDown: 0, dropped: { unreadable: 1 } });
  later.end();
});

test("types of an application's own cross between nodes that know them; one that does not says so and goes on", async () => {
  const cluster = await WsCluster.create(["n1", "n2", "n3"]);
  const messages = new Map<string, unknown[]>();
  const heard: string[] = [];
  for (const name of ["n1", "n2", "n3"]) {
    messages.set(name, []);
    const payloadTypes = name === "n3" ? [] : [moneyType];
    await cluster.start(
      name,
      (remoting) => {
        remoting.useRefs?.(() => {
          throw new Error("no refs here");
        });
        remoting.onEnvelope(({ message }) => messages.get(name)?.push(message));
        remoting.onDropped?.(({ detail }) => heard.push(`${name}: ${detail}`));
      },
      { payloadTypes },
    );
  }
  const n1 = cluster.running.get("n1");
  await until(() => n1?.counters().linksUp === 2);
  const forged = new Money("a lot" as unknown as bigint, null);
  for (const to of ["n2", "n3"]) {
    for (const message of [{ price: new Money(150n, "tip") }, forged, "next"]) {
      n1?.remoting.send({ from: { node: "n1", path: "a" }, to: { node: to, path: "b" }, message });
    }
  }
  await until(() => messages.get("n2")?.length === 2 && messages.get("n3")?.length === 1 && heard.length === 3);
  expect(messages.get("n2")).toEqual([{ price: new Money(150n, "tip") }, "next"]);
  expect(messages.get("n2")).toEqual([{ price: expect.any(Money) }, "next"]);
  expect(messages.get("n3")).toEqual(["next"]);
  const unknown = 'n3: it holds a value of type "money", which this node does not know';
  expect(heard.toSorted()).toEqual([
    'n2: it holds a value of type "money" that cannot be decoded: TypeError: cents is no bigint',
    unknown,
    unknown,
  ]);
  await cluster.close();
});
