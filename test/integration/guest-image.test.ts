/** The guest image from the host's real packages, and a microVM of it that serves a page. */
import { mkdtemp, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ensureGuestImage, ensureHostPackages } from "../../guest/index.ts";
import type { GuardedHypervisor } from "../../runtime/node/index.ts";
import { nodeClock } from "../../runtime/node/index.ts";
import { cleanUp, freePort } from "../contract/guarded-harness.ts";
import { openDriver } from "../contract/open-driver.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 300_000 });
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-image-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("ensureGuestImage() builds once, also when two ask at once", async () => {
  await testImage();
  const steps: string[] = [];
  const options = { cacheDir: folder, onProgress: (step: string): number => steps.push(step) };
  const [one, two] = await Promise.all([ensureGuestImage(options), ensureGuestImage(options)]);
  expect(one).toEqual(two);
  expect((await readdir(join(one.imagesDir, one.name))).toSorted()).toEqual(["image.json", "initramfs", "kernel"]);
  expect(await readdir(join(folder, "images"))).toHaveLength(1);
  expect(await readdir(join(folder, "kernels"))).toHaveLength(1);
  steps.length = 0;
  expect(await ensureGuestImage(options)).toEqual(one);
  expect(steps).toEqual([]);
});

test("ensureHostPackages() asked only to report installs nothing", async () => {
  await testImage();
  const report = await ensureHostPackages({ install: false, onProgress: () => expect.unreachable() });
  expect(report).toMatchObject({
    qemu: expect.stringContaining("/"),
    busybox: expect.stringContaining("/"),
    missing: [],
  });
  expect(report.installed).toEqual([]);
});

test("a microVM without a command serves the image's page, from a state folder with a long path", async () => {
  const { imagesDir } = await testImage();
  // Longer than the 107 bytes that a unix socket's path may have.
  const stateDir = join(folder, "x".repeat(120));
  await mkdir(stateDir);
  const hypervisor: GuardedHypervisor = openDriver({ driver: "qemu", stateDir, imagesDir });
  try {
    const hostPort = await freePort();
    await new Promise<void>((resolve, reject) => {
      hypervisor.onEvent((event) => event.type === "booted" && resolve());
      hypervisor.start(
        {
          instance: "i-page",
          vm: "page",
          node: "n1",
          vcpus: 1,
          memoryMiB: 128,
          image: "base",
          command: [],
          env: {},
          files: [],
          ports: [{ name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort }],
          leaseUntilMs: nodeClock.monotonicMs() + 60_000,
        },
        (result) => result.ok || reject(new Error(result.message)),
      );
    });
    expect(await fetchWhenUp(`http://127.0.0.1:${hostPort}/`)).toContain("Served by a Blixard microVM");
  } finally {
    hypervisor.close();
    await cleanUp(stateDir);
  }
});

/** The service starts beside init; its port may open a moment after the guest has booted. */
async function fetchWhenUp(url: string): Promise<string> {
  for (let tries = 100; ; tries--) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
