import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadModules } from "../../guest/kernel-modules.ts";

let modulesDir: string;

beforeEach(() => {
  modulesDir = mkdtempSync(join(tmpdir(), "blixard-modules-"));
});

afterEach(() => rmSync(modulesDir, { recursive: true }));

function put(path: string, depends: string): void {
  mkdirSync(join(modulesDir, path, ".."), { recursive: true });
  writeFileSync(join(modulesDir, path), `\x7fELF\0license=GPL\0depends=${depends}\0name=x\0`);
}

test("loadModules() puts each module behind what it needs, once", async () => {
  put("kernel/net/virtio_net.ko", "virtio,net-failover");
  put("kernel/net/net_failover.ko", "failover");
  put("kernel/net/failover.ko", "");
  put("kernel/virtio.ko", "virtio_ring");
  put("kernel/virtio_ring.ko", "");
  put("kernel/virtio-rng.ko", "virtio");
  const modules = await loadModules({ modulesDir, wanted: ["virtio_net", "virtio_rng"], busybox: "busybox" });
  expect(modules.map(({ name }) => name)).toEqual([
    "virtio_ring",
    "virtio",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio_rng",
  ]);
});

test("loadModules() names the module that is missing, and who needs it", async () => {
  put("a.ko", "b");
  await expect(loadModules({ modulesDir, wanted: ["a"], busybox: "busybox" })).rejects.toThrow(
    'module "b", needed by a',
  );
  await expect(loadModules({ modulesDir, wanted: ["z"], busybox: "busybox" })).rejects.toThrow("needed by the image");
});
