/**
 * Disks of RBD in real microVMs, in a Ceph of our own: two hosts, one image. What a guest keeps, who may open its image, and who is shut out of it.
 * Where Ceph is not installed it is skipped, with the reason in its name: docs/disks.md says which packages it takes.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { poll } from "../../cli/pause.ts";
import type { InstanceLaunch } from "../../runtime/index.ts";
import type { GuardedHypervisor } from "../../runtime/node/index.ts";
import { readGuard } from "../../runtime/node/guard/guard.ts";
import { InstanceStore } from "../../runtime/node/instances/instance-store.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { openDriver } from "../contract/open-driver.ts";
import { CephCluster, whyNoCeph } from "./ceph-cluster.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const cannot = await whyNoCeph();
const because = cannot === undefined ? "" : ` (skipped: ${cannot})`;

const DISK = "/dev/disk/by-id/virtio-data";
const WAIT_MS = 20_000;
let ceph: CephCluster;
let image: string;
let hosts: readonly Host[] = [];

interface Host {
  readonly stateDir: string;
  readonly hypervisor: GuardedHypervisor;
  readonly driver: Driver;
}

beforeAll(async () => {
  if (cannot !== undefined) return;
  const { imagesDir } = await testImage();
  ceph = await CephCluster.start();
  image = await ceph.image("store", 16);
  hosts = ["first", "second"].map((name) => {
    const stateDir = mkdtempSync(join(tmpdir(), `blixard-rbd-${name}-`));
    const hypervisor = openDriver({ driver: "qemu", stateDir, imagesDir, ceph: ceph.settings });
    return { stateDir, hypervisor, driver: new Driver(hypervisor) };
  });
});

afterAll(async () => {
  for (const { hypervisor, stateDir } of hosts) {
    hypervisor.close();
    await cleanUp(stateDir);
  }
  await ceph?.stop();
});

function host(at: number): Host {
  const found = hosts[at];
  if (found === undefined) throw new Error(`there is no host ${at}`);
  return found;
}

function launch(instance: string, vm = "store", more: Partial<InstanceLaunch> = {}): InstanceLaunch {
  const source = { type: "rbd", pool: ceph.pool, image: "store" } as const;
  return idleLaunch(instance, { vm, disks: [{ name: "data", source, readOnly: false }], ...more });
}

/** What the guest's shell answers, whether it could or not. */
async function said(at: number, instance: string, script: string): Promise<string> {
  const recorder = host(at).driver.run(instance, script);
  await recorder.ended;
  return recorder.out + recorder.err;
}

function words(text: string): string {
  return `printf '%s' '${text}' | dd of=${DISK} conv=notrunc,fsync 2>/dev/null && echo written || echo refused`;
}

function processOf(at: number, instance: string): { readonly guard: number; readonly qemu: number } {
  const { guard, child } = readGuard(join(host(at).stateDir, "instances", instance));
  return { guard: guard?.pid ?? 0, qemu: child?.pid ?? 0 };
}

test.skipIf(cannot !== undefined)(
  `a guest's QEMU opens its image as a user of its own, and finds no key once it has${because}`,
  async () => {
    const { driver, stateDir } = host(0);
    const { pid } = await driver.startAndBoot(launch("i-one"));
    expect(await said(0, "i-one", `blockdev --getsize64 ${DISK}; ${words("from the first host")}`)).toBe(
      "16777216\nwritten\n",
    );
    expect(await ceph.watchers(image)).toHaveLength(1);
    const folder = join(stateDir, "instances/i-one");
    expect(readdirSync(folder).filter((name) => name.startsWith("ceph"))).toEqual([]);
    const secret = readFileSync(join(ceph.settings.conf, "..", "ceph.client.blixard.keyring"), "utf8");
    const key = /key = (\S+)/.exec(secret)?.[1] ?? "no key";
    expect(readFileSync(`/proc/${pid}/cmdline`, "latin1")).not.toContain(key);
    const user = new InstanceStore(stateDir).record("i-one")?.user;
    if (process.geteuid?.() === 0) expect(user).toBeGreaterThan(0);
    if (user !== undefined) expect(readFileSync(`/proc/${pid}/status`, "latin1")).toContain(`Uid:\t${user}\t${user}\t`);
  },
);

