/** What the `qemu` driver refuses before a QEMU runs. With real guests: test/integration/qemu-hypervisor.test.ts. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { InstanceLaunch, StartResult } from "../../../../runtime/index.ts";
import { createQemuHypervisor, nodeClock } from "../../../../runtime/node/index.ts";
import { toStartRefusal } from "../../../../runtime/node/instances/machine-driver.ts";
import { qemuArguments } from "../../../../runtime/node/qemu/qemu-arguments.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-qemu-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function start(qemu: string, launch: Partial<InstanceLaunch> = {}): Promise<StartResult> {
  const hypervisor = createQemuHypervisor({
    stateDir: join(folder, "state"),
    imagesDir: join(folder, "images"),
    acceleration: "tcg",
    clock: nodeClock,
    logger: { log: () => undefined },
    qemu,
  });
  try {
    return await new Promise((resolve) =>
      hypervisor.start(
        {
          instance: "i1",
          vm: "web",
          node: "n1",
          vcpus: 1,
          memoryMiB: 64,
          image: "base",
          command: [],
          env: {},
          files: [],
          ports: [],
          leaseUntilMs: nodeClock.monotonicMs() + 10_000,
          ...launch,
        },
        resolve,
      ),
    );
  } finally {
    hypervisor.close();
  }
}

function putImage(): void {
  const image = join(folder, "images/base");
  mkdirSync(image, { recursive: true });
  for (const name of ["kernel", "initramfs", "image.json"]) writeFileSync(join(image, name), "");
}

test("start() without QEMU says what to install", async () => {
  const result = await start("no-such-qemu");
  expect(result).toMatchObject({ ok: false, code: "hypervisor-missing" });
  expect((result as { message: string }).message).toContain("install the package qemu-system-x86");
  expect(readdirSync(join(folder, "state/instances"))).toEqual([]);
});

test.each(["base", "../base", ""])("start() refuses image %j that is not there, naming the folder", async (image) => {
  const result = await start("/bin/true", { image });
  expect(result).toMatchObject({ ok: false, code: "image-missing" });
  expect((result as { message: string }).message).toContain(join(folder, "images"));
});

test("start() reports what a QEMU said that ended at once", async () => {
  putImage();
  const qemu = join(folder, "qemu");
  writeFileSync(qemu, "#!/bin/sh\necho 'cannot do that' >&2\nexit 1\n", { mode: 0o755 });
  const result = await start(qemu);
  expect(result).toMatchObject({ ok: false, code: "failed", message: expect.stringContaining("cannot do that") });
});

test("start() understands a port that was taken between check and start", async () => {
  putImage();
  const qemu = join(folder, "qemu");
  const words = "qemu: Could not set up host forwarding rule 'tcp:127.0.0.1:8080-:80'";
  writeFileSync(qemu, `#!/bin/sh\necho "${words}" >&2\nexit 1\n`, { mode: 0o755 });
  const result = await start(qemu);
  expect(result).toMatchObject({ ok: false, code: "port-in-use", message: expect.stringContaining("127.0.0.1:8080") });
});

test("a full disk is reported as such wherever it is met", () => {
  const error = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  expect(toStartRefusal(error)).toMatchObject({ code: "no-space", message: expect.stringContaining("free space") });
  expect(toStartRefusal(new Error("other"))).toMatchObject({ code: "failed" });
});

test("qemuArguments() keeps a name with a comma one name, and forwards every port", () => {
  const line = qemuArguments({
    name: "a,b",
    acceleration: "tcg",
    vcpus: 2,
    memoryMiB: 256,
    boot: { kernel: "/k", initramfs: "i", parameters: ["root=/dev/vda"] },
    memory: { type: "own" },
    balloon: false,
    sandbox: true,
    disks: [{ name: "data", readOnly: false, device: { driver: "raw", file: { driver: "file", filename: "/a,b" } } }],
    cards: [
      {
        id: "net",
        mac: "52:54:00:00:00:01",
        backend: {
          type: "user",
          ports: [
            { name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 8080 },
            { name: "tls", guestPort: 443, hostAddress: "127.0.0.2", hostPort: 8443 },
          ],
        },
      },
      { id: "net-lan", mac: "02:00:00:00:00:01", backend: { type: "tap", device: "bx0" } },
    ],
  }).join(" ");
  expect(line).toContain("-name a,,b,process=blixard:a,,b");
  expect(line).toContain("user,id=net,hostfwd=tcp:127.0.0.1:8080-:80,hostfwd=tcp:127.0.0.2:8443-:443");
  expect(line).toContain("-netdev tap,id=net-lan,ifname=bx0,script=no,downscript=no");
  expect(line).toContain("-device virtio-net-device,netdev=net-lan,mac=02:00:00:00:00:01");
  expect(line).toContain("-smp 2 -m 256M");
  expect(line).toContain("-sandbox on,");
  expect(line).toContain("tsc_early_khz=");
  expect(line).toMatch(/-append .* root=\/dev\/vda /);
  // A path with a comma is one value, and errors of the host reach the guest instead of stopping it.
  expect(line).toContain('"filename":"/a,b"},"node-name":"disk-data","read-only":false}');
  expect(line).toContain("virtio-blk-device,drive=disk-data,serial=data,werror=report,rerror=report");
});
