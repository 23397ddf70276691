import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createNodeProber } from "../../../runtime/node/index.ts";
import {
  NO_STREAM,
  type GuestVerbs,
  type ProbeResult,
  type ProbeTarget,
  type StreamEnd,
  type StreamListener,
} from "../../../runtime/index.ts";

const servers: (Server | TcpServer)[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

/** A guest whose agent answers as the test says. */
let agent: (command: readonly string[], listener: StreamListener) => void = () => undefined;
let cancelled = 0;

const guests: Pick<GuestVerbs, "openStream"> = {
  openStream: (request, listener) => {
    setImmediate(() => agent(request.type === "exec" ? request.command : [], listener));
    return { ...NO_STREAM, cancel: () => void cancelled++ };
  },
};

function probe(target: Partial<Extract<ProbeTarget, { readonly kind: "tcp" | "http" }>>): Promise<ProbeResult> {
  return ask({ kind: "http", address: "127.0.0.1", port: 1, path: "/", timeoutMs: 2_000, ...target });
}

function ask(target: ProbeTarget): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let during = true;
    let answers = 0;
    createNodeProber(guests).probe(target, (result) => {
      expect(during, "called during the call").toBe(false);
      expect(++answers, "calls").toBe(1);
      resolve(result);
    });
    during = false;
  });
}

test("probe() by http takes statuses from 200 to 399 for healthy", async () => {
  const port = await listen(createServer((asked, answer) => answer.writeHead(Number(asked.url!.slice(1))).end("body")));
  for (const status of [200, 204, 302, 399]) expect(await probe({ port, path: `/${status}` })).toEqual({ ok: true });
  for (const status of [400, 404, 500]) {
    const message = `http 127.0.0.1:${port}/${status}: status ${status}`;
    expect(await probe({ port, path: `/${status}` })).toEqual({ ok: false, message });
  }
});

test("probe() by tcp takes a connection for healthy", async () => {
  const port = await listen(createTcpServer((socket) => sockets.push(socket)));
  expect(await probe({ kind: "tcp", port })).toEqual({ ok: true });
});

test("probe() says that nobody listens", async () => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  for (const kind of ["tcp", "http"] as const) {
    expect(await probe({ kind, port })).toMatchObject({ ok: false, message: expect.stringContaining("ECONNREFUSED") });
  }
});

test("probe() gives up on a server that does not answer", async () => {
  const port = await listen(createTcpServer((socket) => sockets.push(socket)));
  const message = `http 127.0.0.1:${port}/: no answer in 30 ms`;
  expect(await probe({ port, timeoutMs: 30 })).toEqual({ ok: false, message });
});

test("probe() takes what is not HTTP, or a path that cannot be asked for, as unhealthy", async () => {
  const port = await listen(
    createTcpServer((socket) => sockets.push(socket.on("error", () => undefined)) && socket.end("garbage")),
  );
  expect(await probe({ port })).toMatchObject({ ok: false });
  expect(await probe({ port, path: "/ü\n" })).toMatchObject({ ok: false });
});

test("probe() by exec takes status 0 for healthy, and says what the command said where it is another", async () => {
  const target = { kind: "exec", instance: "web-1", command: ["/bin/check"], timeoutMs: 2_000 } as const;
  const ends: readonly [StreamEnd, ProbeResult][] = [
    [{ ok: true, type: "exited", code: 0 }, { ok: true }],
    [
      { ok: true, type: "exited", code: 3 },
      { ok: false, message: "exec /bin/check: status 3: no such table" },
    ],
    [
      { ok: true, type: "killed", signal: 9 },
      { ok: false, message: "exec /bin/check: signal 9: no such table" },
    ],
    [
      { ok: false, code: "not-running", message: "it is gone" },
      { ok: false, message: "exec /bin/check: it is gone" },
    ],
  ];
  for (const [end, result] of ends) {
    agent = (command, listener) => {
      expect(command).toEqual(["/bin/check"]);
      listener.onOutput("err", new TextEncoder().encode("no such table\n"));
      listener.onEnd(end);
    };
    expect(await ask(target)).toEqual(result);
  }
});

test("probe() by exec ends a command that a guest never ends", async () => {
  agent = () => undefined;
  cancelled = 0;
  const target = { kind: "exec", instance: "web-1", command: ["/bin/sleep"], timeoutMs: 20 } as const;
  expect(await ask(target)).toEqual({ ok: false, message: "exec /bin/sleep: no answer in 20 ms" });
  expect(cancelled).toBe(1);
});
