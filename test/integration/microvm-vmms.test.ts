/**
 * The `microvm-nix` driver with hypervisors that cannot be installed here: runners built by a real Nix, run under real guards, with fakes in
 * the hypervisors' place that speak their recorded protocol (test/runtime/node/nix/vmm/fake-vmm.ts). QEMU runs for real in microvm-nix.test.ts.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { InstanceEvent, InstanceLaunch, StartResult, StopResult, VerbResult } from "../../runtime/index.ts";
import type { MicrovmConfig, MicrovmInterface } from "../../runtime/microvm/index.ts";
import {
  createMicrovmNixHypervisor,
  type GuardedHypervisor,
  type NixSettings,
  nodeClock,
} from "../../runtime/node/index.ts";
import { killInstance, readGuard } from "../../runtime/node/guard/guard.ts";
import { groupRuns } from "../../runtime/node/guard/process-identity.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { nixWorld } from "../contract/nix-world.ts";

vi.setConfig({ testTimeout: 30_000 });
const FAKE = `${process.execPath} ${join(import.meta.dirname, "../runtime/node/nix/vmm/fake-vmm-process.ts")}`;
const TAP: readonly MicrovmInterface[] = [{ type: "tap", id: "blx-test0", mac: "02:00:00:00:00:01" }];

let folder: string;
let stateDir: string;
let log: string;
let nix: NixSettings;
const opened: GuardedHypervisor[] = [];
let events: InstanceEvent[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-vmms-"));
  stateDir = join(folder, "state");
  log = join(folder, "log");
  const answering = (kind: string): { run: string; shutdown: string } => ({
    run: `exec ${FAKE} ${kind} vmm.sock`,
    shutdown: `exec ${FAKE} press-${kind} vmm.sock`,
  });
  nix = await nixWorld(folder, {
    runners: {
      firecracker: answering("firecracker"),
      "cloud-hypervisor": answering("cloud-hypervisor"),
      kvmtool: { run: `echo run >>${log}; exec sleep 1000` },
      alioth: { run: `[ -S fs-virtiofs-src.sock ] || exit 9; exec sleep 1000` },
      crosvm: { run: "echo more >>volumes/data.img; exec sleep 1000" },
      stratovirt: { run: "echo 'stratovirt: no /dev/kvm here' >&2; exit 3" },
    },
    tapUp: `[ ! -e ${folder}/no-tap ] && echo up >>${log}`,
    tapDown: `echo down >>${log}`,
    virtiofsd: `${FAKE} virtiofsd`,
  });
});

afterEach(async () => {
  for (const hypervisor of opened.splice(0)) hypervisor.close();
  await cleanUp(stateDir);
  rmSync(log, { force: true });
  events = [];
});

afterAll(async () => rm(folder, { recursive: true, force: true }));

function open(acceleration: "kvm" | "tcg" = "kvm"): GuardedHypervisor {
  mkdirSync(stateDir, { recursive: true });
  const hypervisor = createMicrovmNixHypervisor({
    ...{ stateDir, nix, acceleration, clock: nodeClock, logger: { log: () => undefined } },
  });
  hypervisor.onEvent((event) => events.push(event));
  opened.push(hypervisor);
  return hypervisor;
}

function launch(vm: string, microvm: MicrovmConfig, more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  return {
    ...{
      instance: `i-${vm}`,
      vm,
      node: "n1",
      vcpus: 1,
      memoryMiB: 512,
      image: "base",
      command: [],
      env: {},
      files: [],
    },
    ...{ ports: [], leaseUntilMs: nodeClock.monotonicMs() + 60_000, microvm, ...more },
  };
}

const start = (hypervisor: GuardedHypervisor, asked: InstanceLaunch): Promise<StartResult> =>
  new Promise((resolve) => hypervisor.start(asked, resolve));
const stop = (hypervisor: GuardedHypervisor, vm: string): Promise<StopResult> =>
  new Promise((resolve) => hypervisor.stop(`i-${vm}`, 5_000, resolve));
const ask = (run: (done: (result: VerbResult) => void) => void): Promise<VerbResult> => new Promise(run);
const heard = (): readonly string[] => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);

async function refusal(hypervisor: GuardedHypervisor, asked: InstanceLaunch): Promise<string> {
  const started = await start(hypervisor, asked);
  if (started.ok) throw new Error("it was started");
  return `${started.code}: ${started.message}`;
}

async function heardOf(type: InstanceEvent["type"]): Promise<void> {
  await vi.waitFor(() => expect(events.map((one) => one.type)).toContain(type), { timeout: 5_000, interval: 10 });
}

test.each(["firecracker", "cloud-hypervisor"] as const)(
  "%s boots, is paused and resumed also by the next process of its node, and shut down by its runner's script",
  async (kind) => {
    const vm = `of-${kind}`;
    const first = open();
    expect(await start(first, launch(vm, { hypervisor: kind }))).toMatchObject({ ok: true });
    await heardOf("booted");
    expect(await ask((done) => first.verbs.pause(`i-${vm}`, done))).toEqual({ ok: true });
    expect(await ask((done) => first.verbs.pause(`i-${vm}`, done))).toEqual({ ok: true });
    first.close();
    const later = open();
    const adopted = new Promise((resolve) => later.adopt(`i-${vm}`, nodeClock.monotonicMs() + 60_000, resolve));
    expect(await adopted).toMatchObject({ ok: true });
    expect(await ask((done) => later.verbs.resume(`i-${vm}`, done))).toEqual({ ok: true });
    const balloon = await ask((done) => later.verbs.setBalloon(`i-${vm}`, 256, done));
    expect(balloon).toMatchObject(kind === "firecracker" ? { ok: false, code: "unsupported" } : { ok: true });
    const metrics = await new Promise((resolve) => later.verbs.readMetrics(`i-${vm}`, resolve));
    expect(metrics).toMatchObject({ ok: true, metrics: kind === "firecracker" ? {} : { balloonBytes: 268_435_456 } });
    expect(await stop(later, vm)).toEqual({ ok: true, forced: false });
    expect(events.map(({ type }) => type)).not.toContain("exited");
  },
);

test("a hypervisor without a control socket runs, refuses to be paused by name, and ends by SIGTERM", async () => {
  const hypervisor = open();
  expect(await start(hypervisor, launch("plain", { hypervisor: "kvmtool" }))).toMatchObject({ ok: true });
  await heardOf("heartbeat");
  expect(await ask((done) => hypervisor.verbs.pause("i-plain", done))).toEqual({
    ok: false,
    code: "unsupported",
    message:
      'Cannot pause instance "i-plain": kvmtool has no control socket that could make it pause: qemu, firecracker and cloud-hypervisor have',
  });
  expect(await stop(hypervisor, "plain")).toEqual({ ok: true, forced: false });
});

test("a hypervisor that ends at once is reported with its last words", async () => {
  expect(await refusal(open(), launch("ends", { hypervisor: "stratovirt" }))).toContain(
    'failed: Cannot start instance "i-ends" of VM "ends": stratovirt ended at once: ',
  );
  const said = readFileSync(join(stateDir, "ended/i-ends/console.log"), "utf8");
  expect(said).toContain("no /dev/kvm here");
});

test("volumes outlive their instances, and instances leave nothing else", async () => {
  const volumes = [{ image: "data.img", sizeMiB: 1 }];
  const hypervisor = open();
  for (const times of [1, 2]) {
    expect(await start(hypervisor, launch("disk", { hypervisor: "crosvm", volumes }))).toMatchObject({ ok: true });
    expect(await stop(hypervisor, "disk")).toMatchObject({ ok: true });
    expect(statSync(join(stateDir, "vms/disk/volumes/data.img")).size).toBe(1024 * 1024 + times * "more\n".length);
  }
  expect(readdirSync(join(stateDir, "instances"))).toEqual([]);
  expect(readdirSync(join(stateDir, "ended/i-disk"))).not.toContain("seed.img");
});

test("interfaces come up before the hypervisor and go down after it, however it ended", async () => {
  const hypervisor = open();
  await start(hypervisor, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
  expect(heard()).toEqual(["up", "run"]);
  expect(await stop(hypervisor, "tap")).toMatchObject({ ok: true });
  expect(heard()).toEqual(["up", "run", "down"]);
  await start(hypervisor, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
  killInstance(readGuard(join(stateDir, "instances/i-tap")));
  await heardOf("exited");
  expect(heard()).toEqual(["up", "run", "down", "up", "run", "down"]);
});

test("interfaces of a VM that ended while no node was here are taken down by the next one", async () => {
  const first = open();
  await start(first, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
  first.close();
  const instance = join(stateDir, "instances/i-tap");
  killInstance(readGuard(instance));
  await vi.waitFor(() => expect(readGuard(instance).exit).toBeDefined(), { timeout: 5_000, interval: 10 });
  const later = open();
  await vi.waitFor(() => expect(heard()).toEqual(["up", "run", "down"]), { timeout: 5_000, interval: 10 });
  await start(later, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
  opened.splice(0).forEach((one) => one.close());
  open();
  await new Promise((resolve) => setTimeout(resolve, 200));
  // This one runs, under its guard: its interface is left alone.
  expect(heard()).toEqual(["up", "run", "down", "up", "run"]);
});

test("interfaces of a VM that ended just as its node came back are taken down before another starts", async () => {
  const first = open();
  await start(first, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
  first.close();
  const later = open();
  const list = (): Promise<readonly unknown[]> => new Promise((resolve) => later.list(resolve));
  expect(await list()).toHaveLength(1);
  const instance = join(stateDir, "instances/i-tap");
  killInstance(readGuard(instance));
  await vi.waitFor(() => expect(readGuard(instance).exit).toBeDefined(), { timeout: 5_000, interval: 10 });
  expect(await list()).toEqual([]);
  expect(heard()).toEqual(["up", "run"]);
  await start(later, launch("plain", { hypervisor: "kvmtool" }));
  expect(heard()).toEqual(["up", "run", "down", "run"]);
});

test("an interface that cannot be made is why a VM does not start, and is no trouble later", async () => {
  const hypervisor = open();
  const flag = join(folder, "no-tap");
  mkdirSync(flag);
  try {
    const message = await refusal(hypervisor, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }));
    expect(message).toContain("tap-up failed with status 1");
  } finally {
    rmSync(flag, { recursive: true });
  }
  expect(await start(hypervisor, launch("tap", { hypervisor: "kvmtool", interfaces: TAP }))).toMatchObject({
    ok: true,
  });
  expect(heard()).toEqual(["down", "up", "run"]);
});

test("an interface or vsock address of another VM of this host is refused, naming its instance", async () => {
  const hypervisor = open();
  await start(hypervisor, launch("tap", { hypervisor: "kvmtool", interfaces: TAP, vsockCid: 7 }));
  expect(await refusal(hypervisor, launch("tap2", { hypervisor: "kvmtool", interfaces: TAP }))).toContain(
    'unsupported: Cannot start instance "i-tap2" of VM "tap2": the interface "blx-test0" is that of instance "i-tap"',
  );
  expect(await refusal(hypervisor, launch("vsock", { hypervisor: "kvmtool", vsockCid: 7 }))).toContain(
    'the vsock address 7 is that of instance "i-tap"',
  );
  expect(heard()).toEqual(["up", "run"]);
});

test("virtiofsd is there before its hypervisor, and ends with it", async () => {
  const shares: MicrovmConfig["shares"] = [{ tag: "src", source: "/tmp", mountPoint: "/src", proto: "virtiofs" }];
  const hypervisor = open();
  expect(await start(hypervisor, launch("fs", { hypervisor: "alioth", shares }))).toMatchObject({ ok: true });
  const { child } = readGuard(join(stateDir, "instances/i-fs"));
  expect(await stop(hypervisor, "fs")).toMatchObject({ ok: true });
  expect(groupRuns(child!)).toBe(false);
});

test("what cannot be is refused before anything is built, by name", async () => {
  const hypervisor = open("tcg");
  const qemu: MicrovmConfig = { hypervisor: "qemu" };
  const port = { name: "web", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 1 };
  expect(await refusal(hypervisor, launch("a", { hypervisor: "firecracker" }))).toContain("firecracker needs KVM");
  expect(await refusal(hypervisor, launch("a", qemu, { image: "alpine" }))).toContain('has no images, wanted "alpine"');
  const from = { type: "migration", listenAddress: "127.0.0.1" } as const;
  expect(await refusal(hypervisor, launch("a", qemu, { from }))).toContain("they boot");
  expect(await refusal(hypervisor, launch("a", { hypervisor: "alioth", balloon: true }))).toContain(
    "microvm.balloon: alioth cannot have a balloon",
  );
  expect(await refusal(open(), launch("a", { hypervisor: "firecracker" }, { ports: [port] }))).toContain(
    "firecracker cannot publish ports of the guest",
  );
  expect(existsSync(join(stateDir, "vms/a"))).toBe(false);
});

test("a configuration that Nix refuses is a start that failed to build, with its line", async () => {
  const module = "{ ... }: { microvm.preStart = nobody; }";
  expect(await refusal(open(), launch("wrong", { hypervisor: "qemu", module }))).toBe(
    'build-failed: Cannot start instance "i-wrong" of VM "wrong": module.nix:1: undefined variable \'nobody\'',
  );
  expect(readFileSync(join(stateDir, "ended/i-wrong/console.log"), "utf8")).toBe(
    "[blixard] evaluating\n[blixard] module.nix:1: undefined variable 'nobody'\n",
  );
});
