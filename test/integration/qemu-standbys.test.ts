/** Standbys of real QEMUs: guests that begin in one are as those that were restored anew. When there is one, and which: test/runtime/node/instances/standby-pool.test.ts. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { InstanceLaunch, VerbResult } from "../../runtime/index.ts";
import { type GuardedHypervisor, nodeClock } from "../../runtime/node/index.ts";
import { anythingRuns, guardFolder, readGuard } from "../../runtime/node/guard/guard.ts";
import { uptimeHundredths } from "../../runtime/node/guard/host-uptime.ts";
import { writeLease } from "../../runtime/node/guard/lease-file.ts";
import { type InstanceRecord, InstanceStore } from "../../runtime/node/instances/instance-store.ts";
import { cleanUp, freePort } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { type DriverChoice, openDriver } from "../contract/open-driver.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const TEMPLATE = "template";
/** Serves files, and counts. */
const SERVICE = 'httpd -p 80 -h /etc; i=0; while :; do i=$((i+1)); echo "count $i"; sleep 0.1; done';
let choice: DriverChoice;
let hypervisor: GuardedHypervisor;
let driver: Driver;

beforeAll(async () => {
  const { imagesDir } = await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), "blixard-standbys-"));
  choice = { driver: "qemu", stateDir, imagesDir, standbys: { count: 1, each: 1 } };
  open();
  await driver.startAndBoot(idleLaunch("i-vm", { command: ["sh", "-c", SERVICE] }));
  await driver.line("i-vm", "count 5");
  const made = await driver.ask<VerbResult>((done) =>
    hypervisor.verbs.checkpoint({ instance: "i-vm", id: TEMPLATE }, done),
  );
  expect(made).toMatchObject({ ok: true });
  await driver.stop("i-vm", 0);
});

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(choice.stateDir);
});

function open(): void {
  hypervisor = openDriver(choice);
  driver = new Driver(hypervisor);
}

function launch(instance: string, identity: "same" | "fresh", more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return idleLaunch(instance, { from: { type: "checkpoint", id: TEMPLATE, identity }, ...more });
}

async function clone(
  instance: string,
  identity: "same" | "fresh",
  more: Partial<InstanceLaunch> = {},
): Promise<number> {
  const result = await driver.start(launch(instance, identity, more));
  if (!result.ok) throw new Error(result.message);
  return result.pid;
}

/** Starts one that has none, so that there is one for the next. */
async function standby(): Promise<void> {
  if (hypervisor.standbys > 0) return;
  await clone("i-first", "same");
  await driver.stop("i-first", 0);
  await until(() => hypervisor.standbys > 0);
}

async function until(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!isSo()) {
    expect(performance.now(), "it takes too long").toBeLessThan(untilMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function origin(instance: string): Promise<string | undefined> {
  const result = await driver.ask<VerbResult<{ metrics: { origin?: string } }>>((done) =>
    hypervisor.verbs.readMetrics(instance, done),
  );
  return result.ok ? result.metrics.origin : result.code;
}

function standbys(): readonly string[] {
  const folder = join(choice.stateDir, "standbys");
  return readdirSync(folder).map((id) => join(folder, id));
}

async function run(instance: string, script: string): Promise<string> {
  const recorder = driver.run(instance, script);
  await recorder.ended;
  return recorder.out.trim();
}

async function asked(port: number): Promise<string> {
  const socket = createConnection(port, "127.0.0.1").setEncoding("utf8");
  socket.write("GET /hostname HTTP/1.0\r\n\r\n");
  let said = "";
  for await (const chunk of socket) said += String(chunk);
  return said.trim();
}

test("a clone that a standby became is somebody of its own, with its port, its user, and checkpoints as others have", async () => {
  await standby();
  const hostPort = await freePort();
  const ports = [{ name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort }];
  const pid = await clone("i-clone", "fresh", { ports });
  expect(await origin("i-clone")).toBe("standby");
  expect(await asked(hostPort)).toContain("200 OK");
  const said = await run("i-clone", "hostname; cat /etc/machine-id /sys/class/net/eth0/carrier");
  const [host, id, carrier] = said.split("\n");
  expect([host, carrier]).toEqual(["vm-i-clone", "1"]);
  await until(() => hypervisor.standbys > 0);
  await clone("i-other", "fresh");
  expect(await origin("i-other")).toBe("standby");
  expect(await run("i-other", "cat /etc/machine-id")).not.toBe(id);

  if (process.geteuid?.() === 0) {
    const users = ["i-clone", "i-other"].map((instance) => new InstanceStore(choice.stateDir).record(instance)?.user);
    expect(new Set(users).size).toBe(2);
    expect(statSync(`/proc/${pid}`).uid).toBe(users[0]);
  }
  const made = await driver.ask<VerbResult>((done) =>
    hypervisor.verbs.checkpoint({ instance: "i-clone", id: "c-2" }, done),
  );
  expect(made).toMatchObject({ ok: true });
  for (const instance of ["i-clone", "i-other"]) await driver.stop(instance, 0);
});

test("a guest that is restored by a standby goes on at its checkpoint, not where the standby was made", async () => {
  await standby();
  await clone("i-again", "same");
  expect(await origin("i-again")).toBe("standby");
  await driver.event("heartbeat", "i-again");
  const counts = (): Promise<number[]> =>
    driver
      .logs("i-again", 1000)
      .then((lines) => lines.filter((line) => /^count \d+$/.test(line)).map((line) => Number(line.slice(6))));
  while ((await counts()).length === 0) await driver.next("heartbeat", "i-again");
  expect((await counts())[0]).toBeLessThan(20);
  await driver.stop("i-again", 0);
});

test("kill -9 of a node leaves no standby for longer than its lease, what was taken runs on, and one that was not set going never does", async () => {
  hypervisor.close();
  const doom = {
    choice: { ...choice, standbys: { count: 2, each: 2 } },
    launch: launch("i-left", "fresh"),
    leaseMs: 60_000,
  };
  const script = join(import.meta.dirname, "../contract/doomed-node.ts");
  const node = spawn(process.execPath, [script, JSON.stringify(doom)], { stdio: "ignore" });
  const gone = new Promise((resolve) => node.once("exit", resolve));
  const isLoaded = (folder: string): boolean =>
    existsSync(join(folder, "machine.json")) && readFileSync(join(folder, "machine.json"), "utf8").includes("isLoaded");
  await until(() => standbys().filter(isLoaded).length === 2);
  node.kill("SIGKILL");
  await gone;
  const [left = "", taken = ""] = standbys();
  // As one that is killed before its guest is set going leaves it.
  writeLease(guardFolder(taken), uptimeHundredths() + 6_000);
  const store = new InstanceStore(choice.stateDir);
  store.promote(basename(taken), { ...(store.record("i-left") as InstanceRecord), instance: "i-half" });
  await until(() => !anythingRuns(readGuard(left)));
  expect(readGuard(left).exit).toMatchObject({ reason: "lease" });
  open();
  expect(await driver.adopt("i-left", nodeClock.monotonicMs() + 600_000)).toMatchObject({ ok: true });
  await driver.event("heartbeat", "i-left");
  expect(await driver.adopt("i-half", nodeClock.monotonicMs() + 600_000)).toMatchObject({ ok: true });
  const detail = "its node ended before it was restored from its checkpoint";
  expect(await driver.event("exited", "i-half")).toMatchObject({ reason: "crash", detail });
  await until(() => standbys().length === 0);
  await driver.stop("i-left", 0);
});
