/** The console of an instance for several at once, with a socket in QEMU's place. */
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { STREAM_WINDOW, type TerminalSize } from "../../../../runtime/index.ts";
import { ConsoleHub, type ConsoleRequest } from "../../../../runtime/node/agent/console-hub.ts";
import { StreamRecorder } from "./stream-recorder.ts";

let folder: string;
let server: Server;
let guests: Socket[];
let received: string;
let sizes: TerminalSize[];
let giveSize: () => void;
let hub: ConsoleHub;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-console-"));
  [guests, received, sizes, giveSize] = [[], "", [], () => undefined];
  server = createServer((socket) => {
    guests.push(socket.on("data", (chunk) => (received += chunk.toString())));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "console.sock"), resolve));
  hub = new ConsoleHub({
    connect: () => createConnection({ path: join(folder, "console.sock") }),
    onResize: async (size) => {
      sizes.push(size);
      await new Promise<void>((resolve) => (giveSize = resolve));
    },
  });
});

afterEach(async () => {
  hub.close();
  for (const socket of guests) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

function attach(access: ConsoleRequest["access"], who: string): StreamRecorder {
  return new StreamRecorder().open((listener) => hub.open({ type: "console", instance: "i", access, who }, listener));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("what the guest writes reaches everybody, keys come from the writer alone", async () => {
  const [writer, reader] = [attach("write", "anna"), attach("read", "ben")];
  await until(() => guests.length === 1);
  guests[0]!.write("hello");
  await writer.see(/hello/);
  await reader.see(/hello/);
  reader.stream?.send(Buffer.from("not me"));
  writer.stream?.send(Buffer.from("me"));
  await until(() => received !== "");
  expect(received).toBe("me");
});

test("a second writer is refused by the first one's name, unless it takes over; the place is free when the writer leaves", async () => {
  const first = attach("write", "anna\u001B[1m");
  expect(await attach("write", "ben").ended).toMatchObject({
    ok: false,
    message: expect.stringMatching(/^anna\?\[1m writes there/),
  });
  const second = attach("take", "cleo");
  await first.see(/\[blixard\] cleo has taken over: from now on you only read/);
  first.stream?.send(Buffer.from("old"));
  second.stream?.send(Buffer.from("new"));
  await until(() => received !== "");
  expect(received).toBe("new");
  second.stream?.cancel();
  expect(await second.ended).toMatchObject({ ok: false, code: "cancelled" });
  const third = attach("write", "dora");
  third.stream?.send(Buffer.from("er"));
  await until(() => received === "newer");
});

test("the connection is made for the first and closed after the last, so that nobody's absence holds the guest up", async () => {
  const [one, two] = [attach("read", "a"), attach("read", "b")];
  await until(() => guests.length === 1);
  let isClosed = false;
  guests[0]!.on("close", () => (isClosed = true));
  one.stream?.cancel();
  await one.ended;
  expect(isClosed).toBe(false);
  two.stream?.cancel();
  await until(() => isClosed);
  const again = attach("read", "c");
  await until(() => guests.length === 2);
  guests[1]!.write("again");
  await again.see(/again/);
});

test("who reads too slowly misses some and is told how much; the others and the guest go on", async () => {
  const [slow, quick] = [attach("read", "slow"), attach("read", "quick")];
  const stream = slow.stream!;
  slow.stream = undefined;
  await until(() => guests.length === 1);
  const sent = 4 * STREAM_WINDOW;
  guests[0]!.write(Buffer.alloc(sent, "x"));
  await until(() => quick.out.length === sent);
  const got = slow.out.length;
  expect(got).toBeLessThanOrEqual(STREAM_WINDOW);
  stream.grant(got);
  await slow.see(/bytes were left out/);
  expect(slow.out.slice(got)).toContain(`[blixard] ${sent - got} bytes were left out here`);
  guests[0]!.write("fresh");
  await slow.see(/fresh/);
});

test("a window that is drawn larger tells its newest size, one at a time", async () => {
  const one = attach("write", "a");
  for (let columns = 80; columns <= 180; columns++) one.stream?.resize({ columns, rows: 24 });
  giveSize();
  await until(() => sizes.length === 2);
  giveSize();
  expect(sizes.map(({ columns }) => columns)).toEqual([80, 180]);
});

test("a guest that ends ends its console; one without a console is refused by name, and so is the seventeenth", async () => {
  const one = attach("read", "a");
  await until(() => guests.length === 1);
  guests[0]!.destroy();
  expect(await one.ended).toEqual({ ok: true, type: "done" });
  const none = new ConsoleHub({
    connect: () => createConnection({ path: join(folder, "none.sock") }),
    onResize: async () => undefined,
  });
  const refused = new StreamRecorder().open((listener) =>
    none.open({ type: "console", instance: "i", access: "read", who: "a" }, listener),
  );
  expect(await refused.ended).toMatchObject({
    ok: false,
    code: "unsupported",
    message: expect.stringContaining("restart it"),
  });
  for (let i = 0; i < 16; i++) attach("read", `r${i}`);
  expect(await attach("read", "late").ended).toMatchObject({
    ok: false,
    message: expect.stringContaining("16 are attached"),
  });
});
