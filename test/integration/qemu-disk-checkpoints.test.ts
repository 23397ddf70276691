/** Checkpoints of a real microVM that has disks: memory and disks of one moment, restored, cloned, damaged, and interrupted. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { CheckpointManifest, InstanceLaunch, StartResult, VerbResult } from "../../runtime/index.ts";
import { type GuardedHypervisor, nodeClock } from "../../runtime/node/index.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { type DriverChoice, openDriver } from "../contract/open-driver.ts";
import { testImage } from "./test-image.ts";
import type { VerbTask } from "./verb-node.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const MIB = 1024 * 1024;
const VM = "i-vm";
/** A qcow2 with nothing in it: header, two tables, reference counts. */
const EMPTY_BYTES = 4 * 65_536;
let choice: DriverChoice;
let hypervisor: GuardedHypervisor;
let driver: Driver;

function open(): void {
  hypervisor = openDriver(choice);
  driver = new Driver(hypervisor);
}

function launch(instance: string, more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return idleLaunch(instance, {
    disks: [
      { name: "data", sizeMiB: 16, readOnly: false, format: "ext4" },
      { name: "root", source: { type: "image", file: "words.raw" }, sizeMiB: 4, readOnly: false },
      { name: "fixed", source: { type: "image", file: "words.raw" }, readOnly: true },
    ],
    ...more,
  });
}

function from(instance: string, identity: "same" | "fresh" = "fresh", id = "c1"): Promise<StartResult> {
  return driver.start(launch(instance, { from: { type: "checkpoint", id, identity } }));
}

function checkpoint(id: string, instance = VM): Promise<VerbResult<{ readonly manifest: CheckpointManifest }>> {
  return driver.ask((done) => hypervisor.verbs.checkpoint({ instance, id }, done));
}

async function run(instance: string, script: string): Promise<string> {
  const recorder = driver.run(instance, script);
  const end = await recorder.ended;
  expect(end, recorder.err).toMatchObject({ ok: true });
  return recorder.out + recorder.err;
}

beforeAll(async () => {
  const { imagesDir } = await testImage();
  choice = { driver: "qemu", stateDir: mkdtempSync(join(tmpdir(), "blixard-disk-checkpoints-")), imagesDir };
  mkdirSync(join(choice.stateDir, "disk-images"), { mode: 0o700 });
  writeFileSync(join(choice.stateDir, "disk-images/words.raw"), Buffer.alloc(MIB, "the image's own words. "));
  open();
  await driver.startAndBoot(launch(VM));
});

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(choice.stateDir);
});

/** Of a folder of the state, with the room that each file takes. */
function files(folder: string): Readonly<Record<string, number>> {
  const path = join(choice.stateDir, folder);
  const names = existsSync(path) ? readdirSync(path) : [];
  return Object.fromEntries(names.map((name) => [name, statSync(join(path, name)).blocks * 512]));
}

const ROOT = "/dev/disk/by-id/virtio-root";
const LOOK = `cat /tmp/memory /data/file; ls /data | grep -v lost; head -c 9 ${ROOT}`;
/** Writes 1, 2, 3, … to its disk, each behind the other, and says in its memory how far it is. */
const COUNT = `i=0; while :; do
  i=$((i + 1)); printf %08d $i | dd of=${ROOT} seek=$((2048 + i)) conv=notrunc,fsync 2>/dev/null; echo $i >/tmp/count
done`;
/** Is the last that it knows of on the disk, and nothing behind the next one? Nobody asks its page cache. */
const COUNTED = `echo 3 >/proc/sys/vm/drop_caches; i=$(cat /tmp/count)
  look() { dd if=${ROOT} skip=$((2048 + $1)) count=$2 2>/dev/null | tr -d '\\0'; }
  [ $i -gt 2 ] && [ "$(look $i 1)" = $(printf %08d $i) ] && [ "$(look $((i + 2)) 4000)" = "" ] && echo right`;

test("a guest that is restored has memory and disks of one moment, though it wrote on all the time", async () => {
  await run(
    VM,
    `mkdir /data && mount -t ext4 /dev/disk/by-id/virtio-data /data
     echo before >/data/file; echo before >/tmp/memory; yes before | head -n 300000 >/data/much
     printf before | dd of=${ROOT} conv=notrunc,fsync 2>/dev/null`,
  );
  void driver.run(VM, COUNT);
  await run(VM, "while [ ! -s /tmp/count ] || [ $(cat /tmp/count) -lt 5 ]; do :; done");
  const made = await checkpoint("c1");
  await run(
    VM,
    `yes after! | head -n 300000 >/data/much; echo after >/data/file; echo after >/data/second; echo after >/tmp/memory
     printf after! | dd of=${ROOT} conv=notrunc,fsync 2>/dev/null; sync`,
  );
  if (!made.ok) throw new Error(made.message);
  expect(made.manifest.parts.map(({ name }) => name)).toEqual([
    ...["state", "memory", "disk-data.qcow2", "disk-root.qcow2", "disks"],
  ]);
  expect(JSON.parse(readFileSync(join(choice.stateDir, "checkpoints/c1/disks"), "utf8"))).toMatchObject({
    isFrozen: true,
  });
  expect(await run(VM, LOOK)).toBe("after\nafter\nfile\nmuch\nsecond\nafter!age");
  await driver.stop(VM, 0);
  const [before] = [files(`disks/${VM}`)];
  const part = join(choice.stateDir, "checkpoints/c1/disk-data.qcow2");
  const whole = readFileSync(part);
  writeFileSync(part, Buffer.concat([whole.subarray(0, -1), Buffer.of(1)]));
  expect(await from(VM, "same")).toMatchObject({
    ok: false,
    code: "damaged",
    message: expect.stringContaining('its part "disk-data.qcow2" is not what was written'),
  });
  expect(files(`disks/${VM}`)).toEqual(before);
  const check = (): Promise<VerbResult> => driver.ask((done) => hypervisor.verbs.checkCheckpoint?.("c1", done));
  expect(await check()).toMatchObject({
    ok: false,
    code: "damaged",
    message: expect.stringMatching(/^Cannot read checkpoint "c1": its part "disk-data.qcow2" is not what/),
  });
  writeFileSync(part, whole);
  expect(await check()).toEqual({ ok: true });
  expect(await from(VM, "same")).toMatchObject({ ok: true });
  expect(await run(VM, LOOK)).toBe("before\nbefore\nfile\nmuch\nbeforeage");
  expect(await run(VM, COUNTED)).toBe("right\n");
  expect(await run(VM, "uniq /data/much; dmesg | grep -ci 'ext4.*error'; true")).toBe("before\n0\n");
  expect(Object.keys(files(`disks/${VM}`))).toEqual(["data", "root"]);
});

