/** The `microvm-nix` driver under the contract of the hypervisor port: runners that Nix builds of stub inputs boot real microVMs. */
import { readFileSync, statSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { NixSettings } from "../../runtime/node/index.ts";
import { cleanUp, guardedHarness } from "../contract/guarded-harness.ts";
import { hypervisorContract } from "../contract/hypervisor.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { openDriver } from "../contract/open-driver.ts";
import { nixWorld, REAL_INPUTS, seededGuest } from "../contract/nix-world.ts";
import { testImage } from "./test-image.ts";

let folder: string;
let imagesDir: string;
let nix: NixSettings;
/** A NixOS under emulation takes its time. */
const bootMs = REAL_INPUTS === undefined ? 10_000 : 180_000;
vi.setConfig({ testTimeout: 6 * bootMs, hookTimeout: 300_000 });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-nix-"));
  // As the store of Nix is open to all users of its host.
  await chmod(folder, 0o711);
  ({ imagesDir } = await testImage());
  nix = await nixWorld(folder, await seededGuest(folder, join(imagesDir, "base")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

hypervisorContract(() => guardedHarness("microvm-nix", { imagesDir, nix, bootMs, shortLeaseMs: 2_000 }), "microvm-nix");

test.runIf(process.geteuid?.() === 0)(
  "a runner of QEMU runs as a user of its own, to whom its VM's volumes are handed on",
  async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "blixard-nix-users-"));
    const hypervisor = openDriver({ driver: "microvm-nix", stateDir, imagesDir, nix });
    const driver = new Driver(hypervisor);
    const microvm = { hypervisor: "qemu", volumes: [{ image: "data.img", sizeMiB: 1 }] } as const;
    const userOf = (pid: number): number => statSync(`/proc/${pid}`).uid;
    const words = async (instance: string, script: string): Promise<string> => {
      const recorder = driver.run(instance, script);
      await recorder.ended;
      return recorder.out + recorder.err;
    };
    try {
      const first = await driver.startAndBoot(idleLaunch("i-1", { vm: "web", microvm }));
      // The seed is the first disk.
      expect(await words("i-1", "echo kept | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null; echo $?")).toBe("0\n");
      const users = [userOf(first.pid)];
      expect(readFileSync(`/proc/${first.pid}/status`, "latin1")).toMatch(/CapEff:\t0+\n[^]*NoNewPrivs:\t1\n/);
      await driver.stop("i-1", 0);
      const second = await driver.startAndBoot(idleLaunch("i-2", { vm: "web", microvm }));
      users.push(userOf(second.pid));
      expect(await words("i-2", "head -c 4 /dev/vdb")).toBe("kept");
      const volume = statSync(join(stateDir, "vms/web/volumes/data.img"));
      expect([users[0] !== users[1], Math.min(...users) > 0, volume.uid === users[1]]).toEqual([true, true, true]);
      await driver.stop("i-2", 0);
    } finally {
      hypervisor.close();
      await cleanUp(stateDir);
    }
  },
);
