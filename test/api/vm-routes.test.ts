/** Making, reading, changing and removing VMs over HTTP. */
import { describe, expect, test } from "vitest";
import { manifest, nodeResource, send, serveApi } from "./api-fixture.ts";

describe("POST /vms", () => {
  test("makes a VM with every default filled in", async () => {
    const { url } = await serveApi();
    const { status, headers, body } = await send(url, "POST", "/api/v1/vms", manifest("web", { memoryMiB: 256 }));
    expect(status).toBe(201);
    expect(headers.get("location")).toBe("/api/v1/vms/web");
    expect(headers.get("etag")).toBe(`"${body.metadata.version}"`);
    expect(body.spec).toMatchObject({ memoryMiB: 256, vcpus: 1, image: "base", restart: "always", running: true });
  });

  test("refuses a name that is taken", async () => {
    const { url } = await serveApi();
    await send(url, "POST", "/api/v1/vms", manifest("web"));
    const { status, body } = await send(url, "POST", "/api/v1/vms", manifest("web"));
    expect(status).toBe(409);
    expect(body).toEqual({
      error: { code: "already-exists", message: 'Cannot create VM "web": a VM of that name exists' },
    });
  });

  test("refuses an unknown field instead of dropping it, and says which was meant", async () => {
    const { url, replica } = await serveApi();
    const { status, body } = await send(url, "POST", "/api/v1/vms", manifest("web", { vcpu: 2 }));
    expect(status).toBe(422);
    expect(body.error).toMatchObject({
      code: "invalid",
      message: 'The body is not valid: unknown field "vcpu" in spec; did you mean "vcpus"?',
    });
    expect(body.error.details.problems).toHaveLength(1);
    expect(body.error.details.problems[0]).toMatchObject({ field: "/spec/vcpu", got: '"vcpu"' });
    expect(replica.version()).toBe(0);
  });

  test("lists every problem with field, expected and got", async () => {
    const { url } = await serveApi();
    const spec = { memoryMiB: "lots", ports: [{ name: "http", guest: 0 }] };
    const { status, body } = await send(url, "POST", "/api/v1/vms", manifest("web", spec));
    expect(status).toBe(422);
    expect(body.error.details.problems).toEqual([
      {
        field: "/spec/memoryMiB",
        expected: "an integer from 32 to 16777216",
        got: '"lots"',
        message: 'spec.memoryMiB: expected an integer from 32 to 16777216, got "lots"',
      },
      {
        field: "/spec/ports/0/guest",
        expected: "an integer from 1 to 65535",
        got: "0",
        message: "spec.ports[0].guest: expected an integer from 1 to 65535, got 0",
      },
    ]);
  });

  test("refuses what contradicts itself", async () => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "POST", "/api/v1/vms", manifest("web", { health: { port: 80 } }));
    expect(status).toBe(422);
    expect(body.error.details.problems[0].field).toBe("/spec/health/port");
  });

  test("takes a number for a number only", async () => {
    const { url } = await serveApi();
    const { status } = await send(url, "POST", "/api/v1/vms", manifest("web", { vcpus: "2" }));
    expect(status).toBe(422);
  });

  test("refuses an empty body", async () => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "POST", "/api/v1/vms");
    expect(status).toBe(422);
    expect(body.error.message).toBe("The body is not valid: expected an object, got nothing");
  });
});

