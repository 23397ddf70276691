/** Streams between clients and guests: from this node and from another, refused, broken off, and by clients that keep to nothing. */
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { createApiClient, type StreamOpening } from "../../api/index.ts";
import { FRAME, FrameReader, frameOf, jsonFrame, type Frame } from "../../api/stream-frames.ts";
import { manifest, nodeResource, send, serveApi, until, type ServedApi, type ServeOptions } from "./api-fixture.ts";
import { StreamRecorder } from "../runtime/node/agent/stream-recorder.ts";

const EXEC: StreamOpening = { type: "exec", command: ["cat"], env: { A: "b" } };

async function placeVm(api: ServedApi, node: string): Promise<void> {
  const { body } = await send(api.url, "POST", "/api/v1/vms", manifest("web"));
  const vm = body as Vm;
  const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
  const instance = { id: "web-1", node, epoch: 1, generation: 1, stopping: false, claim };
  api.system.tell(api.ref, api.replica.put({ ...vm, status: { ...vm.status, phase: "Running", instance } }));
}

async function serveVm(options: ServeOptions = {}): Promise<ServedApi> {
  const api = await serveApi(options);
  await placeVm(api, api.node);
  return api;
}

async function opened(api: ServedApi): Promise<ServedApi["streams"][number]> {
  await until(() => api.streams.length > 0);
  return api.streams[0]!;
}

async function openAt(api: ServedApi, opening = EXEC, token?: string): Promise<StreamRecorder> {
  const client = createApiClient({ urls: [api.url], ...(token === undefined ? {} : { token }) });
  const recorder = new StreamRecorder();
  const stream = await client.vms.openStream("web", opening, recorder);
  return recorder.open(() => stream);
}

test("a stream carries everything both ways, and ends with the guest's word", async () => {
  const api = await serveVm();
  const recorder = await openAt(api);
  const guest = await opened(api);
  expect(guest.request).toEqual({ ...EXEC, instance: "web-1" });
  recorder.stream?.send(Buffer.from("abc"));
  recorder.stream?.resize({ columns: 100, rows: 40 });
  recorder.stream?.signal(2);
  recorder.stream?.finish();
  await until(() => guest.calls.length === 4);
  expect(guest.calls).toEqual(["send abc", "resize 100 40", "signal 2", "finish"]);
  guest.listener.onOutput("out", Buffer.from("to you"));
  guest.listener.onOutput("err", Buffer.from("trouble"));
  guest.listener.onGrant(3);
  guest.listener.onEnd({ ok: true, type: "exited", code: 4 });
  expect(await recorder.ended).toEqual({ ok: true, type: "exited", code: 4 });
  expect([recorder.out, recorder.err]).toEqual(["to you", "trouble"]);
  await until(() => guest.calls.includes("cancel"));
  expect(api.errors).toEqual([]);
});

test("a stream goes through a node that does not run the VM, and is never passed on twice", async () => {
  const token = "a".repeat(32);
  const [asked, runs] = [await serveApi({ node: "n1", token }), await serveApi({ node: "n2", token })];
  for (const api of [asked, runs]) {
    await placeVm(api, "n2");
    api.system.tell(api.ref, api.replica.put(nodeResource("n1", asked.url), nodeResource("n2", runs.url)));
  }
  const recorder = await openAt(asked, EXEC, token);
  const guest = await opened(runs);
  expect(asked.streams).toEqual([]);
  const block = Buffer.alloc(16_384, "x");
  for (let i = 0; i < 16; i++) guest.listener.onOutput("out", block);
  guest.listener.onEnd({ ok: true, type: "exited", code: 0 });
  expect(await recorder.ended).toEqual({ ok: true, type: "exited", code: 0 });
  expect(recorder.out.length).toBe(16 * 16_384);

  await placeVm(runs, "n1");
  const { body } = await send(asked.url, "GET", "/api/v1/vms/web");
  runs.system.tell(
    runs.ref,
    runs.replica.put({ ...body, status: { ...body.status, instance: { ...body.status.instance, node: "n1" } } }),
  );
  const raw = await dial(asked);
  expect(await raw.answer()).toContain("409");
});

