/** The VmActor's promises, on a scripted hypervisor and a world that moves by hand. */
import { afterEach, expect, test } from "vitest";
import { vmActor } from "../../../actors/vm/vm-actor.ts";
import type { VmMessage, VmReport } from "../../../actors/vm/vm-message.ts";
import type { VmSpec } from "../../../actors/index.ts";
import { ActorSystem, stateless, type ProbeResult, type Ref } from "../../../runtime/index.ts";
import { createManualWorld, type ManualWorld } from "../../../runtime/testkit/index.ts";
import { sampleVm } from "./sample-vm.ts";
import {
  createScriptedHypervisor,
  NOT_RUNNING,
  STARTED,
  STOPPED,
  type ScriptedHypervisor,
} from "./scripted-hypervisor.ts";

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

interface Bench {
  readonly world: ManualWorld;
  readonly hypervisor: ScriptedHypervisor;
  readonly reports: VmReport[];
  readonly probes: ((result: ProbeResult) => void)[];
  readonly ref: Ref<VmMessage>;
  tell(message: VmMessage): void;
  /** The last thing said, in short. */
  last(): string;
}

function bench(spec: Partial<VmSpec> = {}): Bench {
  const world = createManualWorld();
  const hypervisor = createScriptedHypervisor();
  const reports: VmReport[] = [];
  const probes: ((result: ProbeResult) => void)[] = [];
  const made = ActorSystem.create({ node: "n1", world });
  system = made;
  const parent = made.spawn(stateless<VmReport>("parent", (report) => void reports.push(report)));
  const vm = sampleVm({ spec });
  const instance = vm.status.instance!;
  const prober = { probe: (_: unknown, done: (result: ProbeResult) => void): void => void probes.push(done) };
  const wish = { role: "own", paused: false, migration: null } as const;
  const options = { vm, instance, wish, leaseUntilMs: 6000, hypervisor, prober, hostAddress: "127.0.0.1", parent };
  const ref = made.spawn(vmActor(options), { name: "web-7" });
  hypervisor.onEvent((event) => made.tell(ref, { type: "instance-event", event }));
  const tell = (message: VmMessage): void => {
    made.tell(ref, message);
    world.settle();
  };
  const last = (): string => {
    world.settle();
    const report = reports.at(-1);
    if (report === undefined) return "nothing";
    if (report.type === "vm-released") return `released ${report.phase}`;
    if (report.type === "vm-origin-refused") return `unfit ${report.from.id}`;
    return report.type === "vm-says"
      ? `says ${report.word.type}`
      : `${report.observation.phase} ${report.observation.health}`;
  };
  world.settle();
  return { world, hypervisor, reports, probes, ref, tell, last };
}

function running(spec: Partial<VmSpec> = {}): Bench {
  const made = bench(spec);
  made.hypervisor.answerAdopt(NOT_RUNNING);
  made.world.settle();
  made.hypervisor.answerStart(STARTED);
  made.hypervisor.emit({ type: "booted", instance: "web-7", bootMs: 900 });
  made.world.settle();
  return made;
}

const CHECK: VmSpec["health"] = {
  type: "http",
  port: 80,
  path: "/",
  intervalMs: 1000,
  timeoutMs: 500,
  failuresMax: 2,
  startMs: 3000,
};

test("a new instance is started once the hypervisor says that none runs, and is Running when the guest says so", () => {
  const { hypervisor, world, reports, last } = bench();
  expect(hypervisor.calls).toEqual(["adopt web-7"]);
  hypervisor.answerAdopt(NOT_RUNNING);
  expect(last()).toBe("Starting unknown");
  hypervisor.answerStart(STARTED);
  world.settle();
  expect(hypervisor.calls).toEqual(["adopt web-7", "start web-7"]);
  hypervisor.emit({ type: "booted", instance: "web-7", bootMs: 900 });
  expect(last()).toBe("Running unknown");
  // Each word is an entry of the log: that it boots is no news.
  expect(reports).toHaveLength(2);
});

