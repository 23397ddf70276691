/** Clients that speak garbage, slowly or too much: each gets a clean refusal, and the server lives. */
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { manifest, send, serveApi, until, type ServedApi } from "./api-fixture.ts";

/** Sends bytes as they are and gives back everything that came until the server closed. */
function speak(port: number, ...parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (data) => (heard += data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(heard));
    for (const part of parts) socket.write(part);
  });
}

function request(head: readonly string[], body: string | Buffer = ""): string {
  return `${["POST /api/v1/vms HTTP/1.1", "Host: 127.0.0.1", "Connection: close", ...head].join("\r\n")}\r\n\r\n${body.toString()}`;
}

function withBody(body: string, type = "application/json"): string {
  return request([`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`], body);
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}

function codeOf(answer: string): string {
  const [, body = ""] = answer.split("\r\n\r\n");
  return (JSON.parse(/\{.*\}/s.exec(body)?.[0] ?? "{}") as { error?: { code: string } }).error?.code ?? "";
}

async function expectAlive(api: ServedApi): Promise<void> {
  expect((await send(api.url, "POST", "/api/v1/vms", manifest("still-alive"))).status).toBe(201);
  expect(api.errors).toEqual([]);
}

describe("the server refuses and lives", () => {
  test.each([
    ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) % 256)), 400, "malformed-request"],
    ["a TLS hello", Buffer.from("160301020001000001fc0303", "hex"), 400, "malformed-request"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", 400, "malformed-request"],
    ["a request without Host", "GET /api/v1/vms HTTP/1.1\r\nConnection: close\r\n\r\n", 400, ""],
    ["an empty Host", "GET /api/v1/vms HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", 421, "unknown-host"],
    ["two lengths", request(["Content-Length: 1", "Content-Length: 2"], "x"), 400, "malformed-request"],
    [
      "a length and chunks",
      request(["Content-Length: 1", "Transfer-Encoding: chunked"], "x"),
      400,
      "malformed-request",
    ],
    [
      "a path that is no UTF-8",
      "GET /api/v1/vms/%ff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      400,
      "malformed-request",
    ],
    ["a method that is none", "BREW /api/v1/vms HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "malformed-request"],
    [
      "a method without routes",
      "PATCH /api/v1/vms HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      404,
      "no-such-route",
    ],
    [
      "a path that climbs",
      "GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      404,
      "no-such-route",
    ],
    [
      "a name of 10,000 letters",
      `GET /api/v1/vms/${"a".repeat(10_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      400,
      "malformed-request",
    ],
    [
      "a head of 100 kB",
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Much: ${"a".repeat(100_000)}\r\n\r\n`,
      431,
      "headers-too-large",
    ],
    ["no JSON", withBody("{nope"), 400, "malformed-json"],
    ["half JSON", withBody('{"apiVersion": "blix'), 400, "malformed-json"],
    ["JSON that is no object", withBody("[1, 2]"), 422, "invalid"],
    ["the key __proto__", withBody('{"__proto__": {"x": 1}}'), 422, "invalid"],
    ["JSON nested 100,000 deep", withBody(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`), 422, "invalid"],
    ["lists nested 400,000 deep", withBody(`${"[".repeat(400_000)}${"]".repeat(400_000)}`), 422, "invalid"],
    ["400,000 values", withBody(`[${"1,".repeat(400_000)}1]`), 422, "invalid"],
    ["a web form", withBody("name=web", "application/x-www-form-urlencoded"), 415, "unsupported-media-type"],
    ["plain text", withBody("{}", "text/plain"), 415, "unsupported-media-type"],
    ["a content type that is none", withBody("{}", "nonsense"), 415, "unsupported-media-type"],
  ])("%s", async (_, bytes, status, code) => {
    const api = await serveApi();
    const answer = await speak(api.port, bytes);
    expect([statusOf(answer), codeOf(answer)]).toEqual([status, code]);
    expect(answer).not.toMatch(/node_modules|at .*\.ts/);
    await expectAlive(api);
  });

  test("a body that says it is too large, before it is sent", async () => {
    const api = await serveApi();
    const answer = await speak(api.port, request(["Content-Type: application/json", "Content-Length: 5000000000"]));
    expect([statusOf(answer), codeOf(answer)]).toEqual([413, "too-large"]);
    await expectAlive(api);
  });

  test("a body that only turns out to be too large", async () => {
    const api = await serveApi({ limits: { bodyMaxBytes: 1000 } });
    const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;
    const head = request(["Content-Type: application/json", "Transfer-Encoding: chunked"]);
    const answer = await speak(api.port, head, chunk, chunk, chunk);
    expect([statusOf(answer), codeOf(answer)]).toEqual([413, "too-large"]);
    await expectAlive(api);
  });

  test("a head that never ends", async () => {
    const api = await serveApi({ limits: { headersMs: 200, requestMs: 200 } });
    const answer = await speak(api.port, "GET /api/v1/vms HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
    expect([statusOf(answer), codeOf(answer)]).toEqual([408, "request-timeout"]);
    await expectAlive(api);
  });

  test("a body that never comes", async () => {
    const api = await serveApi({ limits: { headersMs: 200, requestMs: 200 } });
    const answer = await speak(api.port, request(["Content-Type: application/json", "Content-Length: 100"], '{"a'));
    expect([statusOf(answer), codeOf(answer)]).toEqual([408, "request-timeout"]);
    await expectAlive(api);
  });

  test("a client that leaves in the middle of its request", async () => {
    const api = await serveApi();
    const socket = connect(api.port, "127.0.0.1");
    socket.write(request(["Content-Type: application/json", "Content-Length: 100"], '{"a'), () =>
      socket.resetAndDestroy(),
    );
    await until(() => socket.closed);
    await expectAlive(api);
  });

  test("more connections than the limit", async () => {
    const api = await serveApi({ limits: { connectionsMax: 3 } });
    const sockets = Array.from({ length: 10 }, () => connect(api.port, "127.0.0.1").on("error", () => undefined));
    await until(() => sockets.filter(({ closed }) => closed).length === 7);
    for (const socket of sockets) socket.destroy();
    // The server hears a little later that they are gone, and until then turns away who comes.
    let alive = false;
    while (!alive)
      alive = await fetch(`${api.url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await expectAlive(api);
  });
});
