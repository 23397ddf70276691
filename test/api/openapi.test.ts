/** The OpenAPI document: every route is in it, and every answer is what it says. */
import { expect, test } from "vitest";
import { checkSchema } from "../../actors/index.ts";
import { eventResource, manifest, nodeResource, serveApi, type ServedApi } from "./api-fixture.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- a JSON document
type Json = any;

async function documentOf(api: ServedApi): Promise<Json> {
  return (await fetch(`${api.url}/api/v1/openapi.json`)).json();
}

/** Puts the named schemas in the place of their references. */
function resolve(document: Json, schema: Json): Json {
  if (Array.isArray(schema)) return schema.map((part) => resolve(document, part));
  if (typeof schema !== "object" || schema === null) return schema;
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.replace("#/components/schemas/", "");
    expect(Object.keys(document.components.schemas)).toContain(name);
    return resolve(document, document.components.schemas[name]);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, resolve(document, part)]));
}

test("the document is OpenAPI 3.1 and has every route", async () => {
  const document = await documentOf(await serveApi());
  expect(document.openapi).toBe("3.1.0");
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object)
      .filter((method) => method !== "head")
      .map((method) => `${method} ${path}`),
  );
  expect(routes.filter((route) => route.includes("/api/v1/")).toSorted()).toEqual([
    "delete /api/v1/checkpoints/{name}",
    "delete /api/v1/cluster/members/{member}",
    "delete /api/v1/nodes/{name}",
    "delete /api/v1/nodes/{name}/drain",
    "delete /api/v1/vms/{name}",
    "delete /api/v1/vms/{name}/migrate",
    "get /api/v1/checkpoints",
    "get /api/v1/checkpoints/{name}",
    "get /api/v1/checkpoints/{name}/check",
    "get /api/v1/cluster/members",
    "get /api/v1/cluster/metrics",
    "get /api/v1/cluster/status",
    "get /api/v1/events",
    "get /api/v1/events/{name}",
    "get /api/v1/healthz",
    "get /api/v1/nodes",
    "get /api/v1/nodes/{name}",
    "get /api/v1/nodes/{name}/drain",
    "get /api/v1/readyz",
    "get /api/v1/version",
    "get /api/v1/vms",
    "get /api/v1/vms/{name}",
    "get /api/v1/vms/{name}/console",
    "get /api/v1/vms/{name}/exec",
    "get /api/v1/vms/{name}/files",
    "get /api/v1/vms/{name}/logs",
    "get /api/v1/vms/{name}/metrics",
    "post /api/v1/cluster/compact",
    "post /api/v1/cluster/members",
    "post /api/v1/cluster/members/{member}/demote",
    "post /api/v1/cluster/members/{member}/promote",
    "post /api/v1/cluster/snapshot",
    "post /api/v1/cluster/transfer",
    "post /api/v1/nodes/{name}/drain",
    "post /api/v1/vms",
    "post /api/v1/vms/{name}/balloon",
    "post /api/v1/vms/{name}/checkpoint",
    "post /api/v1/vms/{name}/migrate",
    "post /api/v1/vms/{name}/migrate/plan",
    "post /api/v1/vms/{name}/pause",
    "post /api/v1/vms/{name}/restart",
    "post /api/v1/vms/{name}/restore",
    "post /api/v1/vms/{name}/resume",
    "post /api/v1/vms/{name}/start",
    "post /api/v1/vms/{name}/stop",
    "put /api/v1/vms/{name}",
  ]);
});

test("the body that the document describes is the manifest, defaults and limits included", async () => {
  const document = await documentOf(await serveApi());
  const { schema } = document.paths["/api/v1/vms"].post.requestBody.content["application/json"];
  const { vcpus } = resolve(document, schema).properties.spec.properties;
  expect(vcpus).toEqual({ type: "integer", minimum: 1, maximum: 256, default: 1 });
});