test("a guest is started from its VM's spec, a NixOS configuration with it", () => {
  const microvm = { hypervisor: "firecracker", module: "{ }" } as const;
  expect(running({ memoryMiB: 512, microvm }).hypervisor.launches).toMatchObject([{ memoryMiB: 512, microvm }]);
});

test("a guest is started with its spec's disks, and cloud-init's words", () => {
  const disks = [
    { name: "data", sizeMiB: 64, readOnly: false, format: "ext4" as const },
    { name: "root", source: "debian.qcow2", readOnly: false },
    { name: "ceph", source: "rbd:vms/web.data", readOnly: true },
  ];
  const cloudInit = { hostName: "front", sshKeys: ["k"] };
  expect(running({ disks, cloudInit }).hypervisor.launches[0]).toMatchObject({
    disks: [
      { name: "data", sizeMiB: 64, readOnly: false, format: "ext4" },
      { name: "root", source: { type: "image", file: "debian.qcow2" } },
      { name: "ceph", source: { type: "rbd", pool: "vms", image: "web.data" }, readOnly: true },
    ],
    cloudInit,
  });
});

test("a guest of an image is started without a NixOS configuration, and without disks that nobody wants", () => {
  const [launch] = running().hypervisor.launches;
  for (const key of ["microvm", "disks", "cloudInit"]) expect(launch).not.toHaveProperty(key);
});

test("a guest that still runs is adopted, not started", () => {
  const { hypervisor, last } = bench();
  hypervisor.answerAdopt(STARTED);
  expect(last()).toBe("Running unknown");
  expect(hypervisor.calls).toEqual(["adopt web-7"]);
});

test("a crash is cleared, then started again after a backoff that grows", () => {
  const { hypervisor, world, last } = running();
  hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "signal 9" });
  expect(last()).toBe("Crashed unknown");
  world.advance(2000);
  // The end of the last run is not confirmed: nothing may start.
  expect(hypervisor.calls.filter((call) => call.startsWith("start"))).toHaveLength(1);
  hypervisor.answerStop(STOPPED);
  world.advance(700);
  expect(hypervisor.calls.filter((call) => call.startsWith("start"))).toHaveLength(2);
});

test("stop() shuts the guest down with its grace and releases only on the hypervisor's word", () => {
  const { hypervisor, tell, last, world } = running();
  tell({ type: "stop", message: "asked to" });
  expect(last()).toBe("Stopping unknown");
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 5000");
  hypervisor.answerStop({ ok: false, message: "no answer" });
  world.advance(1000);
  expect(last()).toBe("Stopping unknown");
  expect(hypervisor.calls.filter((call) => call.startsWith("stop"))).toHaveLength(2);
  hypervisor.answerStop(STOPPED);
  expect(last()).toBe("released Stopped");
});

test("a stop during a start waits for the start's answer, so that no guest comes up behind it", () => {
  const { hypervisor, tell, world, last } = bench();
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  tell({ type: "stop", message: "asked to" });
  expect(hypervisor.calls).toEqual(["adopt web-7", "start web-7"]);
  hypervisor.answerStart(STARTED);
  world.settle();
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 5000");
  hypervisor.answerStop(STOPPED);
  expect(last()).toBe("released Stopped");
});

test("discard ends the guest at once and says nothing to the map", () => {
  const { hypervisor, tell, reports, world } = running();
  tell({ type: "discard" });
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
  hypervisor.answerStop(STOPPED);
  world.settle();
  expect(reports.at(-1)).toMatchObject({ type: "vm-released", silent: true });
});

test("nothing is started under a lease that is over", () => {
  const { hypervisor, world } = bench();
  world.advance(6000);
  hypervisor.answerAdopt(NOT_RUNNING);
  world.advance(10_000);
  expect(hypervisor.calls.some((call) => call.startsWith("start"))).toBe(false);
});

