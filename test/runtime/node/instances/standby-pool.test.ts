/** Standbys of a guarded hypervisor, with a driver whose machines are processes that sleep; those of QEMU: test/integration/qemu-standbys.test.ts. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock, InstanceLaunch, StartResult, VerbResult } from "../../../../runtime/index.ts";
import { GuardedHypervisor, type GuardedHypervisorOptions, nodeClock } from "../../../../runtime/node/index.ts";
import { anythingRuns, readGuard } from "../../../../runtime/node/guard/guard.ts";
import type { MachineDriver } from "../../../../runtime/node/instances/machine-driver.ts";
import { cleanUp } from "../../../contract/guarded-harness.ts";

/** Its timers are early, and what waits for them with them. */
const TIMES = 50;
let aheadMs = 0;
const quick: Clock = {
  ...nodeClock,
  monotonicMs: () => nodeClock.monotonicMs() * TIMES + aheadMs,
  setTimer: (delayMs, run) => nodeClock.setTimer(delayMs / TIMES, run),
};
const LONG_MS = 600_000;

let stateDir: string;
let hypervisor: GuardedHypervisor;
/** What happened to machines, in order. */
let said: string[];
let wakes: () => void;
let exits: string[];
/** What a machine waits for before it becomes its instance's. */
let dresses: () => Promise<void>;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "blixard-standbys-"));
  [said, exits, wakes, dresses] = [[], [], () => undefined, async () => undefined];
  hypervisor = open();
});

afterEach(async () => {
  hypervisor.close();
  await cleanUp(stateDir);
});

function open(more: Partial<GuardedHypervisorOptions> = {}): GuardedHypervisor {
  const driver: MachineDriver = {
    name: "process",
    capabilities: { isolation: false, accelerated: false, adopt: true, lacks: {} },
    prepare: async ({ instance }) => {
      if (!instance.startsWith("standby")) said.push(`prepare ${instance} beside ${standbys().length} standbys`);
      return { argv: ["sleep", "1000"], env: { PATH: "/usr/bin:/bin" }, output: "console.log" };
    },
    canStandBy: ({ disks }) => disks === undefined,
    dress: async ({ instance }) => {
      said.push(`dress ${instance}`);
      await dresses();
    },
    dropCheckpoint: async (id) => void said.push(`drop ${id} of ${standbys().length} standbys`),
    attach: ({ record }) => ({
      standBy: async () => void said.push("stands by"),
      wake: async () => wakes(),
      ready: async () => void said.push(`ready ${record.instance}`),
      requestStop: () => undefined,
      tick: () => undefined,
      explain: async ({ reason }) => ({ reason: reason === "lease" ? "lease" : "crash", detail: "" }),
      detach: () => undefined,
      verbs: { readMetrics: async () => ({ cpuMs: 0, residentBytes: 0 }) },
    }),
  };
  const limits = { standbys: { count: 2, each: 1 } };
  const opened = new GuardedHypervisor(driver, {
    ...{ stateDir, clock: quick, logger: { log: () => undefined } },
    ...limits,
    ...more,
  });
  opened.onEvent((event) => event.type === "exited" && exits.push(`${event.instance} ${event.reason}`));
  return opened;
}

function clone(instance: string, more: Partial<InstanceLaunch> = {}): Promise<StartResult> {
  const launch: InstanceLaunch = {
    ...{ instance, vm: "web", node: "n1", vcpus: 1, memoryMiB: 64, image: "base" },
    ...{ command: [], env: {}, files: [], ports: [] },
    leaseUntilMs: quick.monotonicMs() + LONG_MS,
    from: { type: "checkpoint", id: "c-1", identity: "fresh" },
    ...more,
  };
  return new Promise((resolve) => hypervisor.start(launch, resolve));
}

