/** `vm checkpoint`, `vm restore`, `vm clone` and `checkpoint`: what they ask for, and what they say. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Checkpoint, Vm } from "../../actors/index.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { checkpointNamed, FakeCluster, running, vmNamed } from "./fake-cluster.ts";
import { runCommandLine, type Ran } from "./run-command-line.ts";

let cluster: FakeCluster;
let cwd: string;
beforeEach(() => {
  cluster = new FakeCluster();
  cwd = mkdtempSync(join(tmpdir(), "blixard-cli-"));
  cluster.put(running(vmNamed("web")));
});
afterEach(() => rmSync(cwd, { recursive: true }));

async function blixard(line: string): Promise<Ran> {
  return runCommandLine(line.split(" "), { cluster, cwd });
}

function vmAt(name: string): Vm {
  return cluster.resources.get(`Vm/${name}`) as Vm;
}

test("vm checkpoint makes one, waits until it is ready, and names it after the VM where nobody did", async () => {
  expect((await blixard("vm checkpoint web")).out).toBe("checkpoint/web-1 made of vm/web on n1, 1.0 MiB\n");
  expect((await blixard("vm checkpoint vm/web")).out).toContain("checkpoint/web-2 made");
  expect((await blixard("vm checkpoint web --as safe --no-wait")).out).toBe("checkpoint/safe making\n");
  expect(cluster.writes).toEqual(["checkpoint web as web-1", "checkpoint web as web-2", "checkpoint web as safe"]);
});

test("vm checkpoint and vm describe say which disks there are, and where they begin", async () => {
  const disks = [
    { name: "data", sizeMiB: 64, readOnly: false },
    { name: "tools", source: "tools.raw", readOnly: true },
  ];
  const made = checkpointNamed("web-1");
  cluster.put({ ...made, spec: { ...made.spec, guest: { ...made.spec.guest, disks } } });
  const { status, ...web } = running(vmNamed("web"));
  const from = { checkpoint: "web-1", id: "web-1-7", node: "n1", identity: "fresh" } as const;
  cluster.put({
    ...web,
    spec: { ...web.spec, disks, checkpoint: "web-1" },
    status: { ...status, instance: { ...status.instance!, from } },
  });
  const { out } = await blixard("vm describe web");
  expect(out).toMatch(/^Starts from: +checkpoint\/web-1 on n1, as somebody else$/m);
  expect(out).toMatch(
    /^Disks: +data \(as in checkpoint\/web-1, 64 MiB, goes with the instance\), tools \(tools.raw, read only\)$/m,
  );
  // What is there already is what it makes.
  cluster.put = (resource) => void (resource.kind === "Checkpoint" || cluster.resources.set("", resource));
  expect((await blixard("vm checkpoint web --as web-1")).out).toBe(
    "checkpoint/web-1 made of vm/web on n1, 1.0 MiB, with its disks data, tools\n",
  );
});

test("vm checkpoint says why none was made, and what to do with the rest", async () => {
  const failed = checkpointNamed("web-1", { phase: "Failed" });
  cluster.put({ ...failed, status: { ...failed.status, message: "the disk is full" } });
  cluster.put = (resource) => void (resource.kind === "Checkpoint" || cluster.resources.set("", resource));
  expect(await blixard("vm checkpoint web --as web-1")).toMatchObject({
    exitCode: EXIT.failed,
    err: expect.stringContaining('Checkpoint "web-1" is Failed: the disk is full.'),
  });
});

test("vm restore waits for another instance", async () => {
  cluster.put(checkpointNamed("c1"));
  cluster.turn = (vm) => {
    const instance = { ...vm.status.instance!, id: "web-9" };
    return [vm, { ...vm, status: { ...vm.status, instance } }];
  };
  const { out } = await blixard("vm restore web checkpoint/c1");
  expect(out).toContain("vm/web restored from checkpoint/c1");
  expect(cluster.writes).toEqual(["restore from c1 web"]);
});

test("vm clone starts VMs from a checkpoint, with free ports, and makes one first where it is given a VM", async () => {
  cluster.put(checkpointNamed("warm"));
  expect((await blixard("vm clone warm worker --count 2")).out).toBe(
    "vm/worker-1 cloned from checkpoint/warm on n1, http 127.0.0.1:30000\n" +
      "vm/worker-2 cloned from checkpoint/warm on n1, http 127.0.0.1:30000\n",
  );
  expect(vmAt("worker-1").spec).toMatchObject({ checkpoint: "warm", ports: [{ name: "http", guest: 80 }] });
  expect(vmAt("worker-1").spec.ports[0]?.host).toBeUndefined();
  const cards = {
    networks: [
      { name: "lan", kind: "tap", bridge: "br0" },
      { name: "out", kind: "user" },
    ],
  };
  const taken = { mac: "02:00:00:00:00:01", address: "10.1.0.5/24", gateway: "10.1.0.1" };
  const carded = checkpointNamed("carded");
  const guest = {
    ...carded.spec.guest,
    networks: [{ ...cards.networks[0], ...taken }, cards.networks[1]],
  } as typeof carded.spec.guest;
  cluster.put({ ...carded, spec: { ...carded.spec, guest } });
  await blixard("vm clone carded twin");
  // What only one on a network can have is left to the clone's own.
  expect(vmAt("twin").spec.networks).toEqual(cards.networks);
  expect((await blixard("vm clone web copy --no-wait")).out).toBe(
    "checkpoint/web-1 made of vm/web on n1, 1.0 MiB\nvm/copy created\n",
  );
  expect(vmAt("copy").spec.checkpoint).toBe("web-1");
});

test("vm clone refuses what is nobody's name, or two's", async () => {
  expect(await blixard("vm clone none copy")).toMatchObject({
    exitCode: EXIT.notFound,
    err: expect.stringContaining("there is neither a VM nor a checkpoint of that name"),
  });
  cluster.put(checkpointNamed("web"));
  expect(await blixard("vm clone web copy")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('Write "vm/web" for a clone of it as it is now, or "checkpoint/web".'),
  });
  expect((await blixard("vm clone checkpoint/web copy --no-wait")).exitCode).toBe(EXIT.ok);
});

test("checkpoint list, describe and delete show and remove them", async () => {
  cluster.put(checkpointNamed("warm"));
  cluster.put(running(vmNamed("copy", { checkpoint: "warm" })));
  const table =
    "NAME   STATUS   VM    NODE   SIZE      AGE   MESSAGE\nwarm   Ready    web   n1     1.0 MiB   60s   -\n";
  expect((await blixard("checkpoint list")).out).toBe(table);
  expect((await blixard("get cp")).out).toBe(table);
  const { out } = await blixard("checkpoint describe warm");
  expect(out).toMatch(/^Of: +vm\/web, instance web-1$/m);
  expect(out).toMatch(/^Started from it: +copy$/m);
  expect((await blixard("checkpoint delete checkpoint/warm")).out).toBe("checkpoint/warm deleted\n");
  expect(cluster.resources.get("Checkpoint/warm") as Checkpoint | undefined).toBeUndefined();
  expect(await blixard("checkpoint delete vm/web")).toMatchObject({ exitCode: 2 });
});
