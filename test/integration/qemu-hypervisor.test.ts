/** The `qemu` driver under the contract of the hypervisor port, with real microVMs. */
import { beforeAll, vi } from "vitest";
import { guardedHarness } from "../contract/guarded-harness.ts";
import { hypervisorContract } from "../contract/hypervisor.ts";
import { testImage } from "./test-image.ts";

let imagesDir: string;
vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });
beforeAll(async () => {
  ({ imagesDir } = await testImage());
});

// As nodes have them; what starts without: qemu-checkpoints.test.ts.
const standbys = { count: 2, each: 1 };
hypervisorContract(() => guardedHarness("qemu", { imagesDir, bootMs: 10_000, shortLeaseMs: 1_500, standbys }), "qemu");
