/** Disks and cloud-init's words in real microVMs: what a guest finds, keeps, may write, and what becomes of it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { GuardedHypervisor } from "../../runtime/node/index.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { openDriver } from "../contract/open-driver.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const MIB = 1024 * 1024;
const VM = "i-vm";
let stateDir: string;
let hypervisor: GuardedHypervisor;
let driver: Driver;

beforeAll(async () => {
  const { imagesDir } = await testImage();
  stateDir = mkdtempSync(join(tmpdir(), "blixard-disks-"));
  mkdirSync(join(stateDir, "disk-images"), { mode: 0o700 });
  writeFileSync(join(stateDir, "disk-images/words.raw"), Buffer.alloc(MIB, "the image's own words. "));
  for (const name of ["cdrom", "isofs"]) {
    writeFileSync(join(stateDir, `disk-images/${name}.ko`), kernelModule(imagesDir, name));
  }
  hypervisor = openDriver({ driver: "qemu", stateDir, imagesDir });
  driver = new Driver(hypervisor);
});

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(stateDir);
});

/** Of the base image's kernel; the image itself needs none. Whole sectors, as a disk is. */
function kernelModule(imagesDir: string, name: string): Buffer {
  const { kernel } = JSON.parse(readFileSync(join(imagesDir, "base/image.json"), "utf8")) as {
    readonly kernel: string;
  };
  const modules = join(imagesDir, "../../kernels", kernel, "lib/modules");
  const [version = ""] = readdirSync(modules);
  const folder = join(modules, version, "kernel");
  const path = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((each) => each.endsWith(`/${name}.ko`));
  if (path === undefined) throw new Error(`the kernel has no module ${name}`);
  const content = readFileSync(join(folder, path));
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function launch(instance: string, more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return idleLaunch(instance, {
    vm: "web",
    disks: [
      { name: "data", sizeMiB: 4, readOnly: false, format: "ext4" },
      { name: "root", source: { type: "image", file: "words.raw" }, sizeMiB: 2, readOnly: false },
      { name: "cdrom", source: { type: "image", file: "cdrom.ko" }, readOnly: true },
      { name: "isofs", source: { type: "image", file: "isofs.ko" }, readOnly: true },
      { name: "fixed", source: { type: "image", file: "words.raw" }, readOnly: true },
    ],
    cloudInit: { hostName: "front", userData: "#cloud-config\npackages: [nginx]\n", sshKeys: ["ssh-ed25519 AAAA me"] },
    ...more,
  });
}

async function run(script: string): Promise<string> {
  const recorder = driver.run(VM, script);
  const end = await recorder.ended;
  expect(end, recorder.err).toMatchObject({ ok: true });
  return recorder.out + recorder.err;
}

test("a guest finds its disks by name, fills one up and goes on, and finds both again when it is started again", async () => {
  await driver.startAndBoot(launch(VM));
  const sizes = await run(
    "cd /dev/disk/by-id; for d in *; do echo $d $(blockdev --getsize64 $d) $(blockdev --getro $d); done",
  );
  expect(sizes.trim().split("\n")).toEqual([
    expect.stringMatching(/^virtio-cdrom \d+ 1$/),
    expect.stringMatching(/^virtio-cidata \d+ 1$/),
    `virtio-data ${4 * MIB} 0`,
    `virtio-fixed ${MIB} 1`,
    expect.stringMatching(/^virtio-isofs \d+ 1$/),
    `virtio-root ${2 * MIB} 0`,
  ]);
  const filled = await run(`
    cd /dev/disk/by-id; mkdir /data
    mount -t ext4 virtio-data /data && echo kept >/data/file
    dd if=/dev/zero of=/data/much bs=64k 2>&1 | grep -c 'No space'; rm /data/much; umount /data
    head -c 22 virtio-root; echo changed | dd of=virtio-root conv=notrunc,fsync 2>/dev/null; echo x 2>/dev/null >virtio-fixed || echo refused
    sync`);
  expect(filled).toBe("1\nthe image's own words.refused\n");
  const image = readFileSync(join(stateDir, "disk-images/words.raw"));
  expect(image.equals(Buffer.alloc(MIB, "the image's own words. "))).toBe(true);
  for (const name of ["data", "root"]) {
    expect(statSync(join(stateDir, "disks", VM, name)).blocks * 512, name).toBeLessThanOrEqual(5 * MIB);
  }
  await driver.stop(VM, 0);
  const booted = driver.next("booted", VM);
  await driver.start(launch(VM));
  await booted;
  const found = await run(`
    mkdir /data; mount -t ext4 /dev/disk/by-id/virtio-data /data && cat /data/file
    head -c 15 /dev/disk/by-id/virtio-root`);
  expect(found).toBe("kept\nchanged\ne's own");
});

test("cloud-init's words are where its NoCloud source looks, on a disk labelled cidata and in the seed folder", async () => {
  const read = await run(`
    for name in cdrom isofs; do dd if=/dev/disk/by-id/virtio-$name of=/tmp/$name.ko 2>/dev/null; insmod /tmp/$name.ko; done
    dd if=/dev/disk/by-id/virtio-cidata bs=1 skip=32808 count=8 2>/dev/null; echo
    mkdir /seed; mount -t iso9660 -o ro /dev/disk/by-id/virtio-cidata /seed; ls /seed
    cd /var/lib/cloud/seed/nocloud; for name in *; do cmp $name /seed/$name && cat $name; done; hostname`);
  expect(read.split("\n")).toEqual([
    "cidata  ",
    "meta-data",
    "user-data",
    JSON.stringify({ "instance-id": VM, "local-hostname": "front", "public-keys": ["ssh-ed25519 AAAA me"] }),
    "#cloud-config",
    "packages: [nginx]",
    "front",
    "",
  ]);
});

test("a guest with a disk of this host does not move, by name, and loses its disks when it may not come back", async () => {
  const refused = (why: string) => ({ ok: false, code: "unsupported", message: expect.stringContaining(why) });
  const limits = { bandwidthBytesPerSecond: 1e9, downtimeMs: 100, autoConverge: false, timeoutMs: 1000 };
  const to = { address: "127.0.0.1", port: 1 };
  const moved = await driver.ask((done) =>
    hypervisor.verbs.migrate({ instance: VM, to, limits, onProgress: () => undefined }, done),
  );
  expect(moved).toMatchObject(refused('its disk "data" is on this host alone'));
  await driver.stop(VM, 0);
  hypervisor.keepOnly([VM]);
  expect(existsSync(join(stateDir, "disks", VM, "data"))).toBe(true);
  hypervisor.keepOnly(["i-other"]);
  expect(readdirSync(join(stateDir, "disks"))).toEqual([]);
});