/** Method, path in the document, request, expected status; in an order in which each finds what it needs. */
const CALLS: readonly (readonly [string, string, string, number, unknown?])[] = [
  ["POST", "/api/v1/vms", "/api/v1/vms", 201, manifest("web")],
  ["POST", "/api/v1/vms", "/api/v1/vms", 409, manifest("web")],
  ["POST", "/api/v1/vms", "/api/v1/vms", 422, manifest("web", { vcpus: 0 })],
  ["PUT", "/api/v1/vms/{name}", "/api/v1/vms/db", 201, manifest("db")],
  ["PUT", "/api/v1/vms/{name}", "/api/v1/vms/db", 200, manifest("db")],
  ["PUT", "/api/v1/vms/{name}", "/api/v1/vms/db?expectedVersion=99", 409, manifest("db")],
  ["GET", "/api/v1/vms", "/api/v1/vms", 200],
  ["GET", "/api/v1/vms", "/api/v1/vms?watch=0&consistency=no", 400],
  ["GET", "/api/v1/vms/{name}", "/api/v1/vms/web", 200],
  ["GET", "/api/v1/vms/{name}", "/api/v1/vms/none", 404],
  ["POST", "/api/v1/vms/{name}/stop", "/api/v1/vms/web/stop", 200],
  ["POST", "/api/v1/vms/{name}/start", "/api/v1/vms/web/start", 200],
  ["POST", "/api/v1/vms/{name}/pause", "/api/v1/vms/none/pause", 404],
  ["POST", "/api/v1/vms/{name}/pause", "/api/v1/vms/placed/pause", 200],
  ["POST", "/api/v1/vms/{name}/resume", "/api/v1/vms/web/resume", 409],
  ["POST", "/api/v1/vms/{name}/restart", "/api/v1/vms/placed/restart", 200],
  ["POST", "/api/v1/vms/{name}/migrate", "/api/v1/vms/web/migrate", 422, {}],
  ["POST", "/api/v1/vms/{name}/migrate", "/api/v1/vms/placed/migrate", 202, { to: "n2" }],
  ["POST", "/api/v1/vms/{name}/migrate", "/api/v1/vms/web/migrate", 409, { to: "n1" }],
  ["POST", "/api/v1/vms/{name}/migrate", "/api/v1/vms/web/migrate", 409, { to: "n1", how: "cold" }],
  ["POST", "/api/v1/vms/{name}/migrate/plan", "/api/v1/vms/web/migrate/plan", 409, { to: "n1" }],
  ["DELETE", "/api/v1/vms/{name}/migrate", "/api/v1/vms/web/migrate", 409],
  ["POST", "/api/v1/vms/{name}/checkpoint", "/api/v1/vms/placed/checkpoint", 202, { name: "c1" }],
  ["POST", "/api/v1/vms/{name}/checkpoint", "/api/v1/vms/placed/checkpoint", 422, { name: "C 1" }],
  ["POST", "/api/v1/vms/{name}/checkpoint", "/api/v1/vms/web/checkpoint", 409, { name: "c2" }],
  ["GET", "/api/v1/checkpoints", "/api/v1/checkpoints", 200],
  ["GET", "/api/v1/checkpoints/{name}", "/api/v1/checkpoints/c1", 200],
  ["GET", "/api/v1/checkpoints/{name}/check", "/api/v1/checkpoints/c1/check", 200],
  ["POST", "/api/v1/vms/{name}/restore", "/api/v1/vms/placed/restore", 200, { checkpoint: "c1" }],
  ["DELETE", "/api/v1/checkpoints/{name}", "/api/v1/checkpoints/c1", 204],
  ["DELETE", "/api/v1/checkpoints/{name}", "/api/v1/checkpoints/c1", 404],
  ["GET", "/api/v1/vms/{name}/logs", "/api/v1/vms/web/logs", 409],
  ["DELETE", "/api/v1/vms/{name}", "/api/v1/vms/placed", 202],
  ["DELETE", "/api/v1/vms/{name}", "/api/v1/vms/web", 204],
  ["DELETE", "/api/v1/vms/{name}", "/api/v1/vms/web", 404],
  ["GET", "/api/v1/nodes", "/api/v1/nodes", 200],
  ["GET", "/api/v1/nodes/{name}", "/api/v1/nodes/n1", 200],
  ["GET", "/api/v1/nodes/{name}/drain", "/api/v1/nodes/n1/drain", 200],
  ["GET", "/api/v1/nodes/{name}/drain", "/api/v1/nodes/n9/drain", 404],
  ["POST", "/api/v1/nodes/{name}/drain", "/api/v1/nodes/n1/drain", 202, { liveOnly: true }],
  ["POST", "/api/v1/nodes/{name}/drain", "/api/v1/nodes/n1/drain", 422, { atOnce: 0 }],
  ["DELETE", "/api/v1/nodes/{name}/drain", "/api/v1/nodes/n1/drain", 200],
  ["DELETE", "/api/v1/nodes/{name}", "/api/v1/nodes/n1", 409],
  ["DELETE", "/api/v1/nodes/{name}", "/api/v1/nodes/n2", 204],
  ["GET", "/api/v1/events", "/api/v1/events", 200],
  ["GET", "/api/v1/events/{name}", "/api/v1/events/e1", 200],
  ["GET", "/api/v1/cluster/status", "/api/v1/cluster/status", 200],
  ["GET", "/api/v1/cluster/status", "/api/v1/cluster/status?all=1", 200],
  ["GET", "/api/v1/healthz", "/api/v1/healthz", 200],
  ["GET", "/api/v1/readyz", "/api/v1/readyz", 200],
  ["GET", "/api/v1/version", "/api/v1/version", 200],
];

