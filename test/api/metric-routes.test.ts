/** What guests use, over HTTP: of this node, of another, of all. */
import { describe, expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { manifest, nodeResource, send, serveApi, type ServedApi, type ServeOptions } from "./api-fixture.ts";

const USAGE = { cpuMs: 1200, residentBytes: 50_000_000, readBytes: 1000, writtenBytes: 20, upMs: 9000, bootMs: 700 };

/** A VM whose instance NAME-1 runs on `node`. */
async function placeVm(api: ServedApi, name: string, node: string): Promise<void> {
  const { body } = await send(api.url, "POST", "/api/v1/vms", manifest(name));
  const vm = body as Vm;
  const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
  const instance = { id: `${name}-1`, node, epoch: 1, generation: 1, stopping: false, claim };
  const status = { ...vm.status, phase: "Running" as const, restarts: 2, instance };
  api.system.tell(api.ref, api.replica.put({ ...vm, status }));
}

async function twoNodes(options: ServeOptions = {}): Promise<{ readonly n1: ServedApi; readonly n2: ServedApi }> {
  const [n1, n2] = [await serveApi({ ...options, node: "n1" }), await serveApi({ ...options, node: "n2" })];
  for (const api of [n1, n2]) {
    await placeVm(api, "db", "n1");
    await placeVm(api, "web", "n2");
    api.system.tell(api.ref, api.replica.put(nodeResource("n1", n1.url), nodeResource("n2", n2.url)));
  }
  n1.readings.set("db-1", { ok: true, metrics: { cpuMs: 5, residentBytes: 6 } });
  n2.readings.set("web-1", { ok: true, metrics: USAGE });
  return { n1, n2 };
}

describe("GET /vms/:name/metrics", () => {
  test("tells what is known and leaves out what is not", async () => {
    const { n1 } = await twoNodes();
    const { status, body } = await send(n1.url, "GET", "/api/v1/vms/db/metrics");
    expect(status).toBe(200);
    expect(body).toEqual({
      vm: "db",
      node: "n1",
      instance: "db-1",
      phase: "Running",
      vcpus: 1,
      memoryMiB: 128,
      restarts: 2,
      atMs: expect.any(Number),
      usage: { cpuMs: 5, residentBytes: 6 },
      error: "",
    });
  });

  test("is answered by the node that runs it, whichever is asked", async () => {
    const { n1 } = await twoNodes();
    const { body } = await send(n1.url, "GET", "/api/v1/vms/web/metrics?consistency=local");
    expect(body).toMatchObject({ node: "n2", usage: USAGE });
  });

  test("refuses a VM that runs nowhere, a driver that cannot, and a guest that is silent", async () => {
    const { n1 } = await twoNodes({ limits: { metricsMs: 20 } });
    await send(n1.url, "POST", "/api/v1/vms", manifest("idle"));
    expect(await send(n1.url, "GET", "/api/v1/vms/idle/metrics")).toMatchObject({
      status: 409,
      body: {
        error: { code: "no-instance", message: expect.stringContaining('"idle": it is Pending and runs nowhere') },
      },
    });
    const refused = { ok: false, code: "unsupported", message: "the driver lacks it (not modelled)" } as const;
    n1.readings.set("db-1", refused);
    expect(await send(n1.url, "GET", "/api/v1/vms/db/metrics")).toMatchObject({
      status: 422,
      body: { error: { code: "invalid", message: expect.stringContaining("the driver lacks it (not modelled)") } },
    });
    n1.readings.delete("db-1");
    expect(await send(n1.url, "GET", "/api/v1/vms/db/metrics")).toMatchObject({
      status: 503,
      body: {
        error: {
          code: "no-answer",
          message: 'Cannot read the metrics of VM "db" on node "n1", which is Running: it did not answer within 20 ms',
        },
      },
    });
  });

  test("names the node that does not answer, and is not passed on twice", async () => {
    const { n1, n2 } = await twoNodes();
    const hopped = await send(n1.url, "GET", "/api/v1/vms/web/metrics", undefined, { "blixard-hop": "n3" });
    expect(hopped).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
    await n2.close();
    const gone = await send(n1.url, "GET", "/api/v1/vms/web/metrics");
    expect(gone).toMatchObject({ status: 502, body: { error: { code: "node-unreachable" } } });
    expect(gone.body.error.message).toContain('Cannot ask node "n2"');
  });
});

describe("GET /cluster/metrics", () => {
  test("tells of this node's VMs, a silent one among them", async () => {
    const { n1 } = await twoNodes({ limits: { metricsMs: 20 } });
    await placeVm(n1, "mute", "n1");
    const { body } = await send(n1.url, "GET", "/api/v1/cluster/metrics");
    expect(body.nodes).toHaveLength(1);
    expect(body.nodes[0].vms).toMatchObject([
      { vm: "db", usage: { cpuMs: 5 }, error: "" },
      { vm: "mute", error: "it did not answer within 20 ms" },
    ]);
    expect(body.nodes[0].vms[1]).not.toHaveProperty("usage");
  });

  test("asks every node once, and names the one that does not answer", async () => {
    const { n1, n2 } = await twoNodes();
    const all = async (): Promise<readonly unknown[]> =>
      (await send(n1.url, "GET", "/api/v1/cluster/metrics?all=1")).body.nodes;
    expect(await all()).toMatchObject([
      { name: "n1", error: "", vms: [{ vm: "db" }] },
      { name: "n2", error: "", vms: [{ vm: "web", usage: USAGE }] },
    ]);
    await n2.close();
    expect(await all()).toMatchObject([
      { name: "n1", error: "", vms: [{ vm: "db" }] },
      { name: "n2", error: expect.stringContaining('Cannot ask node "n2"'), vms: [] },
    ]);
  });

  test("reads a thousand VMs a few at a time, in the order of their names", async () => {
    const { n1 } = await twoNodes();
    const found = (await send(n1.url, "GET", "/api/v1/vms/db")).body as Vm;
    const names = Array.from({ length: 1000 }, (_, at) => `vm-${String(at).padStart(4, "0")}`);
    for (const name of names) {
      const instance = { ...found.status.instance!, id: `${name}-1` };
      const vm = { ...found, metadata: { ...found.metadata, name }, status: { ...found.status, instance } };
      n1.system.tell(n1.ref, n1.replica.put(vm));
      n1.readings.set(`${name}-1`, { ok: true, metrics: { cpuMs: 1, residentBytes: 1 } });
    }
    const { body } = await send(n1.url, "GET", "/api/v1/cluster/metrics");
    expect(body.nodes[0].vms.map(({ vm }: { vm: string }) => vm)).toEqual(["db", ...names]);
  });
});
