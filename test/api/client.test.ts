/** The typed client: what it gives and throws, when it goes to another server, and that it never does a write twice. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { API_VERSION, type Vm } from "../../actors/index.ts";
import { ApiError, createApiClient, type VmManifestInput, type WatchEvent } from "../../api/index.ts";
import { nodeResource, serveApi, until, type ServedApi } from "./api-fixture.ts";

function vmNamed(name: string, spec: VmManifestInput["spec"] = {}): VmManifestInput {
  return { apiVersion: API_VERSION, kind: "Vm", metadata: { name }, spec };
}

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

/** A URL where nobody listens. */
async function deadUrl(): Promise<string> {
  const api = await serveApi({ node: "gone" });
  await api.close();
  return api.url;
}

/** A server that is none of ours; counts what it is asked. */
async function serveOther(
  answer: (server: Server, respond: { end(status: number, body: string): void; cut(): void }) => void,
): Promise<{
  readonly url: string;
  readonly asked: () => number;
}> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    answer(server, {
      end: (status, body) => response.writeHead(status).end(body),
      cut: () => request.socket.destroy(),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

describe("createApiClient()", () => {
  test("refuses to be made without a URL that can be read", () => {
    expect(() => createApiClient({ urls: [] })).toThrow("it needs at least one URL");
    for (const url of ["127.0.0.1", "n1:7201", "ftp://n1"]) {
      expect(() => createApiClient({ urls: [url] })).toThrow(`"${url}" is not an http URL`);
    }
  });

  test("does everything that a VM can be asked for", async () => {
    const api = await serveApi();
    const { vms } = createApiClient({ urls: [api.url] });
    expect((await vms.create(vmNamed("web"))).spec.memoryMiB).toBe(128);
    expect((await vms.apply(vmNamed("web"))).change).toBe("none");
    expect((await vms.apply(vmNamed("db"))).change).toBe("created");
    const { change, vm } = await vms.apply(vmNamed("web", { vcpus: 2 }));
    expect([change, vm.spec.vcpus]).toEqual(["updated", 2]);
    expect((await vms.stop("web")).spec.running).toBe(false);
    expect((await vms.start("web")).spec.running).toBe(true);
    expect((await vms.list()).items.map(({ metadata }) => metadata.name)).toEqual(["web", "db"]);
    expect((await vms.get("web", { consistency: "local" })).metadata.name).toBe("web");
    expect(await vms.delete("web")).toBeNull();
    expect(await errorOf(vms.apply(vmNamed("db"), { expectedVersion: 99 }))).toMatchObject({ code: "conflict" });
  });

  test("reads nodes, events, status and version", async () => {
    const api = await serveApi();
    api.system.tell(api.ref, api.replica.put(nodeResource("n1", api.url), nodeResource("n2", api.url, "Lost")));
    const client = createApiClient({ urls: [`${api.url}/`] });
    expect((await client.nodes.list()).items).toHaveLength(2);
    await client.nodes.remove("n2");
    expect((await errorOf(client.nodes.get("n2"))).code).toBe("not-found");
    expect((await client.events.list()).items).toEqual([]);
    expect((await client.clusterStatus({ all: true })).nodes).toHaveLength(1);
    expect((await client.clusterStatus()).nodes).toBeUndefined();
    expect((await client.ready()).leader).toBe("n1");
    expect((await client.version()).api).toBe("v1");
  });

  test("throws what the server refused, with status, code and details", async () => {
    const api = await serveApi();
    const { vms } = createApiClient({ urls: [api.url] });
    const error = await errorOf(vms.create(vmNamed("web", { vcpus: 0 })));
    expect(error).toMatchObject({ status: 422, code: "invalid" });
    expect(error.details.problems?.[0]?.field).toBe("/spec/vcpus");
  });

  test("says that somebody else answers there", async () => {
    const other = await serveOther((_, { end }) => end(200, "<html>"));
    expect((await errorOf(createApiClient({ urls: [other.url] }).vms.list())).code).toBe("bad-answer");
    const angry = await serveOther((_, { end }) => end(500, "<html>"));
    expect(await errorOf(createApiClient({ urls: [angry.url] }).vms.list())).toMatchObject({
      code: "bad-answer",
      status: 500,
    });
  });
});

describe("fail-over", () => {
  test("of reads: past servers that are gone, have no leader, break off or are silent", async () => {
    const api = await serveApi();
    const leaderless = await serveApi({ node: "n2" });
    leaderless.replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
    const broken = await serveOther((_, { cut }) => cut());
    const silent = await serveOther(() => undefined);
    const urls = [await deadUrl(), leaderless.url, broken.url, silent.url, api.url];
    // The others may take their time on a busy machine; only the silent one has to be given up.
    const patient: typeof fetch = (url, init) =>
      (url as URL).href.startsWith(silent.url) ? fetch(url, init) : fetch(url, { ...init, signal: null });
    const client = createApiClient({ urls, timeoutMs: 20, fetch: patient });
    expect((await client.vms.list()).items).toEqual([]);
    expect((await client.version()).node).toBe("n1");
  });

  test("of writes: past servers that are gone or turned it away", async () => {
    const api = await serveApi();
    const busy = await serveApi({ node: "n2" });
    busy.replica.unavailable = { ok: false, code: "overloaded", message: "Too many proposals" };
    const client = createApiClient({ urls: [await deadUrl(), busy.url, api.url] });
    expect((await client.vms.create(vmNamed("web"))).metadata.name).toBe("web");
  });

  test("of writes: not where the leader is overloaded, whom every server asks", async () => {
    const api = await serveApi();
    const busy = await serveApi({ node: "n2" });
    busy.replica.unavailable = { ok: false, code: "overloaded", message: "Too much waits", retryAfterMs: 300 };
    const client = createApiClient({ urls: [busy.url, api.url] });
    const error = await errorOf(client.vms.create(vmNamed("web")));
    expect(error).toMatchObject({ code: "overloaded", details: { retryAfterMs: 300 } });
  });

  test("stays with the server that answered", async () => {
    const api = await serveApi();
    const other = await serveOther((_, { end }) =>
      end(503, '{"error":{"code":"no-leader","message":"There is no leader"}}'),
    );
    const client = createApiClient({ urls: [other.url, api.url] });
    await client.vms.list();
    await client.vms.list();
    expect(other.asked()).toBe(1);
  });

  test("says that nobody could be reached", async () => {
    const url = await deadUrl();
    const error = await errorOf(createApiClient({ urls: [url] }).vms.create(vmNamed("web")));
    expect(error).toMatchObject({
      status: 0,
      code: "unreachable",
      message: `Cannot reach the API at ${url}: ECONNREFUSED`,
    });
  });
});

describe("a write whose fate is unknown is reported, never repeated", () => {
  test("when the connection breaks", async () => {
    const api = await serveApi();
    const broken = await serveOther((_, { cut }) => cut());
    const client = createApiClient({ urls: [broken.url, api.url] });
    const error = await errorOf(client.vms.create(vmNamed("web")));
    expect(error).toMatchObject({ code: "outcome-unknown", details: { fate: "unknown" } });
    expect(error.message).toMatch(/^Cannot tell whether POST \/vms was carried out: /);
    expect([broken.asked(), api.replica.version()]).toEqual([1, 0]);
  });

  test("when no answer comes in time", async () => {
    const api = await serveApi();
    const silent = await serveOther(() => undefined);
    const client = createApiClient({ urls: [silent.url, api.url], timeoutMs: 20 });
    expect((await errorOf(client.vms.delete("web"))).code).toBe("outcome-unknown");
    expect(api.replica.version()).toBe(0);
  });

  test("when the server lost its leader meanwhile", async () => {
    const api = await serveApi();
    const lost = await serveApi({ node: "n2" });
    lost.replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
    const error = await errorOf(createApiClient({ urls: [lost.url, api.url] }).vms.create(vmNamed("web")));
    expect(error).toMatchObject({ status: 503, code: "no-leader", details: { fate: "unknown" } });
    expect(api.replica.version()).toBe(0);
  });
});

describe("watch()", () => {
  async function next(events: AsyncGenerator<WatchEvent<Vm>, void>): Promise<WatchEvent<Vm> | undefined> {
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) return undefined;
      if (value.type !== "bookmark") return value;
    }
  }

  /** Two APIs over one map would be one replica; here the second is filled to look like the first. */
  async function putVm(api: ServedApi, name: string): Promise<void> {
    await createApiClient({ urls: [api.url] }).vms.create(vmNamed(name));
  }

  test("gives everything, then changes, and ends with its signal", async () => {
    const api = await serveApi();
    await putVm(api, "a");
    const abort = new AbortController();
    const events = createApiClient({ urls: [api.url] }).vms.watch({ signal: abort.signal });
    expect(await next(events)).toMatchObject({ type: "synced", resources: [{ metadata: { name: "a" } }] });
    await putVm(api, "b");
    expect(await next(events)).toMatchObject({ type: "put", resource: { metadata: { name: "b" } } });
    const last = next(events);
    abort.abort();
    expect(await last).toBeUndefined();
    await until(() => api.replica.subscribers() === 0);
  });

  test("ends its stream when the loop is left", async () => {
    const api = await serveApi();
    for await (const event of createApiClient({ urls: [api.url] }).vms.watch()) {
      expect(event.type).toBe("synced");
      break;
    }
    await until(() => api.replica.subscribers() === 0);
  });

  test("resumes at another server from where it was, without beginning again", async () => {
    const [one, two] = [await serveApi({ node: "n1" }), await serveApi({ node: "n2" })];
    for (const api of [one, two]) await putVm(api, "a");
    const troubles: string[] = [];
    const events = createApiClient({ urls: [one.url, two.url] }).vms.watch({
      onTrouble: ({ code }) => troubles.push(code),
    });
    expect((await next(events))?.type).toBe("synced");
    const after = next(events);
    await putVm(two, "b");
    await one.close();
    expect(await after).toMatchObject({ type: "put", version: 2, resource: { metadata: { name: "b" } } });
    expect(troubles).toEqual(["closing"]);
    await events.return();
  });

  test("begins again with everything when its place was forgotten", async () => {
    const api = await serveApi();
    await putVm(api, "a");
    api.replica.oldest = 1;
    const troubles: string[] = [];
    const events = createApiClient({ urls: [api.url] }).vms.watch({
      since: 0,
      onTrouble: ({ code }) => troubles.push(code),
    });
    expect(await next(events)).toMatchObject({ type: "synced", version: 1, resources: [{ metadata: { name: "a" } }] });
    expect(troubles).toEqual(["compacted"]);
    await events.return();
  });

  test("throws what asking again would not change", async () => {
    const api = await serveApi();
    const events = createApiClient({ urls: [api.url] }).vms.watch({ name: "No Name" });
    expect((await errorOf(events.next())).code).toBe("invalid-parameter");
  });
});