test("every route answers with what the document says", async () => {
  const api = await serveApi();
  await fill(api);
  const document = await documentOf(api);
  for (const [method, path, url, status, body] of CALLS) {
    const response = await fetch(`${api.url}${url}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    expect(`${method} ${url} ${response.status} ${text.slice(0, 200)}`).toContain(`${method} ${url} ${status}`);
    const documented = document.paths[path][method.toLowerCase()].responses[String(status)];
    expect(documented, `${method} ${path} ${status}`).toBeDefined();
    if (status === 204) continue;
    const { schema } = documented.content["application/json"];
    expect(checkSchema(resolve(document, schema), JSON.parse(text)), `${method} ${url}`).toEqual([]);
  }
});

test("every line of a watch is what the document says", async () => {
  const api = await serveApi();
  await fill(api);
  const document = await documentOf(api);
  const { schema } = document.paths["/api/v1/vms"].get.responses["200"].content["application/x-ndjson"];
  const response = await fetch(`${api.url}/api/v1/vms?watch=1`);
  await fetch(`${api.url}/api/v1/vms/placed/stop`, { method: "POST" });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes('"put"')) text += (await reader.read()).value ?? "";
  await reader.cancel();
  const lines = text.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(checkSchema(resolve(document, schema), JSON.parse(line)), line).toEqual([]);
});

async function fill(api: ServedApi): Promise<void> {
  const { system, ref, replica } = api;
  system.tell(ref, replica.put(eventResource("e1"), nodeResource("n1", api.url), nodeResource("n2", api.url, "Lost")));
  const body = JSON.stringify(manifest("placed"));
  const response = await fetch(`${api.url}/api/v1/vms`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  const vm: Json = await response.json();
  const instance = {
    id: "i1",
    node: "n1",
    epoch: 1,
    generation: 1,
    claim: { vcpus: 1, memoryMiB: 128, hostPorts: [] },
    stopping: false,
  };
  system.tell(ref, replica.put({ ...vm, status: { ...vm.status, instance } }));
}
