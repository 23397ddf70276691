/** Each way to be refused, against one live node: closed with a reason, counted, nothing delivered, and the node lives. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Packr } from "msgpackr";
import type { Envelope } from "../../../runtime/ports/remoting.ts";
import { closeCodeOf, type RefusalCode } from "../../../transport/index.ts";
import { createWsRemoting, type TransportError, type WsRemoting } from "../../../transport/node/index.ts";
import { sayOverTcp, Stranger, type StrangerOptions } from "./stranger.ts";
import { MemoryLogger, SHORT_TIMES, TOKEN, until, wsOptions } from "./ws-cluster.ts";

const packr = new Packr({ useRecords: false });
const PEERS = new Map(["n1", "n3"].map((peer) => [peer, { host: "127.0.0.1", port: 1 }]));

let node: WsRemoting;
let port: number;
let received: Envelope[];
let logger: MemoryLogger;
const strangers: Stranger[] = [];

beforeAll(async () => {
  logger = new MemoryLogger();
  received = [];
  // "n3" is told to dial nobody: this node would dial it, and nothing listens on port 1.
  node = createWsRemoting(wsOptions("n2", { peers: PEERS, logger, timing: { ...SHORT_TIMES, handshakeMs: 200 } }));
  node.remoting.useRefs?.(() => {
    throw new Error("no test of this file sends a ref");
  });
  node.remoting.onEnvelope((envelope) => received.push(envelope));
  ({ port } = await node.start());
});

afterAll(() => node.close());

let before: Record<RefusalCode, number>;

beforeEach(() => {
  before = node.counters().refused;
  received.length = 0;
});

afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.end();
  await until(() => node.counters().linksDown === node.counters().linksUp);
  // Whatever the test did: a member still gets in, and its message through.
  received.length = 0;
  const member = await Stranger.linked(port);
  member.say([5, ["raft", "", "still here"]]);
  await until(() => received[0]?.message === "still here");
  member.end();
  await until(() => node.counters().linksDown === node.counters().linksUp);
});

async function open(): Promise<Stranger> {
  const stranger = await Stranger.open(port);
  strangers.push(stranger);
  return stranger;
}

async function linked(options: StrangerOptions = {}): Promise<Stranger> {
  const stranger = await Stranger.linked(port, options);
  strangers.push(stranger);
  return stranger;
}

function refusedSince(): Partial<Record<string, number>> {
  const changes = Object.entries(node.counters().refused).map(([code, count]) => [
    code,
    count - before[code as RefusalCode],
  ]);
  return Object.fromEntries(changes.filter(([, count]) => count !== 0));
}

async function expectRefused(stranger: Stranger, code: Parameters<typeof closeCodeOf>[0]): Promise<void> {
  expect(await stranger.closed).toEqual({ code: closeCodeOf(code), reason: code });
  expect(refusedSince()).toEqual({ [code]: 1 });
  expect(received).toEqual([]);
}

test("plain TCP bytes are refused as no WebSocket", async () => {
  expect(await sayOverTcp(port, new Uint8Array(100).fill(0x93))).toMatch(/^HTTP\/1\.1 400 /);
  expect(await sayOverTcp(port, "SSH-2.0-OpenSSH_9.2\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  expect(refusedSince()).toEqual({ "not-websocket": 2 });
});

test("plain HTTP is refused and told where it is", async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/vms`);
  expect(answer.status).toBe(426);
  expect(await answer.text()).toMatch(/nodes of a Blixard cluster/);
  expect(refusedSince()).toEqual({ "not-websocket": 1 });
});

test("an upgrade that is no WebSocket's is refused", async () => {
  const lines = ["GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  expect(await sayOverTcp(port, `${lines.join("\r\n")}\r\nSec-WebSocket-Key: short\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 400 /,
  );
  expect(refusedSince()).toEqual({ "not-websocket": 1 });
});

test("a TCP connection that says nothing is refused after the handshake's time", async () => {
  await sayOverTcp(port, "");
  expect(refusedSince()).toEqual({ "handshake-timeout": 1 });
});

test("a web page is refused", async () => {
  await expect(Stranger.open(port, { origin: "http://evil.example" })).rejects.toThrow("403");
  expect(refusedSince()).toEqual({ "from-browser": 1 });
});

test("a WebSocket that says nothing is refused after the handshake's time", async () => {
  await expectRefused(await open(), "handshake-timeout");
});

test("text is refused", async () => {
  const stranger = await open();
  stranger.socket.send("hello");
  await expectRefused(stranger, "text-frame");
});

test.each([
  ["random bytes", Uint8Array.of(0xc1, 1, 2, 3)],
  ["no bytes", new Uint8Array(0)],
  ["a value that is no frame", packr.pack("hello")],
  ["a map", packr.pack({ type: "hello" })],
  ["a hello with too few fields", packr.pack([1, 1, 1, "test", "n1"])],
  ["a record definition", Uint8Array.of(0x91, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01)],
])("%s instead of a hello are refused as malformed", async (_, bytes) => {
  const stranger = await open();
  stranger.socket.send(bytes);
  await expectRefused(stranger, "malformed-frame");
});

test("a frame of an unknown tag is refused", async () => {
  const stranger = await open();
  stranger.say([77, "from a later version"]);
  await expectRefused(stranger, "unknown-frame");
});

test("envelopes before the handshake are refused", async () => {
  const stranger = await open();
  stranger.say([5, ["raft", "", "let me in"]]);
  await expectRefused(stranger, "unexpected-frame");
});

test("a lot of bytes before the handshake is refused, while they are still coming", async () => {
  const stranger = await open();
  stranger.socket.send(new Uint8Array(1024 * 1024));
  await until(() => refusedSince()["handshake-too-large"] === 1);
  expect(refusedSince()).toEqual({ "handshake-too-large": 1 });
});

test.each<[Parameters<typeof closeCodeOf>[0], StrangerOptions]>([
  ["wrong-cluster", { cluster: "other" }],
  ["wrong-token", { token: `${TOKEN}?` }],
  ["unknown-node", { node: "n0" }],
  ["own-node", { node: "n2" }],
  ["wrong-direction", { node: "n3" }],
  ["protocol-version", { versions: { min: 7, max: 9 } }],
])("a handshake is refused for %s", async (code, options) => {
  await expectRefused(await linked(options), code);
});

test("a second node of the same name is refused, and the first keeps its link", async () => {
  const first = await linked({ incarnation: "first" });
  const second = await linked({ incarnation: "second" });
  await expectRefused(second, "duplicate-node");
  first.say([5, ["raft", "", "mine"]]);
  await until(() => received.length === 1);
});

test("a node that comes back replaces its older connection", async () => {
  const first = await linked({ incarnation: "same" });
  const second = await linked({ incarnation: "same" });
  expect(await first.closed).toEqual({ code: 4100, reason: "replaced" });
  second.say([5, ["raft", "", "from the newer"]]);
  await until(() => received.length === 1);
  expect(refusedSince()).toEqual({});
});

test("a handshake frame on a link is refused", async () => {
  const stranger = await linked();
  stranger.say([3, "0".repeat(64)]);
  await expectRefused(stranger, "unexpected-frame");
});

test.each([
  ["bytes", new Uint8Array(50).fill(0xff)],
  ["a frame without an envelope", packr.pack([5])],
  ["an envelope of two elements behind a good one", packr.pack([5, ["raft", "", 1], ["raft", 2]])],
  ["an undefined of two bytes", Uint8Array.of(0x92, 5, 0x93, 0xa1, 0x61, 0xa0, 0xd5, 0, 0, 0)],
  ["a date of four bytes", Uint8Array.of(0x92, 5, 0x93, 0xa1, 0x61, 0xa0, 0xd6, 3, 0, 0, 0, 0)],
  ["messages of two elements", packr.pack([6, 1, "raft"])],
  ["no message", packr.pack([6])],
  ["a slot that was never defined", packr.pack([6, 1, 0, ""])],
  ["a slot that is not the next one", packr.pack([6, 1, [1, "raft"], ""])],
  ["a message to no path", packr.pack([6, 1, "", ""])],
  ["a path of 1,025 characters", packr.pack([6, 1, "a".repeat(1025), ""])],
  ["a chunk of nothing", packr.pack([8, 1, new Uint8Array(3)])],
  ["a large message without a path", packr.pack([7, 1, "", "", 10])],
  ["a key __proto__ in the message", packr.pack([5, ["raft", "", JSON.parse('{"__proto__": {"admin": true}}')]])],
  ["a ref without an address", Uint8Array.of(0x92, 5, 0x93, 0xa1, 0x61, 0xa0, 0xd4, 1, 0x41)],
  ["a frame that is cut off", packr.pack([5, ["raft", "", "cut off"]]).subarray(0, -1)],
])("on a link %s are refused as malformed, and none of the frame is delivered", async (_, bytes) => {
  const stranger = await linked();
  stranger.socket.send(bytes);
  await expectRefused(stranger, "malformed-frame");
  expect({}).not.toHaveProperty("admin");
});

test("nothing that comes behind a refused frame is delivered, though it has arrived already", async () => {
  const stranger = await linked();
  const { _socket: stream } = stranger.socket as unknown as { _socket: { cork(): void; uncork(): void } };
  stream.cork();
  stranger.say([99]);
  stranger.say([5, ["raft", "", "too late"]]);
  stream.uncork();
  await expectRefused(stranger, "unknown-frame");
});

test("a frame over the limit is refused by its header alone", async () => {
  const stranger = await linked();
  stranger.socket.send(new Uint8Array(16 * 1024 * 1024 + 1));
  expect((await stranger.closed).code).toBe(1009);
  expect(refusedSince()).toEqual({ "frame-too-large": 1 });
});

test("bytes that are no WebSocket frame are refused on a link", async () => {
  const stranger = await linked();
  const { _socket: stream } = stranger.socket as unknown as { _socket: { write(bytes: Uint8Array): void } };
  stream.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0));
  expect((await stranger.closed).code).toBe(1002);
  expect(refusedSince()).toEqual({ "bad-websocket": 1 });
});

test("a refusal is logged once, however often it happens in a row", async () => {
  for (let i = 0; i < 20; i++) {
    const stranger = await linked({ cluster: "noisy" });
    await stranger.closed;
  }
  expect(refusedSince()).toEqual({ "wrong-cluster": 20 });
  const lines = logger.lines.filter((line) => line.fields?.["code"] === "wrong-cluster");
  expect(lines.length).toBeLessThan(5);
  expect(lines[0]?.message).toMatch(
    /^Refused a connection: wrong-cluster: it belongs to cluster "\w+", this node to "test"$/,
  );
});

test("start() names the address and the way out when the port is in use", async () => {
  const second = createWsRemoting(wsOptions("n1", { listen: { port } }));
  const error: TransportError = await second.start().then(
    () => expect.unreachable("the port is in use"),
    (reason: TransportError) => reason,
  );
  expect(error.code).toBe("listen-port-in-use");
  expect(error.message).toBe(`Cannot listen on 127.0.0.1:${port}: the port is in use.`);
  expect(error.hint).toMatch(new RegExp(`sport = :${port}`));
  await second.close();
});
