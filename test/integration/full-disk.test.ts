/** A node whose disk fills up: it says that it is read-only, the others go on, and it comes back by itself when there is room. */
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
  const { status, stderr, error } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder]);
  return status === 0 ? undefined : `cannot mount a small disk: ${error?.message ?? String(stderr).trim()}`;
}

/** Puts what the stopped node has onto a disk of 16 MiB. */
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

test("a full disk: the node is read-only and says so, the others go on, it comes back by itself when there is room", async (context) => {
  if (cluster === undefined) return context.skip(refusal);
  const running = cluster;
  const { client } = running;
  let written = 0;
  const write = async (): Promise<unknown> =>
    client.vms.create({
      apiVersion: "blixard.dev/v1",
      kind: "Vm",
      metadata: { name: `written-${written++}` },
      spec: { running: false, env: { PADDING: "x".repeat(4000) } },
    });
  const isReadOnly = async (): Promise<boolean> => (await running.status(VICTIM)).replica.readOnly;
  const { dataDir, logFile, apiUrl } = running.node(VICTIM);
  await running.kill(VICTIM);
  moveToSmallDisk(dataDir);
  await running.restart(VICTIM);
  await running.ready();

  const filler = join(dataDir, "filler");
  fill(filler);
  // What is left of the log's present segment is room of its own: it must be full first.
  await vi.waitFor(async () => {
    await Promise.all(Array.from({ length: 16 }, write));
    expect(await isReadOnly()).toBe(true);
  }, WAIT);
  const { process } = running.node(VICTIM);
  expect(process !== null && isRunning(process)).toBe(true);
  expect(readFileSync(logFile, "utf8")).toContain(`Node \\"${VICTIM}\\" is read-only: its disk has no room`);
  const ready = await fetch(`${apiUrl}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("its disk has no room")]);
  const { items } = await client.members.list();
  expect(items.find(({ node }) => node === VICTIM)).toMatchObject({ state: "read-only" });
  // Two voters are left that write.
  for (let more = 0; more < 20; more++) await write();
  const behind = (await running.status(VICTIM)).replica.applied;

  rmSync(filler);
  await vi.waitFor(async () => expect(await isReadOnly()).toBe(false), WAIT);
  await running.ready();
  expect((await running.status(VICTIM)).replica.applied).toBeGreaterThan(behind);
  const found = (await running.clientOf(VICTIM).vms.list({ consistency: "linearizable" })).items;
  expect(new Set(found.map(({ metadata }) => metadata.name)).size).toBe(written);
});
