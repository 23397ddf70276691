/**
 * Real guests at their worst, beside those that panic, flood their console or fill their disks (guest-agent.test.ts, qemu-disks.test.ts): one whose balloon
 * takes what it needs itself, and one of which nothing runs any more but its kernel.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { GuestMetrics, VerbResult } from "../../runtime/index.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { openDriver } from "../contract/open-driver.ts";
import type { StreamRecorder } from "../runtime/node/agent/stream-recorder.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const MIB = 1024 * 1024;
const VM = "i-vm";
let stateDir: string;
let driver: Driver;

beforeAll(async () => {
  const { imagesDir } = await testImage();
  stateDir = mkdtempSync(join(tmpdir(), "blixard-hostile-"));
  driver = new Driver(openDriver({ driver: "qemu", stateDir, imagesDir }));
  await driver.startAndBoot(idleLaunch(VM, { balloon: true }));
});

afterAll(async () => {
  await cleanUp(stateDir);
});

function run(script: string, timeoutMs = 60_000): StreamRecorder {
  return driver.run(VM, script, timeoutMs);
}

async function balloonBytes(): Promise<number> {
  const answer = await driver.ask<VerbResult<{ readonly metrics: GuestMetrics }>>((done) =>
    driver.hypervisor.verbs.readMetrics(VM, done),
  );
  if (!answer.ok) throw new Error(answer.message);
  return answer.metrics.balloonBytes ?? 0;
}

/** Without `deflate-on-oom` its kernel panics within seconds: "System is deadlocked on memory". */
test("a guest whose balloon is to take more than it can spare gets back what it needs, and runs on", async () => {
  const set = await driver.ask<VerbResult>((done) => driver.hypervisor.verbs.setBalloon(VM, 64, done));
  expect(set).toEqual({ ok: true });
  while ((await balloonBytes()) > 90 * MIB) await new Promise((resolve) => setTimeout(resolve, 50));
  const needy = run("dd if=/dev/zero of=/tmp/needed bs=1M count=30 && rm /tmp/needed");
  expect(await needy.ended, needy.err).toMatchObject({ ok: true, code: 0 });
  expect(await balloonBytes()).toBeGreaterThan(64 * MIB);
  expect(driver.count("exited", VM)).toBe(0);
});

test("a guest that hangs beats no more, is given up on by who asks it, and is ended by force", async () => {
  const beats = driver.count("heartbeat", VM);
  await driver.next("heartbeat", VM);
  expect(driver.count("heartbeat", VM)).toBeGreaterThan(beats);
  // Its init, which is its agent and can be stopped by no signal, is frozen.
  const hang = run(
    "mkdir /cg && mount -t cgroup2 none /cg && mkdir /cg/h && echo 1 >/cg/h/cgroup.procs && echo hanging && sleep 0.1 && echo 1 >/cg/h/cgroup.freeze",
    2000,
  );
  expect(await hang.ended).toMatchObject({ ok: false, code: "timed-out" });
  expect(hang.out).toBe("hanging\n");
  const hung = driver.count("heartbeat", VM);
  expect(await run("true", 200).ended).toMatchObject({ ok: false, code: "timed-out" });
  expect(await balloonBytes()).toBeGreaterThan(0);
  expect(driver.count("heartbeat", VM)).toBe(hung);
  expect(await driver.stop(VM, 500)).toEqual({ ok: true, forced: true });
});