test("a stream is refused before the upgrade: no VM, no instance, no token, too many", async () => {
  const api = await serveApi({ limits: { streamsMax: 1 } });
  const client = createApiClient({ urls: [api.url] });
  const open = async (): Promise<unknown> => client.vms.openStream("web", EXEC, new StreamRecorder());
  await expect(open()).rejects.toMatchObject({ code: "not-found", status: 404 });
  await send(api.url, "POST", "/api/v1/vms", manifest("web"));
  await expect(open()).rejects.toMatchObject({
    code: "no-instance",
    message: 'VM "web" does not run: it is Pending; start it with "blixard vm start web"',
  });
  await placeVm(api, "n1").catch(() => undefined);
  const { body } = await send(api.url, "GET", "/api/v1/vms/web");
  const instance = {
    id: "web-1",
    node: "n1",
    epoch: 1,
    generation: 1,
    stopping: false,
    claim: { vcpus: 1, memoryMiB: 1, hostPorts: [] },
  };
  api.system.tell(api.ref, api.replica.put({ ...body, status: { ...body.status, instance } }));
  await open();
  await expect(open()).rejects.toMatchObject({ code: "too-many-streams" });
  const forwarded = await dial(await serveVm({ token: "b".repeat(32) }), { "x-forwarded-for": "10.0.0.1" });
  expect(await forwarded.answer()).toContain("401");
  const foreign = await dial(await serveVm(), { origin: "http://evil.example" });
  expect(await foreign.answer()).toContain("403");
});

test("a client that leaves takes its command with it, and a server that closes says so", async () => {
  const api = await serveVm();
  const client = await dial(api);
  await client.answer();
  client.socket.write(jsonFrame(FRAME.open, EXEC));
  const guest = await opened(api);
  client.socket.end();
  await until(() => guest.calls.includes("cancel"));
  const recorder = await openAt(api);
  await until(() => api.streams.length === 2);
  void api.close();
  expect(await recorder.ended).toMatchObject({ ok: false, message: expect.stringContaining("closing") });
});

const LAWLESS: readonly (readonly [string, readonly Buffer[], string])[] = [
  ["something before it opens", [frameOf(FRAME.in, Buffer.from("x"))], "the first frame opens a exec"],
  [
    "another kind of stream than the route's",
    [jsonFrame(FRAME.open, { type: "get", path: "/x" })],
    "the first frame opens",
  ],
  ["an opening that is not valid", [jsonFrame(FRAME.open, { type: "exec", command: [], env: {} })], "command"],
  ["an instance of its own choice", [jsonFrame(FRAME.open, { ...EXEC, instance: "db-1" })], "instance"],
  ["what is no JSON", [frameOf(FRAME.open, Buffer.from("{"))], "JSON"],
  ["a frame that is too long", [Buffer.from([FRAME.open, 255, 255, 255, 255])], "a frame of 4294967295 bytes"],
  ["a grant of less than nothing", [jsonFrame(FRAME.open, EXEC), jsonFrame(FRAME.grant, -5)], "a number that is none"],
  ["a size that is none", [jsonFrame(FRAME.open, EXEC), jsonFrame(FRAME.resize, { columns: "x" })], "a size"],
  ["a frame of the server's", [jsonFrame(FRAME.open, EXEC), frameOf(FRAME.end)], "a frame of type 11"],
];

test.each(LAWLESS)("a client that sends %s is told so and let go", async (_, frames, why) => {
  const api = await serveVm();
  const client = await dial(api);
  await client.answer();
  for (const frame of frames) client.socket.write(frame);
  const end = await client.last();
  expect(end).toMatchObject({ ok: false, message: expect.stringContaining("The client broke the protocol") });
  expect((end as { message: string }).message).toContain(why);
  for (const { calls } of api.streams) expect(calls).toContain("cancel");
});

/** A connection that asks for the stream, and then says what the test says. */
async function dial(
  api: ServedApi,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly socket: Socket; answer(): Promise<string>; last(): Promise<unknown> }> {
  const socket = connect(api.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `GET /api/v1/vms/web/exec HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: blixard-stream\r\n${lines.join("")}\r\n`,
  );
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  let head = "";
  let isOpen = false;
  let isClosed = false;
  socket.on("close", () => (isClosed = true));
  socket.on("data", (chunk) => {
    if (isOpen) return reader.push(chunk);
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    isOpen = true;
    if (head.startsWith("HTTP/1.1 101")) reader.push(Buffer.from(head.slice(end + 4), "latin1"));
  });
  return {
    socket,
    answer: async () => {
      await until(() => isOpen);
      return head.split("\r\n")[0] ?? "";
    },
    last: async () => {
      await until(() => isClosed || frames.some(({ type }) => type === FRAME.end));
      const end = frames.findLast(({ type }) => type === FRAME.end);
      return end === undefined ? undefined : JSON.parse(end.payload.toString());
    },
  };
}