test("clones write apart, a checkpoint of one stands by itself, and all of it goes with what it was for", async () => {
  const started = await Promise.all([from("i-one"), from("i-two"), from("i-three", "fresh", "none")]);
  expect(started).toMatchObject([{ ok: true }, { ok: true }, { ok: false, code: "failed" }]);
  const both = ["i-one", "i-two"];
  await Promise.all(
    both.map((clone) => run(clone, `echo ${clone} >/data/file; sync; echo 3 >/proc/sys/vm/drop_caches`)),
  );
  expect(await Promise.all(both.map((clone) => run(clone, "hostname; cat /data/file")))).toEqual([
    "vm-i-one\ni-one\n",
    "vm-i-two\ni-two\n",
  ]);
  expect(await run(VM, "cat /data/file")).toBe("before\n");
  // One that stands still has nobody who could freeze it.
  await driver.pause("i-one");
  expect(await checkpoint("c2", "i-one")).toMatchObject({ ok: true });
  for (const clone of both) await driver.stop(clone, 0);
  const drop = await driver.ask((done) => hypervisor.verbs.dropCheckpoint("c1", done));
  expect(drop).toMatchObject({ ok: true });
  // What runs from it has its files open.
  expect(await run(VM, "echo 3 >/proc/sys/vm/drop_caches; uniq /data/much; cat /data/file")).toBe("before\nbefore\n");
  expect(await from("i-two", "fresh", "c2")).toMatchObject({ ok: true });
  expect(await run("i-two", "hostname; cat /data/file; head -c 9 /dev/disk/by-id/virtio-root")).toBe(
    "vm-i-two\ni-one\nbeforeage",
  );
  await driver.stop("i-two", 0);
  hypervisor.keepOnly([VM]);
  expect([Object.keys(files("disks")), Object.keys(files("checkpoints"))]).toEqual([[VM], ["c2"]]);
});

test("from a checkpoint are started the disks that it has, over the images that they had", async () => {
  const origin = { type: "checkpoint", id: "c2", identity: "fresh" } as const;
  const refused = async (disks: NonNullable<InstanceLaunch["disks"]>, why: string): Promise<void> =>
    expect(await driver.start(launch("i-other", { from: origin, disks }))).toMatchObject({
      ok: false,
      code: "incompatible",
      message: expect.stringContaining(why),
    });
  const [data, root, fixed] = launch("i-other").disks ?? [];
  if (data === undefined || root === undefined || fixed === undefined) throw new Error("no disks");
  await refused([], "disks: it has data, root, fixed, here they are none");
  await refused([{ ...data, sizeMiB: 8 }, root, fixed], 'disk "data": it has 16 MiB, here it is 8');
  const image = join(choice.stateDir, "disk-images/words.raw");
  writeFileSync(image, Buffer.alloc(MIB, "other words. "));
  await refused([data, root, fixed], 'disk "fixed": the disk image "words.raw" is another one than it had');
  writeFileSync(image, Buffer.alloc(MIB, "the image's own words. "));
  expect(existsSync(join(choice.stateDir, "disks/i-other"))).toBe(false);
});

test("kill -9 of a node in the middle of the copies leaves a guest that writes on, and nothing of them", async () => {
  const half = join(choice.stateDir, "checkpoints/.making-c3");
  const folder = join(choice.stateDir, "instances", VM);
  hypervisor.close();
  const task: VerbTask = { choice, instance: VM, verb: { checkpoint: "c3" } };
  const node = spawn(process.execPath, [join(import.meta.dirname, "verb-node.ts"), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  node.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise((resolve) => node.once("exit", resolve));
  // QEMU has begun: its file is larger than the one that it was given.
  const begun = (): boolean =>
    (statSync(join(folder, "copy-data"), { throwIfNoEntry: false })?.size ?? 0) > EMPTY_BYTES;
  while (!begun() && node.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
  node.kill("SIGKILL");
  await gone;
  expect(said).toBe("");
  expect(readdirSync(folder)).toContain("copy-data");
  open();
  expect(await driver.adopt(VM, nodeClock.monotonicMs() + 600_000)).toMatchObject({ ok: true });
  await driver.next("heartbeat", VM);
  await run(VM, "echo more >/data/more && sync");
  expect(readdirSync(folder).filter((name) => name.startsWith("copy-"))).toEqual([]);
  expect(existsSync(half)).toBe(false);
  expect(await checkpoint("c4")).toMatchObject({ ok: true });
  // As a node says that was removed, and knows of none but this one.
  hypervisor.keepOnlyCheckpoints(["c4", "c5"]);
  expect(Object.keys(files("checkpoints"))).toEqual(["c4"]);
});
