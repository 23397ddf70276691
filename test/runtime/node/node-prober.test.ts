import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createNodeProber } from "../../../runtime/node/index.ts";
import type { ProbeResult, ProbeTarget } from "../../../runtime/index.ts";

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

function probe(target: Partial<ProbeTarget>): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let during = true;
    let answers = 0;
    const whole = { kind: "http", address: "127.0.0.1", port: 1, path: "/", timeoutMs: 2_000, ...target } as const;
    createNodeProber().probe(whole, (result) => {
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
