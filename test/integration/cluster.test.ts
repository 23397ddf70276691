/** A cluster of real processes, broken on purpose: what it promised before is kept after. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LEASE_MS, RENEW_MS } from "../../actors/cluster/lease.ts";
import type { Vm } from "../../actors/index.ts";
import { MeasuredCluster } from "../../bench/measured-cluster.ts";
import { runningInstances } from "../../cli/local-cluster/instance-processes.ts";
import { poll } from "../../cli/pause.ts";
import { waitUntilGone, waitUntilUp } from "../../cli/wait-for-vm.ts";
import { isRunning } from "../../runtime/node/guard/process-identity.ts";

const PORT_BASE = 27_500;
const PAGE_BYTES = 4096;
const UP = { timeoutMs: 60_000 };

/** What is left of a lease at least, less what it takes to renew it. */
const LEASE_LEFT_MS = LEASE_MS - RENEW_MS - 1500;

const MAIN = join(import.meta.dirname, "..", "..", "cli", "main.ts");

let cluster: MeasuredCluster;

beforeAll(async () => {
  cluster = await MeasuredCluster.start({ nodes: 3, driver: "process", portBase: PORT_BASE });
});

afterAll(async () => cluster.stop());

function manifest(name: string): Parameters<typeof cluster.client.vms.create>[0] {
  return {
    apiVersion: "blixard.dev/v1",
    kind: "Vm",
    metadata: { name },
    spec: { memoryMiB: 64, command: ["/bin/sh", "-c", "echo up; exec sleep 600"] },
  };
}

async function up(name: string): Promise<Vm> {
  await cluster.client.vms.apply(manifest(name));
  return waitUntilUp(cluster.client, name, UP);
}

/** The guest's process, as the host has it. */
function guestPid(vm: Vm): number | undefined {
  const node = cluster.node(vm.status.instance?.node ?? "");
  const found = runningInstances(node.dataDir).find(({ instance }) => instance === vm.status.instance?.id);
  return found?.state.child?.pid;
}

function names(): readonly string[] {
  return cluster.record.nodes.map(({ name }) => name);
}

test("restarting all nodes at once loses nothing that was acknowledged and adopts the guests that still run", async () => {
  const before = await up("survivor");
  const pid = guestPid(before);
  expect(pid).toBeGreaterThan(0);
  const written = Array.from({ length: 20 }, (_, at) => `kept-${at}`);
  await Promise.all(written.map((name) => cluster.client.vms.create({ ...manifest(name), spec: { running: false } })));

  await Promise.all(names().map(async (name) => cluster.kill(name)));
  const killedMs = performance.now();
  for (const name of names()) await cluster.restart(name);
  await cluster.ready();
  const awayMs = performance.now() - killedMs;

  const found = (await cluster.client.vms.list()).items.map(({ metadata }) => metadata.name);
  expect(found).toEqual(expect.arrayContaining(written));
  const after = await waitUntilUp(cluster.client, "survivor", UP);
  const isAdopted = after.status.instance?.id === before.status.instance?.id;
  if (isAdopted) {
    expect(after.status.restarts).toBe(before.status.restarts);
    expect(guestPid(after)).toBe(pid);
  } else {
    // On a machine so busy that the lease was over before three processes had started, it runs anew, and never twice.
    expect(awayMs).toBeGreaterThan(LEASE_LEFT_MS);
    expect(
      runningInstances(cluster.node(before.status.instance!.node).dataDir).map(({ instance }) => instance),
    ).not.toContain(before.status.instance?.id);
  }
});

test("a VM whose node is killed runs elsewhere, and the old guest is gone by then", async () => {
  const before = await up("mover");
  const old = before.status.instance!;
  const guests = runningInstances(cluster.node(old.node).dataDir);
  const guest = guests.find(({ instance }) => instance === old.id)?.state.child;
  expect(guest).toBeDefined();
  await cluster.kill(old.node);
  const moved = await poll(
    async () => {
      const vm = await cluster.client.vms.get("mover").catch(() => undefined);
      const instance = vm?.status.instance;
      return instance !== null && instance !== undefined && instance.id !== old.id ? vm : undefined;
    },
    { everyMs: 20, timeoutMs: 30_000 },
  );
  expect(isRunning(guest!)).toBe(false);
  expect(moved?.status.instance?.node).not.toBe(old.node);
  await waitUntilUp(cluster.client, "mover", UP);
  await cluster.restart(old.node);
  await cluster.ready();
});

test("writes go on while the leader is killed, each exactly once", async () => {
  const leader = await cluster.ready();
  const follower = names().find((name) => name !== leader)!;
  const client = cluster.clientOf(follower);
  const writes = Array.from({ length: 30 }, async (_, at) =>
    client.vms.create({ ...manifest(`once-${at}`), spec: { running: false } }),
  );
  await cluster.kill(leader);
  const answers = await Promise.all(writes);
  expect(new Set(answers.map(({ metadata }) => metadata.uid)).size).toBe(30);
  await cluster.restart(leader);
  await cluster.ready();
});

