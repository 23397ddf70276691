/** The `microvm-nix` driver under the contract of the hypervisor port: runners that Nix builds of stub inputs boot real microVMs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import type { NixSettings } from "../../runtime/node/index.ts";
import { guardedHarness } from "../contract/guarded-harness.ts";
import { hypervisorContract } from "../contract/hypervisor.ts";
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
  ({ imagesDir } = await testImage());
  nix = await nixWorld(folder, await seededGuest(folder, join(imagesDir, "base")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

hypervisorContract(() => guardedHarness("microvm-nix", { imagesDir, nix, bootMs, shortLeaseMs: 2_000 }), "microvm-nix");
