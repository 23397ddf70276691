/** What a guarded hypervisor does around a driver's `prepare`, with a driver whose machines are processes that sleep. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { InstanceLaunch, StartResult } from "../../../../runtime/index.ts";
import { GuardedHypervisor, nodeClock } from "../../../../runtime/node/index.ts";
import type { MachineDriver } from "../../../../runtime/node/instances/machine-driver.ts";
import { cleanUp } from "../../../contract/guarded-harness.ts";

const LEASE_MS = 30;
let stateDir: string;
let hypervisor: GuardedHypervisor;
let prepared: PromiseWithResolvers<void>;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "blixard-start-"));
  prepared = Promise.withResolvers();
  const sleeping: MachineDriver = {
    name: "process",
    capabilities: { isolation: false, accelerated: false, adopt: true, lacks: {} },
    prepare: async () => {
      await prepared.promise;
      return { argv: ["sleep", "1000"], env: { PATH: "/usr/bin:/bin" }, output: "console.log" };
    },
    attach: () => ({
      ready: async () => undefined,
      requestStop: () => undefined,
      tick: () => undefined,
      explain: async () => ({ reason: "crash", detail: "" }),
      detach: () => undefined,
    }),
  };
  hypervisor = new GuardedHypervisor(sleeping, { stateDir, clock: nodeClock, logger: { log: () => undefined } });
});

afterEach(async () => {
  hypervisor.close();
  await cleanUp(stateDir);
});

function launch(more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return {
    instance: "i-1",
    vm: "web",
    node: "n1",
    vcpus: 1,
    memoryMiB: 64,
    image: "base",
    command: ["x"],
    env: {},
    files: [],
    ports: [],
    leaseUntilMs: nodeClock.monotonicMs() + LEASE_MS,
    ...more,
  };
}

function start(asked: InstanceLaunch): Promise<StartResult> {
  return new Promise((resolve) => hypervisor.start(asked, resolve));
}

async function leaseOver(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 10));
}

test("a lease that is renewed while its instance is prepared is the one that counts", async () => {
  const starting = start(launch());
  await new Promise((resolve) => setImmediate(resolve));
  hypervisor.extendLease(["i-1"], nodeClock.monotonicMs() + 60_000);
  await leaseOver();
  prepared.resolve();
  expect(await starting).toMatchObject({ ok: true });
});

test("an instance whose lease ended while it was prepared does not start", async () => {
  const starting = start(launch());
  await leaseOver();
  prepared.resolve();
  expect(await starting).toMatchObject({ ok: false, message: expect.stringContaining("its lease is over") });
});

test("a NixOS configuration is refused by every driver but microvm-nix, by name", async () => {
  prepared.resolve();
  const started = await start(launch({ microvm: { hypervisor: "qemu" } }));
  expect(started).toMatchObject({ ok: false, code: "unsupported" });
  expect((started as { message: string }).message).toContain('the driver "process" runs no NixOS configurations');
});
