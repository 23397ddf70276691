/** Nodes, events, cluster status and probes over HTTP. */
import { expect, test } from "vitest";
import { eventResource, nodeResource, send, serveApi } from "./api-fixture.ts";

test("GET /nodes lists them, DELETE forgets a lost one only", async () => {
  const api = await serveApi();
  api.system.tell(
    api.ref,
    api.replica.put(nodeResource("n1", api.url), nodeResource("n2", "http://127.0.0.1:1", "Lost")),
  );
  const { body } = await send(api.url, "GET", "/api/v1/nodes");
  expect(body).toMatchObject({ kind: "NodeList", items: [{ metadata: { name: "n1" } }, { metadata: { name: "n2" } }] });
  expect((await send(api.url, "GET", "/api/v1/nodes/n2")).body.status.phase).toBe("Lost");
  expect((await send(api.url, "DELETE", "/api/v1/nodes/n1")).body.error.code).toBe("conflict");
  expect((await send(api.url, "DELETE", "/api/v1/nodes/n2")).status).toBe(204);
  expect((await send(api.url, "DELETE", "/api/v1/nodes/n2")).status).toBe(404);
});

test("GET /events lists them", async () => {
  const api = await serveApi();
  api.system.tell(api.ref, api.replica.put(eventResource("e1")));
  const { body } = await send(api.url, "GET", "/api/v1/events");
  expect(body).toMatchObject({ kind: "EventList", version: 1, items: [{ spec: { reason: "Scheduled" } }] });
});

test("GET /cluster/status says what this node knows, also without a leader", async () => {
  const api = await serveApi();
  expect((await send(api.url, "GET", "/api/v1/cluster/status")).body).toMatchObject({
    node: "n1",
    version: "0.0.0-test",
    replica: { role: "leader", leader: "n1", term: 1 },
  });
  api.replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
  const { status, body } = await send(api.url, "GET", "/api/v1/cluster/status");
  expect([status, body.replica.leader]).toEqual([200, null]);
});

test("GET /cluster/status?all=1 asks every node and says which did not answer", async () => {
  const [one, two] = [await serveApi({ node: "n1" }), await serveApi({ node: "n2" })];
  const gone = await serveApi({ node: "n3" });
  await gone.close();
  const nodes = [nodeResource("n1", one.url), nodeResource("n2", two.url), nodeResource("n3", gone.url, "Lost")];
  one.system.tell(one.ref, one.replica.put(...nodes));
  const { body } = await send(one.url, "GET", "/api/v1/cluster/status?all=1");
  expect(body.nodes).toMatchObject([
    { name: "n1", phase: "Ready", replica: { node: "n1" }, error: "" },
    { name: "n2", phase: "Ready", replica: { node: "n2" }, error: "" },
    { name: "n3", phase: "Lost", replica: null },
  ]);
  expect(body.nodes[2].error).toContain(`Cannot ask node "n3" at ${gone.url}: `);
});

test("GET /healthz answers for the process, /readyz for its store and leader; both also at the root and by HEAD", async () => {
  const api = await serveApi();
  for (const prefix of ["", "/api/v1"]) {
    expect((await send(api.url, "GET", `${prefix}/healthz`)).body).toEqual({ status: "ok", node: "n1" });
    expect((await send(api.url, "GET", `${prefix}/readyz`)).body).toEqual({
      status: "ready",
      node: "n1",
      leader: "n1",
    });
    expect((await send(api.url, "HEAD", `${prefix}/readyz`)).status).toBe(200);
    expect((await send(api.url, "GET", `${prefix}/version`)).body.version).toBe("0.0.0-test");
  }
  api.replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
  const unready = await send(api.url, "GET", "/readyz");
  expect([unready.status, unready.body.error.message]).toEqual([503, 'Node "n1" is not ready: it knows no leader']);
  api.replica.unavailable = { ok: false, code: "store-failed", message: "the disk is full" };
  expect((await send(api.url, "GET", "/readyz")).body.error.message).toBe('Node "n1" is not ready: the disk is full');
  expect((await send(api.url, "GET", "/healthz")).status).toBe(200);
});

test("a path that is none is refused in the one error shape", async () => {
  const api = await serveApi();
  const { status, body } = await send(api.url, "GET", "/api/v1/pods?x=1");
  expect(status).toBe(404);
  expect(body).toEqual({
    error: { code: "no-such-route", message: "There is no GET /api/v1/pods; /api/v1/openapi.json lists what there is" },
  });
});
