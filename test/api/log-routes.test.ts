/** Logs over HTTP, from this node and from another. */
import { describe, expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { manifest, nodeResource, send, serveApi, until, type ServedApi, type ServeOptions } from "./api-fixture.ts";

/** A VM "web" whose instance runs on `node`. */
async function placeVm(api: ServedApi, node: string): Promise<void> {
  const { body } = await send(api.url, "POST", "/api/v1/vms", manifest("web"));
  const vm = body as Vm;
  const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
  const instance = { id: "web-1", node, epoch: 1, generation: 1, stopping: false, claim };
  api.system.tell(api.ref, api.replica.put({ ...vm, status: { ...vm.status, phase: "Running", instance } }));
}

async function twoNodes(options: ServeOptions = {}): Promise<{ readonly asked: ServedApi; readonly runs: ServedApi }> {
  const [asked, runs] = [await serveApi({ ...options, node: "n1" }), await serveApi({ ...options, node: "n2" })];
  for (const api of [asked, runs]) {
    await placeVm(api, "n2");
    api.system.tell(api.ref, api.replica.put(nodeResource("n1", asked.url), nodeResource("n2", runs.url)));
  }
  return { asked, runs };
}

async function openLog(api: ServedApi): Promise<ServedApi["logRequests"][number]> {
  await until(() => api.logRequests.length > 0);
  return api.logRequests[0]!;
}

describe("GET /vms/:name/logs", () => {
  test("gives the tail as text", async () => {
    const api = await serveApi();
    await placeVm(api, "n1");
    const answer = fetch(`${api.url}/api/v1/vms/web/logs?tail=2`);
    const { request } = await openLog(api);
    expect(request).toMatchObject({ instance: "web-1", tail: 2, follow: false });
    request.onLine("one");
    request.onLine("two — é");
    request.onEnd();
    const response = await answer;
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe("one\ntwo — é\n");
  });

  test("follows until the client leaves, then lets go of the log", async () => {
    const api = await serveApi();
    await placeVm(api, "n1");
    const abort = new AbortController();
    const response = await fetch(`${api.url}/api/v1/vms/web/logs?follow=1&tail=0`, { signal: abort.signal });
    const open = await openLog(api);
    const reader = response.body!.getReader();
    open.request.onLine("now");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("now\n");
    abort.abort();
    await until(() => open.cancelled);
    expect(api.errors).toEqual([]);
  });

  test("says in the text why it breaks off", async () => {
    const api = await serveApi();
    await placeVm(api, "n1");
    const answer = fetch(`${api.url}/api/v1/vms/web/logs`);
    const { request } = await openLog(api);
    request.onLine("one");
    request.onEnd("the log is gone");
    expect(await (await answer).text()).toBe("one\n[blixard] the log breaks off: the log is gone\n");
  });

  test("gives lines of JSON with heartbeats to who accepts them", async () => {
    const api = await serveApi({ limits: { bookmarkMs: 5 } });
    await placeVm(api, "n1");
    const response = await fetch(`${api.url}/api/v1/vms/web/logs?follow=1`, {
      headers: { accept: "application/x-ndjson" },
    });
    const { request } = await openLog(api);
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('{"type":"heartbeat"}\n');
    request.onLine("one");
    request.onEnd();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += new TextDecoder().decode(part.value);
    expect(text.replaceAll('{"type":"heartbeat"}\n', "")).toBe('{"type":"line","line":"one"}\n{"type":"end"}\n');
  });

  test("refuses a VM that is not there, one without instance, and a tail too long", async () => {
    const api = await serveApi();
    expect((await send(api.url, "GET", "/api/v1/vms/web/logs")).status).toBe(404);
    await send(api.url, "POST", "/api/v1/vms", manifest("web"));
    const { status, body } = await send(api.url, "GET", "/api/v1/vms/web/logs");
    expect(status).toBe(409);
    expect(body.error).toEqual({
      code: "no-instance",
      message: 'VM "web" has not run yet and so has no log; it is Pending',
    });
    expect((await send(api.url, "GET", "/api/v1/vms/web/logs?tail=10001")).status).toBe(400);
  });

  test("takes a long tail past the backlog limit: it is bounded by itself", async () => {
    const api = await serveApi({ limits: { backlogMaxBytes: 1000 } });
    await placeVm(api, "n1");
    const answer = fetch(`${api.url}/api/v1/vms/web/logs?tail=5000`);
    const { request } = await openLog(api);
    for (let at = 0; at < 5000; at++) request.onLine(`${at}`.padStart(500, "."));
    request.onEnd();
    expect((await (await answer).text()).split("\n")).toHaveLength(5001);
  });
});

test("a long tail does not count as falling behind when the log goes on", async () => {
  const api = await serveApi({ limits: { backlogMaxBytes: 1000 } });
  await placeVm(api, "n1");
  const response = await fetch(`${api.url}/api/v1/vms/web/logs?tail=10000&follow=1`);
  const { request } = await openLog(api);
  // More than the sockets between them hold, and nothing of it is read yet.
  for (let at = 0; at < 10_000; at++) request.onLine(`${at}`.padStart(1000, "."));
  request.onLine("live");
  request.onEnd();
  expect((await response.text()).endsWith("\nlive\n")).toBe(true);
});

describe("GET /vms/:name/logs of an instance on another node", () => {
  test("is fetched from there", async () => {
    const { asked, runs } = await twoNodes();
    const answer = fetch(`${asked.url}/api/v1/vms/web/logs?tail=3`);
    const { request } = await openLog(runs);
    expect(request).toMatchObject({ instance: "web-1", tail: 3, follow: false });
    request.onLine("from n2");
    request.onEnd();
    expect(await (await answer).text()).toBe("from n2\n");
    expect(asked.logRequests).toEqual([]);
  });

  test("lets go of the log over there when the client leaves here", async () => {
    const { asked, runs } = await twoNodes();
    const abort = new AbortController();
    const response = await fetch(`${asked.url}/api/v1/vms/web/logs?follow=1`, { signal: abort.signal });
    expect(response.status).toBe(200);
    const open = await openLog(runs);
    abort.abort();
    await until(() => open.cancelled);
  });

  test("says when the connection to that node breaks", async () => {
    const { asked, runs } = await twoNodes();
    const response = await fetch(`${asked.url}/api/v1/vms/web/logs?follow=1`);
    (await openLog(runs)).request.onLine("one");
    const reader = response.body!.getReader();
    await reader.read();
    await runs.close();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += new TextDecoder().decode(part.value);
    expect(text).toContain("[blixard] the log breaks off:");
  });

  test("names the node that cannot be reached", async () => {
    const { asked, runs } = await twoNodes();
    await runs.close();
    const { status, body } = await send(asked.url, "GET", "/api/v1/vms/web/logs");
    expect(status).toBe(502);
    expect(body.error.code).toBe("node-unreachable");
    expect(body.error.message).toContain(`Cannot ask node "n2" at ${runs.url}: `);
  });

  test("is not passed on twice: two nodes that disagree do not ask each other for ever", async () => {
    const { asked, runs } = await twoNodes();
    await runs.close();
    const { status, body } = await send(asked.url, "GET", "/api/v1/vms/web/logs", undefined, { "blixard-hop": "n3" });
    expect(status).toBe(409);
    expect(body.error.message).toBe('The log of VM "web" is on node "n2", not on "n1"; ask again');
  });
});
