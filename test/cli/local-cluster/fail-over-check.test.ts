/** The check of `up --check` is a guard: it must see two copies that run at once, made here of plain processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Vm } from "../../../actors/index.ts";
import type { ProcessIdentity } from "../../../runtime/node/guard/process-identity.ts";
import type { ClusterRecord } from "../../../cli/local-cluster/cluster-record.ts";
import { checkFailOver, type FailOverReport } from "../../../cli/local-cluster/fail-over-check.ts";
import { identifyProcess } from "../../../cli/local-cluster/identify-process.ts";
import { killInstances, runningInstances } from "../../../cli/local-cluster/instance-processes.ts";
import { FakeCluster, running, vmNamed } from "../fake-cluster.ts";

let folder: string;
let server: Server;
let children: ChildProcess[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "blixard-cli-"));
  children = [];
  server = createServer((_, response) => response.end("page"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** A process of its own session, as a guest is. */
function startProcess(): ProcessIdentity {
  const child = spawn("sleep", ["100"], { detached: true, stdio: "ignore" });
  children.push(child);
  return identifyProcess(child.pid!)!;
}

/** The files that a node and its guard leave of an instance. */
function startInstance(node: string, instance: string): ProcessIdentity {
  const guard = join(folder, node, "instances", "instances", instance, "guard");
  mkdirSync(guard, { recursive: true });
  const child = startProcess();
  writeFileSync(join(guard, "child"), `${child.pid} ${child.start} ${child.boot}\n`);
  return child;
}

function vmOn(node: string, instance: string): Vm {
  const vm = running(vmNamed("web"));
  return { ...vm, status: { ...vm.status, instance: { ...vm.status.instance!, node, id: instance } } };
}

async function check(cluster: FakeCluster, node: ProcessIdentity): Promise<FailOverReport> {
  const nodes = ["n1", "n2"].map((name) => ({
    name,
    process: name === "n1" ? node : identifyProcess(process.pid)!,
    apiUrl: "http://127.0.0.1:1",
    ports: [],
    dataDir: join(folder, name),
    logFile: join(folder, "none"),
  }));
  const record: ClusterRecord = {
    format: 1,
    clusterId: "local",
    detached: false,
    dataDir: folder,
    keepData: false,
    nodes,
  };
  return checkFailOver({
    client: cluster.connect([]),
    record,
    vm: vmOn("n1", "web-1"),
    pageUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    signal: new AbortController().signal,
  });
}

test("checkFailOver() sees a new guest that was started while the old one lived", async () => {
  const cluster = new FakeCluster();
  cluster.put(vmOn("n1", "web-1"));
  startInstance("n1", "web-1");
  const checking = check(cluster, startProcess());
  await sleep(40);
  startInstance("n2", "web-2");
  cluster.put(vmOn("n2", "web-2"));
  await expect(checking).rejects.toThrow(/^VM "web" ran twice, on "n1" and "n2", for \d+ ms or more\.$/);
});

test("checkFailOver() passes when the old guest was gone before, and does not mistake another VM's for the new one", async () => {
  const cluster = new FakeCluster();
  cluster.put(vmOn("n1", "web-1"));
  startInstance("n1", "web-1");
  startInstance("n2", "db-1");
  const checking = check(cluster, startProcess());
  await sleep(20);
  killInstances(runningInstances(join(folder, "n1")));
  await sleep(40);
  startInstance("n2", "web-2");
  cluster.put(vmOn("n2", "web-2"));
  const report = await checking;
  expect(report).toMatchObject({ from: "n1", to: "n2" });
  expect(report.gapMs).toBeGreaterThanOrEqual(0);
  expect(report.elapsedMs).toBeGreaterThanOrEqual(report.startedMs - 10);
});

test("runningInstances() finds what runs below a data folder, and nothing that has ended", () => {
  startInstance("n1", "web-1");
  startInstance("n1", "db-1");
  const found = runningInstances(join(folder, "n1"));
  expect(found.map(({ instance }) => instance).toSorted()).toEqual(["db-1", "web-1"]);
  expect(runningInstances(join(folder, "nowhere"))).toEqual([]);
});