test("restart policies: on-failure takes a clean shutdown for the end, never takes any", () => {
  const clean = running({ restart: "on-failure" });
  clean.hypervisor.emit({ type: "exited", instance: "web-7", reason: "shutdown", detail: "status 0" });
  clean.world.settle();
  clean.hypervisor.answerStop(STOPPED);
  expect(clean.last()).toBe("released Completed");
  system?.stop();
  const crashed = running({ restart: "on-failure" });
  crashed.hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "status 1" });
  expect(crashed.last()).toBe("Crashed unknown");
  system?.stop();
  const never = running({ restart: "never" });
  never.hypervisor.emit({ type: "exited", instance: "web-7", reason: "crash", detail: "status 1" });
  never.world.settle();
  never.hypervisor.answerStop(STOPPED);
  expect(never.last()).toBe("released Completed");
});

test("health checks: failures at the start do not count, one success is healthy, then failures restart it", () => {
  const { world, probes, last, hypervisor } = running({ health: CHECK });
  const answer = (result: ProbeResult): string => {
    world.advance(1000);
    probes.shift()!(result);
    return last();
  };
  const refused: ProbeResult = { ok: false, message: "connection refused" };
  expect(answer(refused)).toBe("Running unknown");
  expect(answer({ ok: true })).toBe("Running healthy");
  expect(answer(refused)).toBe("Running healthy");
  expect(answer(refused)).toBe("Crashed unknown");
  expect(hypervisor.calls.at(-1)).toBe("stop web-7 0");
});

test("a lease renewal moves the guard's deadline", () => {
  const { hypervisor, tell } = running();
  tell({ type: "lease", untilMs: 9000 });
  expect(hypervisor.calls.at(-1)).toBe("lease web-7 9000");
});

test("a fixed host port is used as it is, a free one is chosen from the range", () => {
  const { hypervisor, world } = bench({
    ports: [
      { name: "http", guest: 80, host: 8080 },
      { name: "ssh", guest: 22 },
    ],
  });
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  const [http, ssh] = hypervisor.launches[0]!.ports;
  expect(http).toMatchObject({ hostPort: 8080, hostAddress: "127.0.0.1" });
  expect(ssh!.hostPort).toBeGreaterThanOrEqual(20_000);
  expect(ssh!.hostPort).toBeLessThan(30_000);
});

test("vmActor() ends a guest that hangs before it is up, and starts it again", () => {
  const { world, hypervisor, last } = bench();
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  hypervisor.answerStart(STARTED);
  expect(last()).toBe("Starting unknown");
  world.advance(59_999);
  expect(last()).toBe("Starting unknown");
  world.advance(1);
  expect(last()).toBe("Crashed unknown");
});

test("a guest that cannot be taken over may run: it is ended before it is started again", () => {
  const { world, hypervisor, last } = bench();
  hypervisor.answerAdopt({ ok: false, code: "failed", message: "its guard cannot be read" });
  expect(last()).toBe("Crashed unknown");
  world.advance(2000);
  expect(hypervisor.calls).toEqual(["adopt web-7", "stop web-7 0"]);
  hypervisor.answerStop(STOPPED);
  world.advance(2000);
  expect(hypervisor.calls.at(-1)).toBe("start web-7");
});

test("waiting for a lease is no restart", () => {
  const { world, hypervisor, reports } = bench();
  world.advance(6000);
  hypervisor.answerAdopt(NOT_RUNNING);
  world.advance(10_000);
  expect(reports.at(-1)).toMatchObject({ observation: { phase: "Crashed", restarts: 0 } });
});

test("vmActor() gives an instance back that the hypervisor refuses time and again, for whatever reasons", () => {
  const { hypervisor, world, last, reports, tell } = bench();
  tell({ type: "lease", untilMs: 60_000 });
  hypervisor.answerAdopt(NOT_RUNNING);
  world.settle();
  const refuse = (code: "failed" | "image-missing"): void => {
    hypervisor.answerStart({ ok: false, code, message: 'no image "base" here' });
    world.settle();
    hypervisor.answerStop(STOPPED);
    world.advance(3000);
  };
  refuse("image-missing");
  refuse("failed");
  expect(hypervisor.launches).toHaveLength(3);
  expect(reports.every(({ type }) => type === "vm-observed")).toBe(true);
  refuse("image-missing");
  expect(last()).toBe("released Unstartable");
  expect(reports.at(-1)).toMatchObject({ message: 'no image "base" here', silent: false });
});
