/** Part of the hypervisor port's contract: network cards that a launch names. Cards in real bridges: test/integration/qemu-networks.test.ts. */
import { expect, test } from "vitest";
import type { HypervisorSuite } from "./hypervisor-suite.ts";

export function networksContract(suite: HypervisorSuite): void {
  test("start() gives a guest the cards that it names, or refuses them and those in bridges that the host has not, by name", async () => {
    const driver = await suite.open();
    const { lacks } = driver.hypervisor.capabilities;
    const tap = { name: "lan", kind: "tap", bridge: "br-nowhere", mac: "02:00:00:00:00:01" } as const;
    const bridged = await driver.start({ ...suite.serving("i-lan"), networks: [tap] });
    expect(bridged).toMatchObject({ ok: false, code: "unsupported", message: expect.any(String) });
    expect(bridged).toMatchObject({ message: expect.stringContaining(lacks.networks ?? '"lan"') });
    expect(await driver.list()).toEqual([]);
    if (lacks.networks !== undefined) return;
    const out = { name: "out", kind: "user", mac: "02:00:00:00:00:02" } as const;
    await driver.startAndBoot({ ...suite.serving("i-out"), networks: [out] });
    expect(await driver.list()).toMatchObject([{ instance: "i-out" }]);
  });
}
