/** The hypervisor port's contract of `pause` and `resume`. */
import { expect, test } from "vitest";
import type { HypervisorSuite } from "./hypervisor-suite.ts";

const OK = { ok: true };

export function pauseContract(suite: HypervisorSuite): void {
  test("pause() holds a guest still until resume(), also for the next process of its node; both may be repeated", async ({
    skip,
  }) => {
    const driver = await suite.open();
    if (driver.hypervisor.capabilities.lacks.pause !== undefined)
      return skip(driver.hypervisor.capabilities.lacks.pause);
    const harness = await suite.harness();
    await driver.startAndBoot(suite.launch("i-pause", "while :; do echo tick; sleep 0.1; done"));
    await driver.line("i-pause", "tick");
    expect([await driver.pause("i-pause"), await driver.pause("i-pause")]).toEqual([OK, OK]);
    const said = await driver.logs("i-pause", 1000);
    await harness.pause(500);
    expect(await driver.logs("i-pause", 1000)).toEqual(said);
    suite.close(driver);

    const later = await suite.open();
    expect(await later.adopt("i-pause", suite.longLease)).toMatchObject(OK);
    await harness.pause(500);
    expect(await later.logs("i-pause", 1000)).toEqual(said);
    expect([await later.resume("i-pause"), await later.resume("i-pause")]).toEqual([OK, OK]);
    await later.next("heartbeat", "i-pause");
    expect((await later.logs("i-pause", 1000)).length).toBeGreaterThan(said.length);
    // One that stands still has to be set going to end by itself.
    await later.pause("i-pause");
    expect(await later.stop("i-pause", harness.bootMs)).toEqual({ ok: true, forced: false });
    expect(await later.pause("i-pause")).toMatchObject({ ok: false, code: "not-running" });
  });

  test("a paused guest is ended by its guard at its deadline", async ({ skip }) => {
    const driver = await suite.open();
    if (driver.hypervisor.capabilities.lacks.pause !== undefined)
      return skip(driver.hypervisor.capabilities.lacks.pause);
    const harness = await suite.harness();
    const leaseUntilMs = harness.now() + harness.shortLeaseMs;
    const started = await driver.start({ ...suite.serving("i-held"), leaseUntilMs });
    expect(await driver.pause("i-held")).toEqual(OK);
    expect(await driver.event("exited", "i-held")).toMatchObject({ reason: "lease" });
    expect(harness.isAlive((started as { pid: number }).pid)).toBe(false);
  });
}