describe("GET /vms", () => {
  test("lists all with the version to watch from", async () => {
    const { url } = await serveApi();
    await send(url, "POST", "/api/v1/vms", manifest("web"));
    await send(url, "POST", "/api/v1/vms", manifest("db"));
    const { status, body } = await send(url, "GET", "/api/v1/vms");
    expect(status).toBe(200);
    expect(body).toMatchObject({ apiVersion: "blixard.dev/v1", kind: "VmList", version: 2 });
    expect(body.items.map((vm: { metadata: { name: string } }) => vm.metadata.name)).toEqual(["web", "db"]);
  });

  test("reads one, with its version as ETag", async () => {
    const { url } = await serveApi();
    await send(url, "POST", "/api/v1/vms", manifest("web"));
    const { status, headers, body } = await send(url, "GET", "/api/v1/vms/web");
    expect(status).toBe(200);
    expect(body.metadata.name).toBe("web");
    expect(headers.get("etag")).toBe('"1"');
  });

  test("says which VM is not there", async () => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "GET", "/api/v1/vms/web");
    expect(status).toBe(404);
    expect(body).toEqual({ error: { code: "not-found", message: 'There is no VM "web"' } });
  });

  test.each([
    ["/api/v1/vms/Web", "/name"],
    ["/api/v1/vms?consistency=strong", "/consistency"],
    ["/api/v1/vms?watch=maybe", "/watch"],
    ["/api/v1/vms?watch=1&since=-1", "/since"],
    ["/api/v1/vms?since=3", "/since"],
    ["/api/v1/vms?sinze=3", "/sinze"],
    ["/api/v1/vms?watch=1&watch=1", "/watch"],
  ])("refuses %s and names the parameter", async (path, field) => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "GET", path);
    expect(status).toBe(400);
    expect(body.error.code).toBe("invalid-parameter");
    expect(body.error.details.problems[0].field).toBe(field);
  });

  test("is linearizable, so it fails without a leader, unless local is asked for", async () => {
    const { url, replica } = await serveApi();
    replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
    const { status, headers, body } = await send(url, "GET", "/api/v1/vms");
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBe("1");
    expect(body).toEqual({ error: { code: "no-leader", message: "There is no leader" } });
    expect((await send(url, "GET", "/api/v1/vms?consistency=local")).status).toBe(200);
  });

  test("fails when the replica does not answer", async () => {
    const { url, replica } = await serveApi({ limits: { readMs: 1 } });
    replica.mute = true;
    const { status, body } = await send(url, "GET", "/api/v1/vms");
    expect(status).toBe(503);
    expect(body.error.code).toBe("no-answer");
  });
});

describe("PUT /vms/:name", () => {
  test("makes what is not there, changes what is, and leaves alone what is so already", async () => {
    const { url } = await serveApi();
    const made = await send(url, "PUT", "/api/v1/vms/web", manifest("web"));
    expect([made.status, made.headers.get("blixard-change")]).toEqual([201, "created"]);
    const same = await send(url, "PUT", "/api/v1/vms/web", manifest("web"));
    expect([same.status, same.headers.get("blixard-change")]).toEqual([200, "none"]);
    const labelled = { ...manifest("web"), metadata: { name: "web", labels: { a: "b" } } };
    const changed = await send(url, "PUT", "/api/v1/vms/web", labelled);
    expect([changed.status, changed.headers.get("blixard-change")]).toEqual([200, "updated"]);
    expect(changed.body.metadata.labels).toEqual({ a: "b" });
  });

  test("is conditional with If-Match or expectedVersion", async () => {
    const { url } = await serveApi();
    const { headers } = await send(url, "PUT", "/api/v1/vms/web", manifest("web"));
    const etag = headers.get("etag") ?? "";
    const next = manifest("web", { vcpus: 2 });
    expect((await send(url, "PUT", "/api/v1/vms/web?expectedVersion=7", next)).status).toBe(409);
    expect((await send(url, "PUT", "/api/v1/vms/web", next, { "if-match": '"7"' })).body.error.code).toBe("conflict");
    expect((await send(url, "PUT", "/api/v1/vms/web", next, { "if-match": etag })).status).toBe(200);
  });

  test.each(["7", "*", 'W/"7"', '"7", "8"'])("refuses If-Match: %s, which it would not keep", async (ifMatch) => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "PUT", "/api/v1/vms/web", manifest("web"), { "if-match": ifMatch });
    expect(status).toBe(400);
    expect(body.error.details.problems[0]).toMatchObject({ field: "/if-match", got: ifMatch });
  });

  test("refuses a manifest of another name", async () => {
    const { url } = await serveApi();
    const { status, body } = await send(url, "PUT", "/api/v1/vms/web", manifest("db"));
    expect(status).toBe(422);
    expect(body.error.details.problems[0]).toMatchObject({ field: "/metadata/name", expected: '"web"', got: '"db"' });
  });

  test("says of a write without a leader that its fate is unknown, of one that was turned away that it was not applied", async () => {
    const { url, replica } = await serveApi();
    replica.unavailable = { ok: false, code: "no-leader", message: "There is no leader" };
    const lost = await send(url, "PUT", "/api/v1/vms/web", manifest("web"));
    expect([lost.status, lost.body.error.details.fate]).toEqual([503, "unknown"]);
    replica.unavailable = { ok: false, code: "overloaded", message: "Too many proposals" };
    const refused = await send(url, "PUT", "/api/v1/vms/web", manifest("web"));
    expect([refused.status, refused.body.error.details.fate]).toEqual([503, "not-applied"]);
  });

  test("says when an overloaded leader wants to be asked again, rounded up in Retry-After", async () => {
    const { url, replica } = await serveApi();
    replica.unavailable = { ok: false, code: "overloaded", message: "Too much waits", retryAfterMs: 1234 };
    const refused = await fetch(`${url}/api/v1/vms/web`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(manifest("web")),
    });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await refused.json()).toEqual({
      error: {
        code: "overloaded",
        message: "Too much waits",
        details: { fate: "not-applied", retryAfterMs: 1234 },
      },
    });
  });
});

