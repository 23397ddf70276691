/** The hypervisor port's contract of `readMetrics` and `setBalloon`. */
import { expect, test } from "vitest";
import type { GuestMetrics, VerbResult } from "../../runtime/index.ts";
import type { Driver, HypervisorSuite } from "./hypervisor-suite.ts";

const MIB = 1024 * 1024;

export function metricsContract(suite: HypervisorSuite): void {
  test("readMetrics() tells what a guest uses, and nothing of what cannot be known", async ({ skip }) => {
    const driver = await suite.open();
    const { lacks } = driver.hypervisor.capabilities;
    if (lacks.metrics !== undefined) return skip(lacks.metrics);
    await driver.startAndBoot(suite.launch("i-use", "while :; do :; done"));
    const first = await metricsOf(driver, "i-use");
    await (await suite.harness()).pause(300);
    const second = await metricsOf(driver, "i-use");
    expect(second.cpuMs).toBeGreaterThan(first.cpuMs);
    expect(second.residentBytes).toBeGreaterThan(100_000);
    expect(second.upMs).toBeGreaterThan(second.bootMs ?? Infinity);
    expect(second.bootMs).toBe(first.bootMs);
    const { origin = "boot", ...numbers } = second;
    expect(origin).toBe("boot");
    for (const [name, value] of Object.entries(numbers)) expect(value, name).toBeGreaterThanOrEqual(0);
    const nobody = await driver.ask<VerbResult>((done) => driver.hypervisor.verbs.readMetrics("i-nobody", done));
    expect(nobody).toMatchObject({ ok: false, code: "not-running", message: expect.stringContaining("i-nobody") });
  });

  test("setBalloon() takes memory from a guest that has a balloon, and refuses any other and what is too much", async ({
    skip,
  }) => {
    const driver = await suite.open();
    const { lacks } = driver.hypervisor.capabilities;
    if (lacks.balloon !== undefined) return skip(lacks.balloon);
    const set = (instance: string, memoryMiB: number): Promise<VerbResult> =>
      driver.ask((done) => driver.hypervisor.verbs.setBalloon(instance, memoryMiB, done));
    const held = { ...suite.serving("i-balloon"), balloon: true };
    await Promise.all([driver.startAndBoot(held), driver.start(suite.serving("i-rigid"))]);
    expect(await set("i-balloon", 96)).toEqual({ ok: true });
    const harness = await suite.harness();
    const untilMs = harness.now() + harness.bootMs;
    while ((await metricsOf(driver, "i-balloon")).balloonBytes !== 96 * MIB && harness.now() < untilMs) {
      await harness.pause(20);
    }
    expect((await metricsOf(driver, "i-balloon")).balloonBytes).toBe(96 * MIB);
    expect(await set("i-balloon", 4096)).toMatchObject({ ok: false, message: expect.stringContaining("128") });
    expect(await set("i-rigid", 96)).toMatchObject({ ok: false, code: "unsupported" });
    expect((await metricsOf(driver, "i-rigid")).balloonBytes).toBeUndefined();
  });
}

async function metricsOf(driver: Driver, instance: string): Promise<GuestMetrics> {
  const { verbs } = driver.hypervisor;
  const answer = await driver.ask<VerbResult<{ readonly metrics: GuestMetrics }>>((done) =>
    verbs.readMetrics(instance, done),
  );
  if (!answer.ok) throw new Error(answer.message);
  return answer.metrics;
}
