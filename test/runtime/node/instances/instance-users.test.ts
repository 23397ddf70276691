/** Users of their own for instances: which, whether they can be had, and what they keep processes from. What they do for QEMU: test/integration/qemu-users.test.ts. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { InstanceLaunch, Logger, StartResult, StopResult } from "../../../../runtime/index.ts";
import {
  createProcessHypervisor,
  type GuardedHypervisor,
  InstanceUsers,
  InstanceUsersError,
  nodeClock,
  parseUserRange,
  VM_USERS,
} from "../../../../runtime/node/index.ts";
import { InstanceStore } from "../../../../runtime/node/instances/instance-store.ts";

const logger: Logger = { log: () => undefined };
const IS_ROOT = process.geteuid?.() === 0;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "blixard-users-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("parseUserRange() takes FIRST:COUNT, and neither root nor numbers that no user can have", () => {
  expect(parseUserRange("300000000:1000")).toEqual({ first: 300_000_000, count: 1000 });
  expect(parseUserRange(`${VM_USERS.first}:${VM_USERS.count}`)).toEqual(VM_USERS);
  for (const text of ["0:10", "5", "5:0", "-1:3", "4294967290:10", "a:b", "1:2:3"]) {
    expect(parseUserRange(text)).toBeUndefined();
  }
});

test("pick() gives an instance the same user each time, another one where that is taken, and refuses when all are", () => {
  const users = new InstanceUsers({ first: 1000, count: 3 }, "/state");
  const first = users.pick("web-1", new Set());
  expect(users.pick("web-1", new Set())).toBe(first);
  const second = users.pick("web-1", new Set([first]));
  const third = users.pick("web-1", new Set([first, second]));
  expect([first, second, third].toSorted((a, b) => a - b)).toEqual([1000, 1001, 1002]);
  expect(() => users.pick("web-1", new Set([1000, 1001, 1002]))).toThrow(
    "all 3 users of --vm-users 1000:3 have an instance",
  );
});

test("open() refuses a range by name: this host's own users, and a node that is not root", async () => {
  const refused = InstanceUsers.open({ first: 1, count: 1000 }, folder());
  await expect(refused).rejects.toThrow(InstanceUsersError);
  await expect(refused).rejects.toThrow(
    IS_ROOT ? /^\d+ is the user "\w+": choose numbers that nobody has/ : /only root gives rights away/,
  );
  if (IS_ROOT) expect((await InstanceUsers.open(VM_USERS, folder())).range).toEqual(VM_USERS);
});

interface World {
  readonly stateDir: string;
  readonly hypervisor: GuardedHypervisor;
  start(instance: string, script: string): Promise<number>;
  /** What the instance said, once it said it. */
  said(instance: string, words: RegExp): Promise<string>;
}

function world(): World {
  const stateDir = folder();
  const users = new InstanceUsers(VM_USERS, stateDir);
  const hypervisor = createProcessHypervisor({ stateDir, users, clock: nodeClock, logger });
  // The worst that a user could have made of it.
  for (const path of [stateDir, join(stateDir, "instances")]) chmodSync(path, 0o755);
  const started: string[] = [];
  onTestFinished(async () => {
    for (const instance of started) await new Promise((done) => hypervisor.stop(instance, 0, done));
    hypervisor.close();
  });
  return {
    stateDir,
    hypervisor,
    start: async (instance, script) => {
      started.push(instance);
      const result = await new Promise<StartResult>((done) => hypervisor.start(launch(instance, script), done));
      expect(result).toMatchObject({ ok: true });
      return result.ok ? result.pid : 0;
    },
    said: async (instance, words) => {
      const log = join(stateDir, "instances", instance, "console.log");
      await until(() => words.test(readFileSync(log, "utf8")));
      return readFileSync(log, "utf8");
    },
  };
}

test.runIf(IS_ROOT)(
  "an instance can neither read another one's folder nor change what the node keeps of itself",
  async () => {
    const { stateDir, start, said } = world();
    await start("web", 'echo mine >"$BLIXARD_ROOT/secret"; echo kept >vm/secret; echo ready; sleep 60');
    await said("web", /ready/);
    const theirs = join(stateDir, "instances/web");
    const attempts = [
      `cat ${theirs}/root/secret`,
      `cat ${theirs}/vm/secret`,
      `cat ../web/console.log`,
      `ls ${theirs}`,
      // Its own folder: what the guard goes by, and what root reads and writes there.
      "mv guard old",
      "echo 0 >guard/lease",
      "cat instance.json",
      "mv console.log vm/",
      "ln -s /etc/shadow console.log.1.new",
      `kill -9 ${readFileSync(join(theirs, "guard/child"), "latin1").split(" ")[0]}`,
      `kill -9 ${process.pid}`,
    ];
    const tries = attempts.map((attempt, at) => `(${attempt}) >/dev/null 2>&1 && echo "could ${at}"`).join("; ");
    await start(
      "spy",
      `id -u; cat "$BLIXARD_ROOT/etc/words"; echo own >vm/own; cat vm/own; ${tries}; echo done; sleep 60`,
    );
    const user = new InstanceStore(stateDir).record("spy")?.user;
    expect(user).toBeGreaterThanOrEqual(VM_USERS.first);
    expect(await said("spy", /done/)).toBe(`${user}\nwords of spy\nown\ndone\n`);
    expect(new InstanceStore(stateDir).record("web")?.user).not.toBe(user);
  },
);

test.runIf(IS_ROOT)(
  "what left its instance's group of processes ends with it, also for the next process of the node",
  async () => {
    const { stateDir, hypervisor, start, said } = world();
    await start("i", "setsid sleep 984 & sleep 0.05; echo left; sleep 60");
    await said("i", /left/);
    const user = new InstanceStore(stateDir).record("i")?.user ?? 0;
    expect(processesOf(user)).toBe(3);
    hypervisor.close();
    // Whose operator has other users in mind meanwhile, or none.
    const next = createProcessHypervisor({ stateDir, clock: nodeClock, logger });
    onTestFinished(() => next.close());
    const leaseUntilMs = nodeClock.monotonicMs() + 60_000;
    expect(await new Promise((done) => next.adopt("i", leaseUntilMs, done))).toMatchObject({ ok: true });
    expect(await new Promise<StopResult>((done) => next.stop("i", 1000, done))).toMatchObject({ ok: true });
    await until(() => processesOf(user) === 0);
  },
);

test.runIf(IS_ROOT)(
  "letThrough() opens a folder for passing only, and names the one that nobody can pass",
  async () => {
    const stateDir = folder();
    const users = new InstanceUsers(VM_USERS, stateDir);
    const path = join(stateDir, "instances");
    await expect(users.letThrough(path)).rejects.toThrow(`users of VMs cannot come to ${path}: "chmod o+x"`);
    chmodSync(stateDir, 0o711);
    await users.letThrough(path);
    expect(statSync(path).mode & 0o777).toBe(0o711);
  },
);

function processesOf(user: number): number {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "-o", "stat=", "-U", String(user)], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "" && !line.includes("Z")).length;
}

function launch(instance: string, script: string): InstanceLaunch {
  const files = [{ path: "/etc/words", content: `words of ${instance}\n`, mode: "0600" }];
  const guest = { vcpus: 1, memoryMiB: 64, image: "base", command: ["sh", "-c", script], env: {}, files, ports: [] };
  return { instance, vm: "web", node: "n1", ...guest, leaseUntilMs: nodeClock.monotonicMs() + 60_000 };
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}
