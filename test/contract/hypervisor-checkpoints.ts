/** The hypervisor port's contract of `checkpoint`, `dropCheckpoint` and of a start from a checkpoint. */
import { expect, test } from "vitest";
import type { CheckpointManifest, VerbResult } from "../../runtime/index.ts";
import type { Driver, HypervisorSuite } from "./hypervisor-suite.ts";

const COUNTING = 'i=0; while :; do i=$((i+1)); echo "count $i"; sleep 0.1; done';

export function checkpointContract(suite: HypervisorSuite): void {
  // One boot for all of it: what is restored costs a fraction of a second.
  test("checkpoint() lets the guest go on, and guests that start from it go on where it was", async ({ skip }) => {
    const driver = await suite.open();
    const { lacks } = driver.hypervisor.capabilities;
    if (lacks.checkpoint !== undefined) return skip(lacks.checkpoint);
    await driver.startAndBoot(suite.launch("i-origin", COUNTING));
    await driver.line("i-origin", "count 5");
    const made = await checkpoint(driver, "i-origin", "c-1");
    expect(made).toMatchObject({ ok: true, manifest: { id: "c-1", vcpus: 1, memoryMiB: 128 } });
    await driver.next("heartbeat", "i-origin");
    expect(await checkpoint(driver, "i-origin", "c-1")).toMatchObject({ ok: false, code: "failed" });

    const from = { type: "checkpoint", id: "c-1", identity: "same" } as const;
    const bigger = await driver.start({ ...suite.launch("i-bigger", COUNTING), memoryMiB: 256, from });
    expect(bigger).toMatchObject({ ok: false, code: "incompatible", message: expect.stringMatching(/128.*256/) });
    const absent = await driver.start({ ...suite.launch("i-absent", COUNTING), from: { ...from, id: "c-none" } });
    expect(absent).toMatchObject({ ok: false, message: expect.stringContaining("c-none") });

    expect(await driver.start({ ...suite.launch("i-again", COUNTING), from })).toMatchObject({ ok: true });
    await driver.event("heartbeat", "i-again");
    const again = await firstCount(driver, "i-again");
    expect(again).toBeGreaterThan(5);
    expect(again).toBeLessThan(await lastCount(driver, "i-origin"));

    // A guest that was restored has checkpoints too, and one that is paused stays so.
    await driver.pause("i-again");
    const said = await driver.logs("i-again", 1);
    for (const id of ["c-2", "c-3"]) expect(await checkpoint(driver, "i-again", id)).toMatchObject({ ok: true });
    const drop = (id: string): Promise<VerbResult> =>
      driver.ask((done) => driver.hypervisor.verbs.dropCheckpoint(id, done));
    expect([await drop("c-1"), await drop("c-1")]).toEqual([{ ok: true }, { ok: true }]);
    expect(await driver.start({ ...suite.launch("i-late", COUNTING), from })).toMatchObject({ ok: false });
    const third = { ...suite.launch("i-third", COUNTING), from: { ...from, id: "c-3" } };
    expect(await driver.start(third)).toMatchObject({ ok: true });
    await driver.event("heartbeat", "i-third");
    expect(await firstCount(driver, "i-third")).toBeGreaterThanOrEqual(Number(said[0]?.split(" ")[1]));
    expect((await driver.logs("i-again", 1000)).length).toBeLessThan(again + 200);
    await driver.resume("i-again");
    await driver.next("heartbeat", "i-again");
    expect(await driver.stop("i-again", (await suite.harness()).bootMs)).toEqual({ ok: true, forced: false });
  });
}

function checkpoint(
  driver: Driver,
  instance: string,
  id: string,
): Promise<VerbResult<{ readonly manifest: CheckpointManifest }>> {
  return driver.ask((done) => driver.hypervisor.verbs.checkpoint({ instance, id }, done));
}

async function counts(driver: Driver, instance: string): Promise<number[]> {
  for (;;) {
    const lines = (await driver.logs(instance, 1000)).filter((line) => /^count \d+$/.test(line));
    if (lines.length > 1) return lines.map((line) => Number(line.split(" ")[1]));
    await driver.next("heartbeat", instance);
  }
}

async function firstCount(driver: Driver, instance: string): Promise<number> {
  return (await counts(driver, instance))[0] ?? 0;
}

async function lastCount(driver: Driver, instance: string): Promise<number> {
  return (await counts(driver, instance)).at(-1) ?? 0;
}
