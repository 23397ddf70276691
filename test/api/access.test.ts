/** Who may ask: names of the host, web pages, tokens, and where the server listens at all. */
import { request as httpRequest } from "node:http";
import { describe, expect, test } from "vitest";
import { ListenError } from "../../api/index.ts";
import { serveApi, type ServedApi, type ServeOptions } from "./api-fixture.ts";

/** A GET with a Host header of its own, which fetch would not send. */
function ask(
  api: ServedApi,
  headers: Readonly<Record<string, string>>,
  path = "/api/v1/vms",
): Promise<{ status: number; code: string }> {
  return new Promise((resolve, reject) => {
    httpRequest(`${api.url}${path}`, { headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => {
        const { error } = JSON.parse(text) as { error?: { code: string } };
        resolve({ status: response.statusCode ?? 0, code: error?.code ?? "" });
      });
    })
      .on("error", reject)
      .end();
  });
}

describe("the Host header", () => {
  test.each(["127.0.0.1", "127.0.0.1:80", "localhost:7201", "[::1]:7201", "10.1.2.3", "LOCALHOST"])(
    "%s is fine",
    async (host) => {
      expect((await ask(await serveApi(), { host })).status).toBe(200);
    },
  );

  test.each(["evil.example", "evil.example:7201", "127.0.0.1.evil.example", "localhost.evil.example", "a b"])(
    "%j is refused: a page of that name may have been made to resolve to this host",
    async (host) => {
      expect(await ask(await serveApi(), { host })).toEqual({ status: 421, code: "unknown-host" });
    },
  );

  test("may be a name that the server was given", async () => {
    const api = await serveApi({ hostNames: ["N1.rack"] });
    expect((await ask(api, { host: "n1.rack:7201" })).status).toBe(200);
  });
});

describe("the Origin header", () => {
  test("of another page is refused, also for what needs no body", async () => {
    const api = await serveApi();
    const response = await fetch(`${api.url}/api/v1/vms/web/stop`, {
      method: "POST",
      headers: { origin: "http://evil.example" },
    });
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect((await ask(api, { origin: "null" })).code).toBe("cross-origin");
  });

  test("of this server is fine", async () => {
    const api = await serveApi();
    expect((await ask(api, { origin: api.url })).status).toBe(200);
  });
});

describe("the token", () => {
  const TOKEN = "a-cluster-token";

  test("is not asked of the host's own users", async () => {
    expect((await ask(await serveApi({ token: TOKEN }), {})).status).toBe(200);
  });

  test("is asked of everybody whom a proxy passes on, and compared", async () => {
    const api = await serveApi({ token: TOKEN });
    const from = { "x-forwarded-for": "10.0.0.9" };
    expect(await ask(api, from)).toEqual({ status: 401, code: "unauthorized" });
    expect((await ask(api, { ...from, authorization: "Bearer wrong" })).status).toBe(401);
    expect((await ask(api, { ...from, authorization: `Basic ${TOKEN}` })).status).toBe(401);
    expect((await ask(api, { ...from, authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test("is not asked for the probes", async () => {
    const api = await serveApi({ token: TOKEN });
    expect((await ask(api, { "x-forwarded-for": "10.0.0.9" }, "/readyz")).status).toBe(200);
  });
});

describe("start()", () => {
  async function failureOf(options: ServeOptions): Promise<unknown> {
    return serveApi(options).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  test("names a port that is in use, and the way out", async () => {
    const { port } = await serveApi();
    const error = await failureOf({ listen: { host: "127.0.0.1", port } });
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({
      code: "listen-port-in-use",
      message: `Cannot serve the API on 127.0.0.1:${port}: the port is in use.`,
      hint: "Stop what uses it, or give this node another port.",
    });
  });

  test("names an address that the host does not have", async () => {
    const error = await failureOf({ listen: { host: "192.0.2.1", port: 0 }, token: "t" });
    expect(error).toMatchObject({ code: "listen-address-missing" });
  });

  test.each(["0.0.0.0", "::", "192.168.1.5"])("refuses %s without a token", async (host) => {
    expect(await failureOf({ listen: { host, port: 0 } })).toMatchObject({ code: "listen-needs-token" });
  });
});
