/** Whether a checkpoint is whole, over HTTP: as its own node says, another one asked; and a restore that ends nothing for one that is not. */
import { expect, test } from "vitest";
import type { Checkpoint, Vm } from "../../actors/index.ts";
import { manifest, nodeResource, send, serveApi, type ServedApi, type ServeOptions } from "./api-fixture.ts";

const DAMAGED = { ok: false, code: "damaged", message: 'its part "disk-data.qcow2" is not what was written' } as const;

/** "n2" has the checkpoint "c1" of VM "web", which runs on it. */
async function twoNodes(options: ServeOptions = {}): Promise<{ readonly n1: ServedApi; readonly n2: ServedApi }> {
  const [n1, n2] = [await serveApi({ ...options, node: "n1" }), await serveApi({ ...options, node: "n2" })];
  for (const api of [n1, n2]) {
    const { body } = await send(api.url, "POST", "/api/v1/vms", manifest("web"));
    const vm = body as Vm;
    const claim = { vcpus: 1, memoryMiB: 128, hostPorts: [] };
    const instance = { id: "web-1", node: "n2", epoch: 1, generation: 1, stopping: false, claim };
    const kept: Checkpoint = {
      apiVersion: "blixard.dev/v1",
      kind: "Checkpoint",
      metadata: { name: "c1", uid: "c", version: 9, generation: 1, createdAtMs: 1, labels: {} },
      spec: { vm: "web", vmUid: vm.metadata.uid, instance: "web-1", guest: vm.spec },
      status: { phase: "Ready", id: "c1-9", node: "n2", manifest: null, sizeBytes: 1, message: "", sinceMs: 1 },
    };
    const placed = { ...vm, status: { ...vm.status, phase: "Running" as const, instance } };
    const nodes = [nodeResource("n1", n1.url), nodeResource("n2", n2.url)];
    api.system.tell(api.ref, api.replica.put(placed, kept, ...nodes));
  }
  return { n1, n2 };
}

test("its node says whether it is whole, whoever is asked, and that it reads on where that takes longer", async () => {
  const { n1, n2 } = await twoNodes({ limits: { metricsMs: 20 } });
  const ask = async (): Promise<unknown> => (await send(n1.url, "GET", "/api/v1/checkpoints/c1/check")).body;
  expect(await ask()).toMatchObject({ checkpoint: "c1", node: "n2", state: "reading" });
  n2.checks.set("c1-9", { ok: true });
  expect(await ask()).toEqual({ checkpoint: "c1", node: "n2", state: "whole", message: "" });
  n2.checks.set("c1-9", DAMAGED);
  expect(await ask()).toMatchObject({ state: "damaged", message: DAMAGED.message });
});

test("a restore from what is damaged, or not read in time, is refused before anything is proposed", async () => {
  const { n1, n2 } = await twoNodes({ limits: { metricsMs: 20, writeMs: 30 } });
  const restore = async (): ReturnType<typeof send> =>
    send(n1.url, "POST", "/api/v1/vms/web/restore", { checkpoint: "c1" });
  expect(await restore()).toMatchObject({
    status: 409,
    body: { error: { code: "conflict", message: expect.stringContaining('being read by node "n2" still; ask again') } },
  });
  n2.checks.set("c1-9", DAMAGED);
  expect(await restore()).toMatchObject({
    status: 409,
    body: {
      error: {
        message:
          'Cannot restore VM "web" from checkpoint "c1": its part "disk-data.qcow2" is not what was written; the VM runs on as it is',
      },
    },
  });
  n2.checks.set("c1-9", { ok: true });
  expect(await restore()).toMatchObject({ status: 200 });
  await n2.close();
  expect(await restore()).toMatchObject({ status: 502, body: { error: { code: "node-unreachable" } } });
});