describe("logs()", () => {
  async function withVm(): Promise<{ readonly api: ServedApi; readonly lines: AsyncGenerator<string, void> }> {
    const api = await serveApi();
    const client = createApiClient({ urls: [api.url] });
    const vm = await client.vms.create(vmNamed("web"));
    const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
    const instance = { id: "web-1", node: "n1", epoch: 1, generation: 1, stopping: false, claim };
    api.system.tell(api.ref, api.replica.put({ ...vm, status: { ...vm.status, instance } }));
    return { api, lines: client.vms.logs("web", { tail: 5, follow: true }) };
  }

  test("gives lines until the log ends", async () => {
    const { api, lines } = await withVm();
    const first = lines.next();
    await until(() => api.logRequests.length === 1);
    const { request } = api.logRequests[0]!;
    expect(request).toMatchObject({ tail: 5, follow: true });
    request.onLine("one");
    request.onLine("two");
    request.onEnd();
    expect((await first).value).toBe("one");
    expect((await lines.next()).value).toBe("two");
    expect((await lines.next()).done).toBe(true);
  });

  test("throws why it breaks off", async () => {
    const { api, lines } = await withVm();
    const first = lines.next();
    await until(() => api.logRequests.length === 1);
    api.logRequests[0]!.request.onEnd("the log is gone");
    expect((await errorOf(first)).message).toBe("the log is gone");
  });

  test("lets go of the log when the loop is left", async () => {
    const { api, lines } = await withVm();
    const first = lines.next();
    await until(() => api.logRequests.length === 1);
    api.logRequests[0]!.request.onLine("one");
    await first;
    await lines.return();
    await until(() => api.logRequests[0]!.cancelled);
    expect(api.errors).toEqual([]);
  });

  test("throws that there is no such VM", async () => {
    const api = await serveApi();
    const lines = createApiClient({ urls: [api.url] }).vms.logs("web");
    expect((await errorOf(lines.next())).code).toBe("not-found");
  });
});