test.skipIf(cannot !== undefined)(
  `start() refuses an image that another VM writes to, one that is not there, and leaves both alone${because}`,
  async () => {
    const { driver, stateDir } = host(1);
    const [client] = await ceph.watchers(image);
    expect(await driver.start(launch("i-thief", "thief"))).toEqual({
      ok: false,
      code: "failed",
      message: `Cannot start instance "i-thief" of VM "thief": disk "data": the image vms/store is in use by VM "tests/store", client ${client} of Ceph: end it first`,
    });
    const source = { type: "rbd", pool: ceph.pool, image: "nowhere" } as const;
    const disks = [{ name: "data", source, readOnly: true }];
    expect(await driver.start(launch("i-lost", "lost", { disks }))).toMatchObject({
      code: "image-missing",
      message: expect.stringMatching(/disk "data": "rbd status vms\/nowhere .*No such file or directory/),
    });
    expect(existsSync(join(stateDir, "instances/i-thief/vmm.log"))).toBe(false);
    expect(await ceph.watchers(image)).toEqual([client]);
    expect(await ceph.shutOut()).toEqual([]);
  },
);

test.skipIf(cannot !== undefined)(
  `a VM that starts elsewhere shuts out its guest of a host that sleeps, which finds that out when it wakes${because}`,
  async () => {
    const { guard, qemu } = processOf(0, "i-one");
    const [asleep = ""] = await ceph.watchers(image);
    for (const pid of [guard, qemu]) process.kill(pid, "SIGSTOP");
    await host(1).driver.startAndBoot(launch("i-two"));
    expect(await ceph.shutOut()).toContain(asleep);
    expect(await said(1, "i-two", `head -c 19 ${DISK}; echo; ${words("from the second one")}`)).toBe(
      "from the first host\nwritten\n",
    );
    // Its guard sleeps on: a host that wakes may have some moments of that.
    process.kill(qemu, "SIGCONT");
    expect(await said(0, "i-one", words("too late, in the dark"))).toBe("refused\n");
    process.kill(guard, "SIGCONT");
    await host(0).driver.stop("i-one", 0);
    expect(await said(1, "i-two", `echo 3 >/proc/sys/vm/drop_caches; head -c 19 ${DISK}`)).toBe("from the second one");
  },
);

test.skipIf(cannot !== undefined)(
  `a guest that moves takes its image along: whom it came from is shut out once it runs${because}`,
  async () => {
    const [from = ""] = await ceph.watchers(image);
    const [target, source] = [host(0), host(1)];
    const started = await target.driver.start(
      launch("i-two", "store", { from: { type: "migration", listenAddress: "127.0.0.1" } }),
    );
    if (!started.ok || started.incoming === undefined) throw new Error(JSON.stringify(started));
    expect(await ceph.shutOut()).not.toContain(from);
    const limits = { bandwidthBytesPerSecond: 1e9, downtimeMs: 200, autoConverge: false, timeoutMs: 30_000 };
    const request = { instance: "i-two", to: started.incoming, limits, onProgress: () => undefined };
    const moved = await source.driver.ask((done) => source.hypervisor.verbs.migrate(request, done));
    expect(moved).toMatchObject({ ok: true });
    await target.driver.event("arrived", "i-two");
    process.kill(processOf(1, "i-two").qemu, "SIGKILL");
    expect(await target.driver.resume("i-two")).toMatchObject({ ok: true });
    expect(await said(0, "i-two", `head -c 19 ${DISK}; echo; ${words("moved")}`)).toBe(
      "from the second one\nwritten\n",
    );
    expect(await ceph.shutOut()).toContain(from);
    const owner = async (): Promise<string> =>
      (await ceph.ask("rbd", "image-meta", "get", image, "blixard.owner")).trim();
    const now = (await ceph.watchers(image)).find((client) => client !== from);
    const isOwned = async () => ((await owner()) === `tests/store ${now}` ? true : undefined);
    expect(await poll(isOwned, { everyMs: 50, timeoutMs: WAIT_MS })).toBe(true);
  },
);
