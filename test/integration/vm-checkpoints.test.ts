/** A counting guest of QEMU, kept by a real node: it goes on counting, is gone back to, and others go on from it as somebody else. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../actors/index.ts";
import { MeasuredCluster } from "../../bench/measured-cluster.ts";
import { poll } from "../../cli/pause.ts";
import { waitUntilReady, waitUntilRemoved } from "../../cli/wait-for-checkpoint.ts";
import { waitUntilGone, waitUntilRestarted, waitUntilUp } from "../../cli/wait-for-vm.ts";

const PORT_BASE = 28_600;
const UP = { timeoutMs: 150_000 };
const COUNTS = "i=0; while :; do echo count $i $(cat /etc/machine-id); i=$((i+1)); sleep 0.1; done";

let cluster: MeasuredCluster;

beforeAll(async () => {
  cluster = await MeasuredCluster.start({ nodes: 1, driver: "qemu", portBase: PORT_BASE });
  await cluster.atLevel(3);
});

afterAll(async () => cluster.stop());

interface Said {
  readonly first: number;
  readonly last: number;
  readonly machine: string;
}

/** What a guest of the VM has said since its last start. */
async function said(name: string): Promise<Said> {
  const found = await poll(
    async () => {
      const counts: (readonly [number, string])[] = [];
      for await (const line of cluster.client.vms.logs(name, { tail: 10_000 })) {
        const [, count, machine] = /^count (\d+) ([0-9a-f]{32})$/.exec(line) ?? [];
        if (count !== undefined && machine !== undefined) counts.push([Number(count), machine]);
      }
      const [first, last] = [counts[0], counts.at(-1)];
      return first === undefined || last === undefined
        ? undefined
        : { first: first[0], last: last[0], machine: last[1] };
    },
    { everyMs: 50, timeoutMs: 60_000 },
  );
  if (found === undefined) throw new Error(`VM "${name}" says nothing`);
  return found;
}

async function make(name: string, changes: Partial<Vm["spec"]>): Promise<void> {
  const spec = { memoryMiB: 96, command: ["/bin/sh", "-c", COUNTS], ...changes };
  await cluster.client.vms.apply({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name }, spec });
  await waitUntilUp(cluster.client, name, UP);
}

test("a VM goes back to its checkpoint, over a kill of its node, and clones of it go on as others", async () => {
  const { client } = cluster;
  await make("web", {});
  const before = await said("web");
  await client.checkpoints.create({ vm: "web", name: "c1" });
  const { status, spec } = await waitUntilReady(client, "c1", UP);
  expect(status).toMatchObject({ node: "n1", manifest: { driver: "qemu", vcpus: 1, memoryMiB: 96 } });
  expect(status.sizeBytes).toBeGreaterThan(1_000_000);
  const after = await said("web");
  expect(after.last).toBeGreaterThanOrEqual(before.last);

  // What is ready outlives its node's process.
  await cluster.kill("n1");
  await cluster.restart("n1");
  await cluster.ready();
  expect((await client.checkpoints.get("c1")).status.phase).toBe("Ready");
  await waitUntilUp(client, "web", UP);

  const { status: old } = await client.vms.restore("web", "c1");
  await waitUntilRestarted(client, "web", { ...UP, instance: old.instance?.id ?? "" });
  const restored = await said("web");
  expect(restored.first).toBeGreaterThanOrEqual(before.last);
  expect(restored.first).toBeLessThanOrEqual(after.last + 20);
  expect(restored.machine).toBe(before.machine);

  for (const name of ["one", "two"]) await make(name, { ...spec.guest, checkpoint: "c1" });
  const clones = await Promise.all(["one", "two"].map(said));
  for (const { first } of clones) {
    expect(first).toBeGreaterThanOrEqual(before.last);
    expect(first).toBeLessThanOrEqual(after.last + 20);
  }
  expect(new Set([restored.machine, ...clones.map(({ machine }) => machine)]).size).toBe(3);

  await expect(client.checkpoints.delete("c1")).rejects.toThrow("are started from it");
  for (const name of ["web", "one", "two"]) await client.vms.delete(name);
  for (const name of ["web", "one", "two"]) await waitUntilGone(client, name, UP);
  await client.checkpoints.delete("c1");
  await waitUntilRemoved(client, "c1", UP);
});
