/**
 * The contract of the hypervisor port, for every driver.
 *
 * A driver's test calls `hypervisorContract` with a harness. Instances run shell scripts, which every driver's guests can;
 * what needs a node's death is skipped for a harness without `startAndDie`, with that reason.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GuestVerb, InstanceLaunch, VerbResult } from "../../runtime/index.ts";
import { checkpointContract } from "./hypervisor-checkpoints.ts";
import { metricsContract } from "./hypervisor-metrics.ts";
import { migrationContract } from "./hypervisor-migration.ts";
import { networksContract } from "./hypervisor-networks.ts";
import { pauseContract } from "./hypervisor-pause.ts";
import { streamsContract } from "./hypervisor-streams.ts";
import { type Driver, type HypervisorHarness, HypervisorSuite } from "./hypervisor-suite.ts";

export type { HypervisorHarness } from "./hypervisor-suite.ts";

export function hypervisorContract(makeHarness: () => Promise<HypervisorHarness>, title: string): void {
  describe(`hypervisor ${title}`, () => {
    const suite = new HypervisorSuite(makeHarness);
    const open = (): Promise<Driver> => suite.open();
    const launch = (instance: string, script: string): InstanceLaunch => suite.launch(instance, script);
    const serving = (instance: string): InstanceLaunch => suite.serving(instance);
    let harness: HypervisorHarness;

    beforeEach(async () => {
      harness = await suite.harness();
    });
    afterEach(() => suite.cleanUp());

    test("start() runs an instance that boots and beats", async () => {
      const driver = await open();
      const started = await driver.start(serving("i-boot"));
      expect(started).toMatchObject({ ok: true });
      const booted = await driver.event("booted", "i-boot");
      expect(booted).toMatchObject({ bootMs: expect.any(Number) });
      await driver.event("heartbeat", "i-boot");
      expect(await driver.list()).toEqual([
        { instance: "i-boot", vm: "vm-i-boot", pid: (started as { pid: number }).pid },
      ]);
    });

    test("a verb that the driver lacks is refused by name, with the reason, and the instance runs on", async () => {
      const driver = await open();
      const { lacks } = driver.hypervisor.capabilities;
      await driver.startAndBoot(serving("i-lacks"));
      const { verbs } = driver.hypervisor;
      const limits = { bandwidthBytesPerSecond: 1, downtimeMs: 1, autoConverge: false, timeoutMs: 1 };
      const to = { address: "127.0.0.1", port: 1 };
      const asks: Partial<Record<GuestVerb, (done: (result: VerbResult) => void) => void>> = {
        pause: (done) => verbs.pause("i-lacks", done),
        checkpoint: (done) => verbs.checkpoint({ instance: "i-lacks", id: "c-1" }, done),
        migrate: (done) => verbs.migrate({ instance: "i-lacks", to, limits, onProgress: () => undefined }, done),
        balloon: (done) => verbs.setBalloon("i-lacks", 64, done),
        metrics: (done) => verbs.readMetrics("i-lacks", done),
      };
      for (const [verb, ask] of Object.entries(asks)) {
        const why = lacks[verb as GuestVerb];
        if (why === undefined) continue;
        const result = await new Promise<VerbResult>((resolve) => ask(resolve));
        expect(result).toMatchObject({ ok: false, code: "unsupported", message: expect.stringContaining(why) });
      }
      expect(await driver.list()).toMatchObject([{ instance: "i-lacks" }]);
    });

    test("stop() lets a guest end by itself and reports no exit", async () => {
      const driver = await open();
      const { pid } = await driver.startAndBoot(serving("i-stop"));
      expect(await driver.stop("i-stop", harness.bootMs)).toEqual({ ok: true, forced: false });
      expect(harness.isAlive(pid)).toBe(false);
      expect(await driver.list()).toEqual([]);
      expect(driver.events.filter((event) => event.type === "exited")).toEqual([]);
    });

    test("stop() ends a guest that does not listen after the grace time", async () => {
      const driver = await open();
      const { pid } = await driver.startAndBoot(
        launch("i-deaf", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"),
      );
      await driver.line("i-deaf", "deaf");
      expect(await driver.stop("i-deaf", 200)).toEqual({ ok: true, forced: true });
      expect(harness.isAlive(pid)).toBe(false);
    });

    test("stop() of what does not run is done", async () => {
      const driver = await open();
      expect(await driver.stop("i-nobody", 10)).toEqual({ ok: true, forced: false });
    });

    test("exit of the service with 0 is a shutdown, with anything else a crash", async () => {
      const driver = await open();
      await driver.start(launch("i-clean", "exit 0"));
      expect(await driver.event("exited", "i-clean")).toMatchObject({ reason: "shutdown" });
      await driver.start(launch("i-crash", "echo last words; exit 3"));
      const exited = await driver.event("exited", "i-crash");
      expect(exited).toMatchObject({ reason: "crash", detail: expect.stringContaining("3") });
      expect(await driver.list()).toEqual([]);
    });

    test("killing the machine from outside is reported as a crash", async () => {
      const driver = await open();
      const { pid } = await driver.startAndBoot(serving("i-killed"));
      harness.kill(pid);
      expect(await driver.event("exited", "i-killed")).toMatchObject({ reason: "crash" });
    });

    test("the guard ends an instance at its lease deadline", async () => {
      const driver = await open();
      const leaseUntilMs = harness.now() + harness.shortLeaseMs;
      const started = await driver.start({ ...serving("i-lease"), leaseUntilMs });
      expect(started).toMatchObject({ ok: true });
      expect(await driver.event("exited", "i-lease")).toMatchObject({ reason: "lease" });
      expect(harness.now()).toBeGreaterThan(leaseUntilMs - 200);
      expect(harness.isAlive((started as { pid: number }).pid)).toBe(false);
    });

    test("extendLease() keeps an instance past its first deadline, and never shortens it", async () => {
      const driver = await open();
      const firstMs = harness.now() + harness.shortLeaseMs;
      const started = await driver.start({ ...serving("i-extend"), leaseUntilMs: firstMs });
      expect(started, JSON.stringify(started)).toMatchObject({ ok: true });
      driver.hypervisor.extendLease(["i-extend", "i-unknown"], firstMs + 120_000);
      driver.hypervisor.extendLease(["i-extend"], firstMs - harness.shortLeaseMs);
      await harness.pause(firstMs + 300 - harness.now());
      expect(await driver.list()).toHaveLength(1);
    });

    test("start() under a lease that is over runs nothing", async () => {
      const driver = await open();
      const started = await driver.start({ ...serving("i-late"), leaseUntilMs: harness.now() - 1 });
      expect(started).toMatchObject({ ok: false, code: "failed", message: expect.stringContaining("lease") });
      expect(await driver.list()).toEqual([]);
    });

    test("start() refuses an instance that runs, and takes it again after its end", async () => {
      const driver = await open();
      await driver.startAndBoot(serving("i-twice"));
      const again = await driver.start(serving("i-twice"));
      expect(again).toMatchObject({ ok: false, code: "failed", message: expect.stringContaining("runs already") });
      expect(await driver.list()).toHaveLength(1);
      await driver.stop("i-twice", 0);
      expect(await driver.start(serving("i-twice"))).toMatchObject({ ok: true });
    });

    test("start() refuses a port in use, naming address and port", async () => {
      const driver = await open();
      const hostPort = await harness.freePort();
      const release = await harness.occupy(hostPort);
      try {
        const ports = [{ name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort }];
        const started = await driver.start({ ...serving("i-port"), ports });
        expect(started).toMatchObject({ ok: false, code: "port-in-use" });
        expect((started as { message: string }).message).toContain(`127.0.0.1:${hostPort}`);
        expect(await driver.list()).toEqual([]);
      } finally {
        await release();
      }
    });

    test("start() refuses files and variables that cannot be", async () => {
      const driver = await open();
      const files = [{ path: "/etc/../../escape", content: "", mode: "0644" }];
      expect(await driver.start({ ...serving("i-files"), files })).toMatchObject({ ok: false, code: "unsupported" });
      const env = { "NOT A NAME": "1" };
      expect(await driver.start({ ...serving("i-env"), env })).toMatchObject({ ok: false, code: "unsupported" });
    });

    test("start() gives the guest its files, variables and names", async () => {
      const driver = await open();
      const script =
        'cat "$BLIXARD_ROOT/etc/site/note"; echo "$GREETING"; echo "$BLIXARD_VM $BLIXARD_INSTANCE $BLIXARD_NODE"';
      await driver.start({
        ...launch("i-files", `${script}; sleep 1000`),
        env: { GREETING: `it's "quoted" $HOME` },
        files: [{ path: "/etc/site/note", content: "a note\n", mode: "0640" }],
      });
      const said = ["a note", `it's "quoted" $HOME`, "vm-i-files i-files n1"];
      await driver.line("i-files", said[2]!);
      expect((await driver.logs("i-files", 3)).slice(-3)).toEqual(said);
    });

    test("readLogs() gives the last lines, then follows until cancel", async () => {
      const driver = await open();
      const script = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.1; done';
      await driver.startAndBoot(launch("i-logs", script));
      await driver.line("i-logs", "line 5");
      const tail = await driver.logs("i-logs", 2);
      expect(tail).toHaveLength(2);
      expect(tail.at(-1)).toMatch(/^line \d+$/);
      await new Promise<void>((resolve, reject) => {
        const seen: string[] = [];
        const subscription = driver.hypervisor.readLogs({
          instance: "i-logs",
          tail: 1,
          follow: true,
          onLine: (line) => {
            seen.push(line);
            if (seen.length === 4) subscription.cancel();
          },
          onEnd: (error) => {
            const numbers = seen.slice(0, 4).map((line) => Number(line.split(" ")[1]));
            expect(numbers.map((number) => number - numbers[0]!)).toEqual([0, 1, 2, 3]);
            if (error === undefined) resolve();
            else reject(new Error(error));
          },
        });
      });
    });

    test("readLogs() still reads an instance that has ended, and says when there is no log", async () => {
      const driver = await open();
      await driver.start(launch("i-gone", "echo farewell; exit 1"));
      await driver.event("exited", "i-gone");
      expect((await driver.logs("i-gone", 20)).join("\n")).toContain("farewell");
      await expect(driver.logs("i-never", 1)).rejects.toThrow("i-never");
    });

    test("adopt() takes over an instance whose node was killed", async ({ skip }) => {
      if (harness.startAndDie === undefined) return skip("this driver's instances do not outlive its process");
      await harness.startAndDie(serving("i-adopt"));
      const driver = await open();
      const [found] = await driver.list();
      expect(found).toMatchObject({ instance: "i-adopt", vm: "vm-i-adopt" });
      const adopted = await driver.adopt("i-adopt", suite.longLease);
      expect(adopted).toEqual({ ok: true, pid: found!.pid });
      await driver.event("heartbeat", "i-adopt");
      expect(await driver.stop("i-adopt", harness.bootMs)).toEqual({ ok: true, forced: false });
      expect(harness.isAlive(found!.pid)).toBe(false);
    });

    test("an adopted instance's crash is reported", async ({ skip }) => {
      if (harness.startAndDie === undefined) return skip("this driver's instances do not outlive its process");
      await harness.startAndDie(serving("i-crash2"));
      const driver = await open();
      const adopted = await driver.adopt("i-crash2", suite.longLease);
      harness.kill((adopted as { pid: number }).pid);
      expect(await driver.event("exited", "i-crash2")).toMatchObject({ reason: "crash" });
    });

    test("the guard ends an instance at its deadline also when the node is dead", async ({ skip }) => {
      if (harness.startAndDie === undefined) return skip("this driver's instances do not outlive its process");
      await harness.startAndDie({ ...serving("i-orphan"), leaseUntilMs: harness.now() + harness.bootMs });
      const driver = await open();
      const [found] = await driver.list();
      expect(found).toBeDefined();
      // The lease began before: a boot ago, at the most.
      await harness.pause(harness.bootMs);
      expect(harness.isAlive(found!.pid)).toBe(false);
      expect(await driver.list()).toEqual([]);
      expect(await driver.adopt("i-orphan", harness.now() + 1000)).toMatchObject({ ok: false, code: "not-running" });
    });

    pauseContract(suite);
    networksContract(suite);
    metricsContract(suite);
    checkpointContract(suite);
    migrationContract(suite);
    streamsContract(suite);
  });
}
