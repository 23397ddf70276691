/** The hypervisor port's contract of `migrate`, `cancelMigration` and of a start that waits for a guest. */
import { expect, test } from "vitest";
import type { InstanceLaunch, MigrationEndpoint, MigrationProgress, VerbResult } from "../../runtime/index.ts";
import type { Driver, HypervisorSuite } from "./hypervisor-suite.ts";

/** One that has more to send than a slow line takes. */
const DIRTYING = "while :; do echo tick; sleep 0.1; done";
const LIMITS = { bandwidthBytesPerSecond: 1_000_000_000, downtimeMs: 100, autoConverge: true, timeoutMs: 60_000 };
const OK = { ok: true };

export function migrationContract(suite: HypervisorSuite): void {
  // One boot for all of it: the guest goes from instance to instance.
  test("migrate() sends a guest that runs on after every refusal, and stands still on both sides once it has arrived", async ({
    skip,
  }) => {
    const driver = await suite.open();
    const harness = await suite.harness();
    const skipped = harness.movesElsewhere ?? driver.hypervisor.capabilities.lacks.migrate;
    if (skipped !== undefined) return skip(skipped);
    await driver.startAndBoot(suite.launch("i-first", DIRTYING));

    // Nobody listens, then too little time, then a change of mind.
    const nowhere = { address: "127.0.0.1", port: await harness.freePort() };
    expect(await migrate(driver, "i-first", nowhere)).toMatchObject({ ok: false });
    await driver.next("heartbeat", "i-first");
    const slow = { ...LIMITS, bandwidthBytesPerSecond: 100_000 };
    const late = await migrate(driver, "i-first", await listen(driver, "i-lost"), { ...slow, timeoutMs: 300 });
    expect(late).toMatchObject({ ok: false, code: "timed-out" });
    expect(await driver.event("exited", "i-lost")).toMatchObject({ reason: "crash" });
    await driver.next("heartbeat", "i-first");
    const sending = migrate(driver, "i-first", await listen(driver, "i-lost2"), slow);
    await harness.pause(200);
    driver.hypervisor.verbs.cancelMigration("i-first");
    driver.hypervisor.verbs.cancelMigration("i-nobody");
    expect(await sending).toMatchObject({ ok: false, code: "cancelled" });
    await driver.event("exited", "i-lost2");

    // A target that is killed on the way leaves the guest where it was.
    const started = await driver.start(waiting("i-killed"));
    if (!started.ok || started.incoming === undefined) throw new Error("it does not listen");
    const broken = migrate(driver, "i-first", started.incoming, slow);
    await harness.pause(200);
    harness.kill(started.pid);
    expect(await broken).toMatchObject({ ok: false });
    await driver.next("heartbeat", "i-first");

    const second = await listen(driver, "i-second");
    expect(await driver.resume("i-second")).toMatchObject({ ok: false, code: "failed" });
    const progress: MigrationProgress[] = [];
    const sent = await migrate(driver, "i-first", second, LIMITS, (step) => progress.push(step));
    expect(sent).toMatchObject({ ok: true, downtimeMs: expect.any(Number) });
    expect(progress.at(-1)?.totalBytes).toBeGreaterThan(0);
    await driver.event("arrived", "i-second");
    const said = await Promise.all(["i-first", "i-second"].map((instance) => driver.logs(instance, 1000)));
    await harness.pause(500);
    expect(await Promise.all(["i-first", "i-second"].map((instance) => driver.logs(instance, 1000)))).toEqual(said);

    // The source is held by its own word alone: it may go on, and be sent again.
    suite.close(driver);
    const later = await suite.open();
    for (const instance of ["i-first", "i-second"]) {
      expect(await later.adopt(instance, suite.longLease)).toMatchObject(OK);
    }
    await later.event("arrived", "i-second");
    expect(await later.resume("i-second")).toEqual(OK);
    await later.next("heartbeat", "i-second");
    expect(await later.pause("i-second")).toEqual(OK);
    expect(later.count("heartbeat", "i-first")).toBe(0);
    expect(await later.resume("i-first")).toEqual(OK);
    await later.next("heartbeat", "i-first");
    expect(await migrate(later, "i-first", await listen(later, "i-third"))).toMatchObject(OK);
    // One that must not run ends at once, asked in whatever way.
    expect(await later.stop("i-first", 10_000)).toEqual({ ok: true, forced: false });
    await later.event("arrived", "i-third");
    expect(await later.stop("i-third", 10_000)).toEqual({ ok: true, forced: false });
    expect(await migrate(later, "i-nobody", second)).toMatchObject({ ok: false, code: "not-running" });
  });

  test("an instance that waits for a guest is ended by its guard at its deadline", async ({ skip }) => {
    const driver = await suite.open();
    const harness = await suite.harness();
    const skipped = harness.movesElsewhere ?? driver.hypervisor.capabilities.lacks.migrate;
    if (skipped !== undefined) return skip(skipped);
    const leaseUntilMs = harness.now() + harness.shortLeaseMs;
    expect(await driver.start({ ...waiting("i-waits"), leaseUntilMs })).toMatchObject(OK);
    expect(await driver.event("exited", "i-waits")).toMatchObject({ reason: "lease" });
  });

  function waiting(instance: string): InstanceLaunch {
    return { ...suite.launch(instance, DIRTYING), from: { type: "migration", listenAddress: "127.0.0.1" } };
  }

  async function listen(driver: Driver, instance: string): Promise<MigrationEndpoint> {
    const started = await driver.start(waiting(instance));
    if (!started.ok || started.incoming === undefined) throw new Error(`${instance} does not listen`);
    return started.incoming;
  }
}

function migrate(
  driver: Driver,
  instance: string,
  to: MigrationEndpoint,
  limits: typeof LIMITS = LIMITS,
  onProgress: (progress: MigrationProgress) => void = () => undefined,
): Promise<VerbResult<{ readonly downtimeMs: number }>> {
  return driver.ask((done) => driver.hypervisor.verbs.migrate({ instance, to, limits, onProgress }, done));
}
