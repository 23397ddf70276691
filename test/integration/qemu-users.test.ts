/** What the user of a real QEMU may do, and what another VM's user may not: tried as these users, in folders that the worst of hosts left open. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type GuardedHypervisor, VM_USERS } from "../../runtime/node/index.ts";
import { InstanceStore } from "../../runtime/node/instances/instance-store.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { Driver } from "../contract/hypervisor-suite.ts";
import { idleLaunch } from "../contract/idle-launch.ts";
import { openDriver } from "../contract/open-driver.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const IS_ROOT = process.geteuid?.() === 0;
const SETPRIV = "setpriv";
const VM = "i-vm";
let stateDir: string;
let folder: string;
let hypervisor: GuardedHypervisor;
let pid: number;
let user: number;

beforeAll(async () => {
  const { imagesDir } = await testImage();
  stateDir = mkdtempSync(join(tmpdir(), "blixard-users-"));
  folder = join(stateDir, "instances", VM);
  hypervisor = openDriver({ driver: "qemu", stateDir, imagesDir });
  const driver = new Driver(hypervisor);
  const ports = [{ name: "low", guestPort: 80, hostAddress: "127.0.0.1", hostPort: 987 }];
  const disks = [{ name: "data", sizeMiB: 1, readOnly: false }];
  const result = await driver.start(idleLaunch(VM, { ports, disks }));
  if (!result.ok) throw new Error(result.message);
  ({ pid } = result);
  user = new InstanceStore(stateDir).record(VM)?.user ?? 0;
  await driver.event("booted", VM);
});

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(stateDir);
});

test.runIf(IS_ROOT)(
  "QEMU runs as a user of its own, in its sandbox, with no right but to listen on its low port",
  () => {
    expect(user).toBeGreaterThanOrEqual(VM_USERS.first);
    const status = Object.fromEntries(
      readFileSync(`/proc/${pid}/status`, "latin1")
        .split("\n")
        .map((line) => line.split(":\t") as [string, string]),
    );
    const ids = [user, user, user, user].join("\t");
    expect(status).toMatchObject({ Uid: ids, Gid: ids, NoNewPrivs: "1", Seccomp: "2" });
    // CAP_NET_BIND_SERVICE, bit 10.
    expect(status["CapPrm"]).toBe("0000000000000400");
    expect(status["Groups"]?.trim()).toBe("");
  },
);

test.runIf(IS_ROOT)(
  "another VM's user reads and changes nothing of it, and neither does its own what the node keeps",
  () => {
    for (const path of ["", "instances", "disks", `disks/${VM}`, "checkpoints"]) {
      chmodSync(join(stateDir, path), 0o755);
    }
    // A guest with disks has none; this is how the memory of one stands there that was restored from.
    mkdirSync(join(stateDir, "checkpoints/c1"), { mode: 0o700 });
    writeFileSync(join(stateDir, "checkpoints/c1/memory"), "pages");
    chmodSync(join(stateDir, "checkpoints/c1/memory"), 0o666);
    const other = join(stateDir, "instances", "i-spy");
    new InstanceStore(stateDir).create({
      ...{ format: 1, driver: "qemu", instance: "i-spy", vm: "spy", ports: [], startedAt: 0, user: user + 1 },
    });
    const at = (path: string): string => `${folder}/${path}`;
    const theirs = [
      "instance.json",
      "machine.json",
      "console.log",
      "vmm.log",
      "vm/qmp.sock",
      "vm/agent.sock",
      "guard/lease",
    ];
    const outside = [`${stateDir}/disks/${VM}/data`, `${stateDir}/checkpoints/c1/memory`];
    // All of it is there.
    for (const path of [...theirs.map(at), ...outside]) statSync(path);
    const denied = [
      ...[...theirs.map(at), ...outside, `/proc/${pid}/mem`, `/proc/${pid}/environ`].map((path) => `[ -r ${path} ]`),
      ...[...theirs.map(at), ...outside].map((path) => `[ -w ${path} ]`),
      ...[`ls ${folder}`, `ls ../${VM}`, `ls ${at("vm")}`, `ls /proc/${pid}/fd`, `kill -0 ${pid}`],
    ];
    expect(possible(user + 1, other, ["touch vm/own", "[ -r vm/own ]"])).toEqual(["touch vm/own", "[ -r vm/own ]"]);
    expect(possible(user + 1, other, denied)).toEqual([]);
    const kept = ["instance.json", "machine.json", "guard/lease"];
    const own = [
      ...kept.flatMap((name) => [`[ -r ${name} ]`, `[ -w ${name} ]`]),
      ...["mv guard vm/", "mv vm old", "rm console.log", "touch new", "ls .", ...outside.map((path) => `cat ${path}`)],
    ];
    expect(possible(user, folder, [...own, "[ -S vm/qmp.sock ]"])).toEqual(["[ -S vm/qmp.sock ]"]);
  },
);

/** Which of these commands that user could carry out there, with nothing but its number. */
function possible(as: number, cwd: string, commands: readonly string[]): readonly string[] {
  const rights = ["--reuid", String(as), "--regid", String(as), "--clear-groups"];
  const script = commands.map((command, at) => `(${command}) >/dev/null 2>&1 && echo ${at}`).join("\n");
  const { stdout, stderr } = spawnSync(SETPRIV, [...rights, "sh", "-c", `${script}\necho end`], {
    cwd,
    encoding: "utf8",
  });
  const [end, ...done] = stdout.trim().split("\n").toReversed();
  expect([end, stderr]).toEqual(["end", ""]);
  return done.toReversed().map((at) => commands[Number(at)] ?? "");
}
