/** The QMP client against servers that behave, and that do not. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { QmpClient, type QmpClientOptions, type QmpEvent } from "../../../../runtime/node/qemu/qmp-client.ts";

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}\r\n';
let folder: string;
let path: string;
let server: Server | undefined;
const sockets: Socket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-qmp-"));
  path = join(folder, "q");
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

type Command = { readonly id: number; readonly execute: string; readonly arguments?: unknown };

/** A server that greets with `greeting` and hands each command to `answer`. */
async function serve(greeting: string, answer: (command: Command, socket: Socket) => void): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    if (greeting !== "") socket.write(greeting);
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) answer(JSON.parse(line) as Command, socket);
    });
  });
  await new Promise<void>((resolve) => server!.listen(path, resolve));
}

function ok(command: Command, socket: Socket, value: unknown = {}): void {
  socket.write(`${JSON.stringify({ return: value, id: command.id })}\r\n`);
}

function connect(
  options: Partial<Pick<QmpClientOptions, "timeoutMs" | "first">> = {},
): Promise<{ client: QmpClient; events: QmpEvent[]; closed: Promise<Error | undefined> }> {
  const events: QmpEvent[] = [];
  let onClose: (error?: Error) => void = () => undefined;
  const closed = new Promise<Error | undefined>((resolve) => (onClose = resolve));
  const connecting = QmpClient.connect({
    path,
    onEvent: (event) => events.push(event),
    onClose,
    timeoutMs: 2_000,
    ...options,
  });
  return connecting.then((client) => ({ client, events, closed }));
}

test("connect() negotiates and execute() gives the answer of its own command", async () => {
  const seen: string[] = [];
  await serve(GREETING, (command, socket) => {
    seen.push(command.execute);
    ok(command, socket, { name: command.execute, with: command.arguments });
  });
  const { client } = await connect();
  const answers = await Promise.all([client.execute("query-status"), client.execute("stop", { why: "ä" })]);
  expect(answers).toEqual([{ name: "query-status" }, { name: "stop", with: { why: "ä" } }]);
  expect(seen[0]).toBe("qmp_capabilities");
  client.close();
});

test("connect() sends what comes first with the negotiation, and first() tells of a refusal", async () => {
  const seen: string[] = [];
  await serve(GREETING, (command, socket) => {
    seen.push(command.execute);
    if (seen.length < 3) return;
    // Answered only when all are there: nothing waits for an answer in between.
    socket.write(`{"return": {}, "id": 1}\n{"return": {}, "id": 2}\n{"error": {"desc": "no such wire"}, "id": 3}\n`);
  });
  const { client } = await connect({ first: [{ command: "migrate-set-parameters" }, { command: "migrate-incoming" }] });
  await expect(client.first()).rejects.toThrow('QMP command "migrate-incoming": no such wire');
  expect(seen).toEqual(["qmp_capabilities", "migrate-set-parameters", "migrate-incoming"]);
  client.close();
});

test("changed() resolves with the event that is wanted, not with others", async () => {
  await serve(GREETING, (command, socket) => {
    ok(command, socket);
    if (command.execute === "go") socket.write('{"event": "STOP"}\n{"event": "RESUME", "data": {"why": 1}}\n');
  });
  const { client } = await connect();
  const wanted = client.changed(2_000, ({ event }) => event === "RESUME");
  await client.execute("go");
  expect(await wanted).toEqual({ event: "RESUME", data: { why: 1 } });
  expect(await client.changed(1)).toBeUndefined();
  client.close();
});

test("execute() throws QEMU's own words when it refuses", async () => {
  await serve(GREETING, (command, socket) => {
    if (command.execute === "qmp_capabilities") return ok(command, socket);
    socket.write(`${JSON.stringify({ error: { class: "CommandNotFound", desc: "no such thing" }, id: command.id })}\n`);
  });
  const { client } = await connect();
  await expect(client.execute("frobnicate")).rejects.toThrow('QMP command "frobnicate": no such thing');
  client.close();
});

test("events between answers reach the listener, in order, also in pieces and together", async () => {
  await serve(GREETING, (command, socket) => {
    if (command.execute === "qmp_capabilities") return ok(command, socket);
    const stop = '{"event": "STOP", "timestamp": {}}\r\n';
    const shutdown = '{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}}\r\n';
    socket.write(stop + shutdown.slice(0, 20));
    setTimeout(() => {
      socket.write(shutdown.slice(20));
      ok(command, socket);
    }, 5);
  });
  const { client, events } = await connect();
  await client.execute("stop");
  expect(events).toEqual([
    { event: "STOP", data: {} },
    { event: "SHUTDOWN", data: { reason: "guest-reset" } },
  ]);
  client.close();
});

test.each(["not json\n", "[1, 2]\n", '"text"\n', "null\n"])(
  "garbage %j closes the client with the reason",
  async (garbage) => {
    await serve(GREETING, (command, socket) => {
      ok(command, socket);
      if (command.execute === "qmp_capabilities") setTimeout(() => socket.write(garbage), 5);
    });
    const { client, closed } = await connect();
    expect((await closed)?.message).toContain("not a QMP message");
    await expect(client.execute("stop")).rejects.toThrow("connection is closed");
  },
);

test("an endless line closes the client", async () => {
  await serve(GREETING, (command, socket) => {
    ok(command, socket);
    if (command.execute === "qmp_capabilities") socket.write("x".repeat(5 * 1024 * 1024));
  });
  const { closed } = await connect();
  expect((await closed)?.message).toContain("without an end");
});

test("a connection that ends fails what waits, and reports no error of its own", async () => {
  await serve(GREETING, (command, socket) => {
    if (command.execute === "qmp_capabilities") ok(command, socket);
    else socket.end();
  });
  const { client, closed } = await connect();
  await expect(client.execute("quit")).rejects.toThrow("the connection was closed");
  expect(await closed).toBeUndefined();
});

test("silence fails a command, and a late answer disturbs no later one", async () => {
  let first: Command | undefined;
  await serve(GREETING, (command, socket) => {
    if (command.execute === "slow") first = command;
    else {
      if (first !== undefined) ok(first, socket, "late");
      ok(command, socket, "right");
    }
  });
  const { client } = await connect({ timeoutMs: 30 });
  await expect(client.execute("slow")).rejects.toThrow("no answer in 30 ms");
  expect(await client.execute("next")).toBe("right");
  client.close();
});

test("connect() refuses what does not greet, or greets otherwise", async () => {
  await serve("", () => undefined);
  await expect(connect({ timeoutMs: 20 })).rejects.toThrow("no QMP greeting in 20 ms");
  server!.close();
  path = join(folder, "other");
  await serve('{"hello": "there"}\n', () => undefined);
  await expect(connect()).rejects.toThrow("not a QMP greeting");
  path = join(folder, "nobody");
  await expect(connect()).rejects.toThrow("ENOENT");
});
