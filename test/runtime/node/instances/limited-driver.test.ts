/** A driver whose machines run in control groups, on this host's kernel. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { InstanceLaunch, StartResult, StopResult } from "../../../../runtime/index.ts";
import { createProcessHypervisor, InstanceCgroups, nodeClock } from "../../../../runtime/node/index.ts";

const ROOT = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((path) => existsSync(join(path, "cgroup.procs")));

test("an instance runs in a group of its own, its guard does not, and the group goes with it", async ({ skip }) => {
  if (ROOT === undefined) return skip("no control groups of version 2");
  const group = join(ROOT, `blixard-limited-${process.pid}`);
  try {
    mkdirSync(group);
  } catch (error) {
    return skip(`this user may make no control group: ${String(error)}`);
  }
  const stateDir = mkdtempSync(join(tmpdir(), "blixard-limited-"));
  const cgroups = new InstanceCgroups(group, { controllers: [] });
  const hypervisor = createProcessHypervisor({ stateDir, cgroups, clock: nodeClock, logger: { log: () => undefined } });
  onTestFinished(async () => {
    await new Promise((done) => hypervisor.stop("i-1", 0, done));
    hypervisor.close();
    cgroups.sweep();
    rmdirSync(group);
    rmSync(stateDir, { recursive: true });
  });
  const started = await new Promise<StartResult>((done) => hypervisor.start(launch("i-1"), done));
  expect(started).toMatchObject({ ok: true });
  const pid = started.ok ? started.pid : 0;
  // It enters as soon as its shell runs, which may be behind the answer.
  await until(() => groupOf(pid).endsWith("/blixard-i-1"));
  const guard = Number.parseInt(readFileSync(join(stateDir, "instances/i-1/guard/guard"), "utf8"), 10);
  expect(groupOf(guard)).not.toContain("blixard");
  const metrics = await new Promise((done) => hypervisor.verbs.readMetrics("i-1", done));
  expect(metrics).toMatchObject({ ok: true });
  const stopped = await new Promise<StopResult>((done) => hypervisor.stop("i-1", 5000, done));
  expect(stopped).toMatchObject({ ok: true });
  expect(existsSync(join(group, "blixard-i-1"))).toBe(false);
});

/** Of version 2, as the kernel says it of a process. */
function groupOf(pid: number): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "";
}

function launch(instance: string): InstanceLaunch {
  const nothing = { env: {}, files: [], ports: [] };
  const guest = { vcpus: 1, memoryMiB: 64, image: "base", command: ["sleep", "60"], ...nothing };
  return { instance, vm: "web", node: "n1", ...guest, leaseUntilMs: nodeClock.monotonicMs() + 60_000 };
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}