test("a guest that the cluster no longer wants on a node that was away is ended when it comes back", async () => {
  const vm = await up("unwanted");
  const node = vm.status.instance!.node;
  const pid = guestPid(vm);
  await cluster.kill(node);
  // A client that was connected to the node which has just died could not tell whether it was carried out.
  await cluster.clientOf(names().find((name) => name !== node)!).vms.delete("unwanted");
  await cluster.restart(node);
  await waitUntilGone(cluster.client, "unwanted", UP);
  const identity = runningInstances(cluster.node(node).dataDir).find(({ state }) => state.child?.pid === pid);
  expect(identity).toBeUndefined();
});

test("vm logs follow from any node", async () => {
  const vm = await up("talker");
  const other = names().find((name) => name !== vm.status.instance?.node)!;
  const lines: string[] = [];
  for await (const line of cluster.clientOf(other).vms.logs("talker", { tail: 10 })) lines.push(JSON.stringify(line));
  expect(lines.join("\n")).toContain("up");
});

test("the log of a job that is over can still be read, from any node", async () => {
  const job = manifest("job");
  await cluster.client.vms.create({ ...job, spec: { ...job.spec, command: ["/bin/echo", "done"], restart: "never" } });
  const over = async (): Promise<true | undefined> =>
    (await cluster.client.vms.get("job")).status.phase === "Completed" ? true : undefined;
  expect(await poll(over, { everyMs: 50, timeoutMs: 20_000 })).toBe(true);
  const lines: string[] = [];
  for (const name of names()) {
    for await (const line of cluster.clientOf(name).vms.logs("job", { tail: 5 })) lines.push(JSON.stringify(line));
  }
  expect(lines.filter((line) => line.includes("done"))).toHaveLength(3);
});

/** Runs a node that must not start, and says how it ended. */
function failingStart(name: string, change: readonly string[]): { code: number | null; said: string } {
  const { dataDir, ports } = cluster.node(name);
  const [listen, api] = ports;
  const flags = ["--name", name, "--cluster-id", "local", "--data", dataDir, "--listen", `127.0.0.1:${listen}`];
  const rest = ["--api", `127.0.0.1:${api}`, "--driver", "process", ...change];
  const env = { ...process.env, BLIXARD_TOKEN: "a-token-of-some-length" };
  const { status, stderr } = spawnSync(process.execPath, [MAIN, "node", ...flags, ...rest], {
    env,
    encoding: "utf8",
    timeout: 30_000,
  });
  return { code: status, said: stderr };
}

test("two processes on one data folder: the second is refused by name", () => {
  const { code, said } = failingStart("n1", ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
  expect(code).toBe(1);
  expect(said).toContain(cluster.node("n1").dataDir);
  expect(said).toContain(String(cluster.node("n1").process?.pid));
  expect(said).not.toContain("    at ");
});

test("a port in use: the node names it and what would help", () => {
  const data = join(cluster.node("n1").dataDir, "..", "n9");
  const { code, said } = failingStart("n2", ["--name", "n9", "--data", data]);
  expect(code).toBe(1);
  expect(said).toMatch(new RegExp(`127\\.0\\.0\\.1:(${cluster.node("n2").ports.join("|")})`));
  expect(said).toContain("in use");
  expect(said).not.toContain("    at ");
});

test("a data folder of another node is refused", async () => {
  await cluster.kill("n3");
  const { code, said } = failingStart("n3", ["--name", "n7"]);
  expect(code).toBe(1);
  expect(said).toContain('belongs to node "n3"');
  await cluster.restart("n3");
  await cluster.ready();
});

test("term and vote that cannot be read: the node refuses to start, names the folder and the way out; the others go on", async () => {
  await cluster.kill("n3");
  const folder = join(cluster.node("n3").dataDir, "raft");
  const file = readdirSync(folder).find((name) => name.endsWith(".mdb"))!;
  const path = join(folder, file);
  const whole = readFileSync(path);
  expect(existsSync(path)).toBe(true);
  // Behind the two pages that name the newest tree; every other page, since a single one may be free.
  const isHit = (at: number): boolean => at >= 2 * PAGE_BYTES && at % (2 * PAGE_BYTES) < PAGE_BYTES;
  const damaged = whole.map((byte, at) => (isHit(at) ? 255 - byte : byte));
  writeFileSync(path, damaged);
  const { code, said } = failingStart("n3", []);
  expect(code).toBe(1);
  expect(said).toContain(folder);
  expect(said).toMatch(/remove it from the cluster, move ".*" away and add the node again/);
  expect(said).not.toContain("    at ");
  await up("meanwhile");
  writeFileSync(path, whole);
  await cluster.restart("n3");
  await cluster.ready();
});