async function until(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + 8_000;
  while (!isSo()) {
    if (performance.now() > untilMs) throw new Error(`it did not come to that: ${said.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const ready = (count: number): Promise<void> => until(() => hypervisor.standbys === count);

function standbys(): readonly string[] {
  const folder = join(stateDir, "standbys");
  return existsSync(folder) ? readdirSync(folder).map((id) => join(folder, id)) : [];
}

async function origin(instance: string): Promise<unknown> {
  const result = await new Promise<VerbResult<{ metrics: { origin?: string } }>>((resolve) =>
    hypervisor.verbs.readMetrics(instance, resolve),
  );
  return result.ok ? result.metrics.origin : result.code;
}

/** The pid of the one that stands by. */
function standingPid(): number {
  const [folder = ""] = standbys();
  return readGuard(folder).child?.pid ?? 0;
}

test("start() takes the machine that stands by, under its own lease, and another one takes its place", async () => {
  expect(await clone("i-1")).toMatchObject({ ok: true });
  await ready(1);
  const pid = standingPid();
  said = [];
  expect(await clone("i-2")).toEqual({ ok: true, pid });
  expect(said).toEqual(["dress i-2", "ready i-2"]);
  expect([await origin("i-1"), await origin("i-2")]).toEqual(["checkpoint", "standby"]);
  await ready(1);
  expect(standingPid()).not.toBe(pid);
  await new Promise<void>((resolve) => hypervisor.stop("i-2", 0, () => resolve()));
  expect(readdirSync(join(stateDir, "instances"))).toEqual(["i-1"]);
});

test("the guard ends an instance that was a standby at the instance's lease", async () => {
  await clone("i-1");
  await ready(1);
  // Behind what the standby has: its guard sleeps until then, and has to look again.
  expect(await clone("i-2", { leaseUntilMs: quick.monotonicMs() + 3_200 })).toMatchObject({ ok: true });
  expect(await origin("i-2")).toBe("standby");
  await until(() => exits.includes("i-2 lease"));
});

test("an instance whose lease ends before a standby's may end is started anew", async () => {
  await clone("i-1");
  await ready(1);
  expect(await clone("i-2", { leaseUntilMs: quick.monotonicMs() + 1_000 })).toMatchObject({ ok: true });
  expect(await origin("i-2")).toBe("checkpoint");
});

test("what a standby cannot be given is started anew, and makes none", async () => {
  await clone("i-1", { disks: [] });
  await clone("i-2", { from: { type: "migration", listenAddress: "127.0.0.1" } });
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(standbys()).toEqual([]);
});

test("a standby that was killed is not taken, its instance is started anew, and nothing of it is left", async () => {
  await clone("i-1");
  await ready(1);
  process.kill(standingPid(), "SIGKILL");
  await until(() => standbys().every((folder) => !anythingRuns(readGuard(folder))));
  expect(await clone("i-2")).toMatchObject({ ok: true });
  expect(await origin("i-2")).toBe("checkpoint");
  await ready(1);
});

test("an instance whose standby fails before its guest runs is started anew", async () => {
  await clone("i-1");
  await ready(1);
  const pid = standingPid();
  wakes = () => {
    throw new Error("QEMU does not answer");
  };
  const started = await clone("i-2");
  expect(started).toMatchObject({ ok: true });
  expect((started as { pid: number }).pid).not.toBe(pid);
  expect(await origin("i-2")).toBe("checkpoint");
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("dropCheckpoint() ends its standbys before its bytes go", async () => {
  await clone("i-1");
  await ready(1);
  await new Promise<void>((resolve) => hypervisor.verbs.dropCheckpoint("c-1", () => resolve()));
  expect(said).toContain("drop c-1 of 0 standbys");
  expect(hypervisor.standbys).toBe(0);
});

test("keepOnlyCheckpoints() ends the standbys of those that go", async () => {
  await clone("i-1");
  await ready(1);
  hypervisor.keepOnlyCheckpoints(["c-1"]);
  expect(hypervisor.standbys).toBe(1);
  hypervisor.keepOnlyCheckpoints(["c-2"]);
  await until(() => standbys().length === 0);
  expect(hypervisor.standbys).toBe(0);
});

test("standbys stay within what no VM was promised, and go when one needs it", async () => {
  hypervisor.close();
  hypervisor = open({ memoryMiB: 256 });
  await clone("i-1", { memoryMiB: 100 });
  await ready(1);
  expect(
    await clone("i-2", { memoryMiB: 156, from: { type: "checkpoint", id: "c-2", identity: "same" } }),
  ).toMatchObject({ ok: true });
  expect(said).toContain("prepare i-2 beside 0 standbys");
  expect(hypervisor.standbys).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(standbys()).toEqual([]);
});

test("standbys leave the host some memory, and go when it has little", async () => {
  hypervisor.close();
  let freeMiB = 511;
  hypervisor = open({ availableMiB: () => freeMiB });
  await clone("i-1");
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(standbys()).toEqual([]);
  freeMiB = 512;
  await ready(1);
  freeMiB = 255;
  await until(() => standbys().length === 0);
});

test("a standby whose node dies before it is an instance is none, and the next process collects it", async () => {
  await clone("i-1");
  await ready(1);
  const pid = standingPid();
  dresses = () => new Promise(() => undefined);
  void clone("i-2");
  await until(() => said.includes("dress i-2"));
  // Which does not end what is on its way to be an instance, as little as a kill does.
  hypervisor.close();
  expect(process.kill(pid, 0)).toBe(true);
  hypervisor = open();
  await until(() => standbys().length === 0);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  const found = await new Promise<readonly { instance: string }[]>((resolve) => hypervisor.list(resolve));
  expect(found.map(({ instance }) => instance)).toEqual(["i-1"]);
});

test("a host keeps so many standbys and no more; those of a checkpoint that was used long ago make way", async () => {
  const from = (id: string): Partial<InstanceLaunch> => ({ from: { type: "checkpoint", id, identity: "same" } });
  for (const id of ["c-1", "c-2"]) await clone(`i-${id}`, from(id));
  await ready(2);
  await clone("i-3", from("c-3"));
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(hypervisor.standbys).toBe(2);
  aheadMs += 60_000;
  await clone("i-4", from("c-3"));
  expect(await origin("i-4")).toBe("checkpoint");
  await until(() => said.filter((word) => word === "stands by").length === 3);
  await ready(2);
  await clone("i-5", from("c-3"));
  expect(await origin("i-5")).toBe("standby");
});

test("standbys go when their checkpoint is not used for long", async () => {
  await clone("i-1");
  await ready(1);
  aheadMs += 600_000;
  await until(() => standbys().length === 0);
  expect(hypervisor.standbys).toBe(0);
});

test("close() ends them, and what a killed node left is ended by its guard, and collected by the next", async () => {
  await clone("i-1");
  await ready(1);
  const [left = ""] = standbys();
  const before = readGuard(left);
  hypervisor.close();
  await until(() => !anythingRuns(before));
  hypervisor = open();
  await until(() => standbys().length === 0);
  mkdirSync(join(stateDir, "standbys/standby-half/vm"), { recursive: true });
  hypervisor.close();
  hypervisor = open();
  await until(() => standbys().length === 0);
  expect(said.filter((word) => word === "stands by")).toHaveLength(1);
});
