/** Checkpoints and moves of one real microVM where something goes wrong, and clones of it. What every driver does: test/contract/. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { CheckpointManifest, StartResult, VerbResult } from "../../runtime/index.ts";
import { type GuardedHypervisor, nodeClock } from "../../runtime/node/index.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { type DriverChoice, openDriver } from "../contract/open-driver.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { mountSmallDisk } from "../runtime/node/log/small-disk.ts";
import { testImage } from "./test-image.ts";
import type { VerbTask } from "./verb-node.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const VM = "i-vm";
let choice: DriverChoice;
let hypervisor: GuardedHypervisor;
let driver: Driver;

beforeAll(async () => {
  const { imagesDir } = await testImage();
  choice = { driver: "qemu", stateDir: mkdtempSync(join(tmpdir(), "blixard-checkpoints-")), imagesDir };
  open();
  await driver.startAndBoot(idleLaunch(VM));
  expect(await checkpoint("template")).toMatchObject({ ok: true });
});

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(choice.stateDir);
});

function open(options: DriverChoice = choice): void {
  hypervisor = openDriver(options);
  driver = new Driver(hypervisor);
}

function clone(instance: string, identity: "same" | "fresh" = "same"): Promise<StartResult> {
  return driver.start(idleLaunch(instance, { from: { type: "checkpoint", id: "template", identity } }));
}

function checkpoint(id: string): Promise<VerbResult<{ readonly manifest: CheckpointManifest }>> {
  return driver.ask((done) => hypervisor.verbs.checkpoint({ instance: VM, id }, done));
}

async function run(instance: string, script: string): Promise<string> {
  const recorder = driver.run(instance, script);
  await recorder.ended;
  return recorder.out;
}

test("clones are somebody each: machine id, host name, address of the card, random numbers, and the time is now", async () => {
  const script =
    "cat /etc/machine-id; hostname; cat /sys/class/net/eth0/address /sys/class/net/eth0/carrier; head -c 16 /dev/urandom | md5sum";
  const [first = [], second = []] = await Promise.all(
    ["i-one", "i-two"].map(async (instance) => {
      expect(await clone(instance, "fresh")).toMatchObject({ ok: true });
      return (await run(instance, script)).trim().split("\n");
    }),
  );
  const own = (await run(VM, script)).trim().split("\n");
  expect(first).toHaveLength(5);
  for (const at of [0, 1, 2, 4]) expect(new Set([first[at], second[at], own[at]]).size, String(at)).toBe(3);
  expect([first[1], first[3]]).toEqual(["vm-i-one", "1"]);
  const clock = Number(await run("i-one", "date +%s"));
  expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(30);
  for (const instance of ["i-one", "i-two"]) await driver.stop(instance, 0);
});

test("a checkpoint that has changed on the disk is refused as damaged, naming the part, and taken again once it is whole", async () => {
  for (const part of ["memory", "state", "manifest.json"]) {
    const path = join(choice.stateDir, "checkpoints/template", part);
    const whole = readFileSync(path);
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(0) ^ 1, 0);
    writeFileSync(path, damaged);
    expect(await clone("i-damaged")).toMatchObject({
      ok: false,
      code: "damaged",
      message: expect.stringContaining(part),
    });
    writeFileSync(path, whole);
  }
  expect(await clone("i-whole")).toMatchObject({ ok: true });
  await driver.stop("i-whole", 0);
});

test("checkpoint() refuses a disk without room by name, leaves nothing on it, and the guest runs on", async ({
  skip,
}) => {
  const disk = mountSmallDisk(8 * 1024 * 1024);
  if (typeof disk === "string") return skip(disk);
  hypervisor.close();
  try {
    open({ ...choice, checkpointsDir: disk.folder });
    await driver.adopt(VM, nodeClock.monotonicMs() + 600_000);
    const full = await checkpoint("c-full");
    expect(full).toMatchObject({
      ok: false,
      code: "no-space",
      message: expect.stringMatching(/has \d+ MiB free, wanted/),
    });
    expect(readdirSync(disk.folder)).toEqual([]);
    await driver.next("heartbeat", VM);
  } finally {
    hypervisor.close();
    disk.remove();
    open();
    await driver.adopt(VM, nodeClock.monotonicMs() + 600_000);
  }
});

test("kill -9 of a node in the middle of a checkpoint leaves a guest that runs, and no half of one", async () => {
  const half = join(choice.stateDir, "checkpoints/.making-c-half");
  await inAnother({ checkpoint: "c-half" }, () => existsSync(join(half, "memory")));
  expect(existsSync(half)).toBe(true);
  open();
  expect(existsSync(half)).toBe(false);
  await driver.adopt(VM, nodeClock.monotonicMs() + 600_000);
  await driver.next("heartbeat", VM);
  expect(await clone("i-late-clone")).toMatchObject({ ok: true });
  await driver.stop("i-late-clone", 0);
});

test("kill -9 of the source's node while it sends leaves the guest where it is, and a target that ends", async () => {
  const targetDir = mkdtempSync(join(tmpdir(), "blixard-target-"));
  const other = new Driver(openDriver({ ...choice, stateDir: targetDir }));
  const target = await other.start(idleLaunch(VM, { from: { type: "migration", listenAddress: "127.0.0.1" } }));
  if (!target.ok || target.incoming === undefined) throw new Error("it does not listen");
  let sending = false;
  await inAnother({ migrateTo: target.incoming }, (said) => (sending ||= said.includes("sending")));
  open();
  await driver.adopt(VM, nodeClock.monotonicMs() + 600_000);
  await driver.next("heartbeat", VM);
  expect(await other.event("exited", VM)).toMatchObject({ reason: "crash" });
  (other.hypervisor as GuardedHypervisor).close();
  await cleanUp(targetDir);
});

test("moves over networks are refused on both sides unless the node allows them", async () => {
  const listenAddress = "192.0.2.1";
  const started = await driver.start(idleLaunch("i-far", { from: { type: "migration", listenAddress } }));
  expect(started).toMatchObject({
    ok: false,
    code: "unsupported",
    message: expect.stringContaining("--insecure-migration"),
  });
  const limits = { bandwidthBytesPerSecond: 1e9, downtimeMs: 100, autoConverge: false, timeoutMs: 1_000 };
  const request = { instance: VM, to: { address: listenAddress, port: 1 }, limits, onProgress: () => undefined };
  expect(await driver.ask((done) => hypervisor.verbs.migrate(request, done))).toMatchObject({ code: "unsupported" });
});

/** Lets go of the guest, has another process ask for `verb`, and kills that one once `isInMiddle`. */
async function inAnother(verb: VerbTask["verb"], isInMiddle: (said: string) => boolean): Promise<void> {
  hypervisor.close();
  const task: VerbTask = { choice, instance: VM, verb };
  const node = spawn(process.execPath, [join(import.meta.dirname, "verb-node.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  node.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise((resolve) => node.once("exit", resolve));
  while (!isInMiddle(said) && node.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
  node.kill("SIGKILL");
  await gone;
  expect(said).not.toContain('"ok"');
}