describe("starting, stopping and deleting", () => {
  test("sets what is wanted and answers with the VM", async () => {
    const { url } = await serveApi();
    await send(url, "POST", "/api/v1/vms", manifest("web"));
    expect((await send(url, "POST", "/api/v1/vms/web/stop")).body.spec.running).toBe(false);
    expect((await send(url, "POST", "/api/v1/vms/web/start")).body.spec.running).toBe(true);
    expect((await send(url, "POST", "/api/v1/vms/db/start")).status).toBe(404);
  });

  test("answers 204 when the VM is gone, 202 with the VM while its instance is stopped", async () => {
    const api = await serveApi();
    const { body } = await send(api.url, "POST", "/api/v1/vms", manifest("web"));
    await send(api.url, "POST", "/api/v1/vms", manifest("db"));
    const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
    const instance = { id: "i1", node: "n1", epoch: 1, generation: 1, stopping: false, claim };
    api.system.tell(api.ref, api.replica.put({ ...body, status: { ...body.status, instance } }));
    const stopping = await send(api.url, "DELETE", "/api/v1/vms/web");
    expect([stopping.status, stopping.body.metadata.deletedAtMs]).toEqual([202, 1]);
    const gone = await send(api.url, "DELETE", "/api/v1/vms/db");
    expect([gone.status, gone.body]).toEqual([204, ""]);
    expect((await send(api.url, "DELETE", "/api/v1/vms/db")).status).toBe(404);
  });
});

describe("moving", () => {
  test("by stop and start is refused with the code of what is in its way", async () => {
    const api = await serveApi();
    api.system.tell(api.ref, api.replica.put(nodeResource("n1", api.url), nodeResource("n2", api.url)));
    const { body } = await send(api.url, "POST", "/api/v1/vms", manifest("web", { balloon: true }));
    const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
    const instance = { id: "i1", node: "n1", epoch: 1, generation: 1, stopping: false, claim };
    api.system.tell(api.ref, api.replica.put({ ...body, status: { ...body.status, phase: "Running", instance } }));
    const refused = async (to: string): Promise<readonly [number, string, string]> => {
      const { status, body: answer } = await send(api.url, "POST", "/api/v1/vms/web/migrate", { to, how: "cold" });
      return [status, answer.error.code, answer.error.message];
    };
    const cannot = (to: string): string => `Cannot move VM "web" to node "${to}": `;
    expect(await refused("n3")).toEqual([404, "not-found", `${cannot("n3")}there is no such node`]);
    expect(await refused("n1")).toEqual([409, "conflict", `${cannot("n1")}it runs there already`]);
    const why = "the node has no balloons by the driver process (a process has the host's memory), wants one";
    expect(await refused("n2")).toEqual([422, "invalid", `${cannot("n2")}${why}`]);
  });
});
