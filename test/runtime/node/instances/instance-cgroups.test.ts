/** Control groups of instances: by a folder that looks like one, and, where this host lets it, by the kernel. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { findGuardTools, type GuardedCommand, readGuard, startGuard } from "../../../../runtime/node/guard/guard.ts";
import { uptimeHundredths } from "../../../../runtime/node/guard/host-uptime.ts";
import { CgroupError, InstanceCgroups } from "../../../../runtime/node/instances/instance-cgroups.ts";
import { diskUnder, ioMaxLine, parseIoLimits } from "../../../../runtime/node/instances/io-limits.ts";

const COMMAND = { argv: ["sleep", "60"], env: { PATH: "/usr/bin:/bin" }, output: "console.log" } as const;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const run of undo.splice(0)) run();
});

/** A plain folder with the files that a delegated one has. */
function folder(controllers = "cpuset cpu io memory pids\n"): string {
  const path = mkdtempSync(join(tmpdir(), "blixard-cgroup-"));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  writeFileSync(join(path, "cgroup.controllers"), controllers);
  // A plain folder keeps its files when the kernel would drop them with the group.
  mkdirSync(join(path, "blixard-busy"));
  writeFileSync(join(path, "blixard-busy", "cgroup.procs"), "1\n");
  return path;
}

test("a folder without the controllers, or that is none, is refused by name", () => {
  expect(() => new InstanceCgroups(folder("cpu pids\n"))).toThrow('it has no controller "memory"');
  expect(() => new InstanceCgroups(folder("hugetlb\n"))).toThrow('no controller "cpu" and "memory"');
  const nowhere = join(folder(), "nowhere");
  expect(() => new InstanceCgroups(nowhere)).toThrow(
    `the control group ${nowhere} cannot limit VMs: it is no control group`,
  );
  expect(() => new InstanceCgroups(nowhere)).toThrow(CgroupError);
});

test("enclose() writes limits of processors and memory, and has the command enter before it begins", () => {
  const path = folder();
  const trial = join(path, "blixard-trial");
  // The trial's own folder cannot go here, for it has files.
  expect(() => new InstanceCgroups(path)).toThrow("ENOTEMPTY");
  expect(readFileSync(join(path, "cgroup.subtree_control"), "utf8")).toBe("+cpu +memory");
  expect(readFileSync(join(trial, "cpu.max"), "utf8")).toBe("100000 100000");
  expect(readFileSync(join(trial, "memory.max"), "utf8")).toBe(String(1024 * 1024 * 1024));
});

test("with limits of disks the folder must have the controller io, and each group gets its line", () => {
  const limits = parseIoLimits("read=50MiB, writes=100") ?? {};
  const ioMax = ioMaxLine("8:0", limits);
  expect(() => new InstanceCgroups(folder("cpu memory\n"), { ioMax })).toThrow('it has no controller "io"');
  const path = folder();
  expect(() => new InstanceCgroups(path, { ioMax })).toThrow("ENOTEMPTY");
  expect(readFileSync(join(path, "cgroup.subtree_control"), "utf8")).toBe("+cpu +memory +io");
  expect(readFileSync(join(path, "blixard-trial/io.max"), "utf8")).toBe(
    "8:0 rbps=52428800 wbps=max riops=max wiops=100",
  );
});

test("parseIoLimits() refuses what could mean two things, and diskUnder() finds the whole disk of a partition", () => {
  for (const wrong of ["", "read=50", "reads=5MiB", "read=1MiB,read=2MiB", "read=0MiB", "bytes=1MiB", "read=1MB"]) {
    expect(parseIoLimits(wrong), wrong).toBeUndefined();
  }
  const { dev } = statSync(tmpdir());
  const devices = folder();
  expect(() => diskUnder(tmpdir(), devices)).toThrow("is on no disk of this host");
  const disk = join(devices, "sda");
  mkdirSync(join(disk, "sda1"), { recursive: true });
  for (const [path, number] of [
    ["sda/dev", "8:0\n"],
    ["sda/sda1/dev", "8:1\n"],
    ["sda/sda1/partition", "1\n"],
  ] as const) {
    writeFileSync(join(devices, path), number);
  }
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  symlinkSync(join(disk, "sda1"), join(devices, `${major}:${minor}`));
  expect(diskUnder(tmpdir(), devices)).toBe("8:0");
});

const ROOT = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((path) => existsSync(join(path, "cgroup.procs")));

function realFolder(): string | undefined {
  if (ROOT === undefined) return undefined;
  const path = join(ROOT, `blixard-test-${process.pid}`);
  try {
    mkdirSync(path);
  } catch {
    return undefined;
  }
  undo.push(() => rmdirSync(path));
  return path;
}

test("a command runs in its group from its first moment; what outlives it is ended, and empty groups are removed", async ({
  skip,
}) => {
  const path = realFolder();
  if (path === undefined) return skip("no control groups of version 2 that this user may make");
  mkdirSync(join(path, "blixard-left"));
  mkdirSync(join(path, "others"));
  undo.unshift(() => rmdirSync(join(path, "others")));
  const cgroups = new InstanceCgroups(path, { controllers: [] });
  expect(groupsOf(path)).toEqual(["others"]);

  expect(
    await runGuarded(cgroups.enclose("web-1", { ...COMMAND, argv: ["cat", "/proc/self/cgroup"] }, LIMITS)),
  ).toMatch(/^0::.*\/blixard-test-\d+\/blixard-web-1$/m);
  cgroups.release("web-1");
  expect(groupsOf(path)).toEqual(["others"]);

  // One that left its group of processes, so that no guard reaches it; its parent ends when that is so.
  const escaped = 'setsid sh -c "echo \\$\\$; exec sleep 60" & until [ -s console.log ]; do sleep 0.01; done';
  const argv = ["sh", "-c", escaped] as const;
  const pid = Number(await runGuarded(cgroups.enclose("web-2", { ...COMMAND, argv }, LIMITS)));
  cgroups.sweep();
  expect(groupsOf(path)).toEqual(["blixard-web-2", "others"]);
  cgroups.release("web-2");
  await until(() => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
  cgroups.sweep();
  await until(() => (cgroups.sweep(), groupsOf(path).length === 1));
});

/** Under a guard, to its end; what it said. */
async function runGuarded(command: GuardedCommand): Promise<string> {
  const instanceFolder = mkdtempSync(join(tmpdir(), "blixard-cgroup-"));
  undo.push(() => rmSync(instanceFolder, { recursive: true }));
  const deadline = uptimeHundredths() + 6000;
  await startGuard({ instanceFolder, command, deadline, tools: await findGuardTools() });
  await until(() => readGuard(instanceFolder).exit !== undefined);
  return readFileSync(join(instanceFolder, command.output), "utf8");
}

const LIMITS = { vcpus: 1, memoryMiB: 64 };

function groupsOf(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}
