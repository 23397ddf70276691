/** A node whose disk fills up: it ends by name, the others go on, and it comes back when there is room. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { MeasuredCluster } from "../../bench/measured-cluster.ts";
import { isRunning } from "../../runtime/node/guard/process-identity.ts";

const PORT_BASE = 27_700;
const VICTIM = "n3";
const WAIT = { timeout: 60_000, interval: 100 };

const refusal = whyNoMounts();
let cluster: MeasuredCluster | undefined;

beforeAll(async () => {
  if (refusal === undefined)
    cluster = await MeasuredCluster.start({ nodes: 3, driver: "process", portBase: PORT_BASE });
});

afterAll(async () => {
  if (cluster === undefined) return;
  const { dataDir } = cluster.node(VICTIM);
  await cluster.kill(VICTIM);
  // A process that was just killed may hold its files for a moment more.
  await vi.waitFor(() => unmount(dataDir), WAIT);
  await cluster.stop();
});

function unmount(folder: string): void {
  if (!readFileSync("/proc/mounts", "utf8").includes(` ${folder} `)) return;
  expect(spawnSync("umount", [folder], { encoding: "utf8" })).toMatchObject({ status: 0 });
}

/** Why this host cannot give a test a disk of its own, or undefined. */
function whyNoMounts(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "blixard-mount-"));
  try {
    return mountSmallDisk(folder) ?? void spawnSync("umount", [folder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function mountSmallDisk(folder: string): string | undefined {
  const { status, stderr, error } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
  return status === 0 ? undefined : `cannot mount a small disk: ${error?.message ?? String(stderr).trim()}`;
}

/** Puts what the stopped node has onto a disk of 4 MiB. */
function moveToSmallDisk(dataDir: string): void {
  renameSync(dataDir, `${dataDir}.large`);
  spawnSync("mkdir", [dataDir]);
  expect(mountSmallDisk(dataDir)).toBeUndefined();
  expect(spawnSync("cp", ["-a", `${dataDir}.large/.`, dataDir]).status).toBe(0);
}

function fill(file: string): void {
  for (let size = 1 << 20; size >= 512;) {
    try {
      writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      size /= 2;
    }
  }
}

test("a full disk: the node ends with what to do, the others go on, it comes back when there is room", async (context) => {
  if (cluster === undefined) return context.skip(refusal);
  const { client } = cluster;
  let written = 0;
  const write = async (): Promise<unknown> =>
    client.vms.create({
      apiVersion: "blixard.dev/v1",
      kind: "Vm",
      metadata: { name: `written-${written++}` },
      spec: { running: false, env: { PADDING: "x".repeat(4000) } },
    });
  const { dataDir, logFile } = cluster.node(VICTIM);
  await cluster.kill(VICTIM);
  moveToSmallDisk(dataDir);
  await cluster.restart(VICTIM);
  await cluster.ready();

  const filler = join(dataDir, "filler");
  fill(filler);
  const { process } = cluster.node(VICTIM);
  await vi.waitFor(async () => {
    await write();
    expect(process !== null && isRunning(process)).toBe(false);
  }, WAIT);
  const [last, hint] = readFileSync(logFile, "utf8").trim().split("\n").slice(-2);
  expect(last).toContain(`Cannot write the Raft log "${join(dataDir, "raft", "raft-log.mdb")}"`);
  expect(last).toContain("no space left on its disk");
  expect(hint).toMatch(/free space on the disk of ".*", then start the node again/i);

  await vi.waitFor(write, WAIT);
  await cluster.restart(VICTIM);
  const again = cluster.node(VICTIM).process;
  await vi.waitFor(() => expect(again !== null && isRunning(again)).toBe(false), WAIT);

  rmSync(filler);
  await cluster.restart(VICTIM);
  await cluster.ready();
  const { items } = await cluster.clientOf(VICTIM).vms.list({ consistency: "linearizable" });
  expect(items.length).toBeGreaterThan(0);
  expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe((await client.vms.list()).items.length);
});
