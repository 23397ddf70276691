/** Commands, files, freezing and the console of one real microVM, shared by all cases; the last of them ends it. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { copyFolderIn, copyFolderOut } from "../../cli/guest-files/copy-folder.ts";
import type { OpenInGuest } from "../../cli/guest-files/run-in-guest.ts";
import type { InstanceEvent, StreamEnd, StreamRequest } from "../../runtime/index.ts";
import { type GuardedHypervisor, nodeClock } from "../../runtime/node/index.ts";
import { AgentLink } from "../../runtime/node/agent/agent-link.ts";
import { cleanUp } from "../contract/guarded-harness.ts";
import { openDriver } from "../contract/open-driver.ts";
import { StreamRecorder } from "../runtime/node/agent/stream-recorder.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });
const instance = "i-agent";
let stateDir: string;
let imagesDir: string;
let hypervisor: GuardedHypervisor;
const events: InstanceEvent[] = [];

beforeAll(async () => {
  ({ imagesDir } = await testImage());
  stateDir = await mkdtemp(join(tmpdir(), "blixard-agent-"));
  hypervisor = openDriver({ driver: "qemu", stateDir, imagesDir });
  await boot();
});

async function boot(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    hypervisor.onEvent((event) => {
      events.push(event);
      if (event.type === "booted") resolve();
    });
    hypervisor.start(
      {
        instance,
        vm: "agent",
        node: "n1",
        vcpus: 1,
        memoryMiB: 128,
        image: "base",
        command: ["sh", "-c", "while :; do sleep 1000; done"],
        env: { GREETING: "from the spec" },
        files: [],
        ports: [],
        leaseUntilMs: nodeClock.monotonicMs() + 600_000,
      },
      (result) => result.ok || reject(new Error(result.message)),
    );
  });
}

afterAll(async () => {
  hypervisor?.close();
  await cleanUp(stateDir);
  await rm(stateDir, { recursive: true, force: true });
});

type Without<Type> = Type extends unknown ? Omit<Type, "instance"> : never;

function open(request: Without<StreamRequest>, input?: Buffer): StreamRecorder {
  const whole = { ...request, instance } as StreamRequest;
  return new StreamRecorder().open((listener) => hypervisor.verbs.openStream(whole, listener), input);
}

async function run(
  command: readonly string[],
  more: {
    readonly input?: Buffer;
    readonly env?: Record<string, string>;
    readonly folder?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<{ end: StreamEnd; out: string; err: string; bytes: Buffer }> {
  const { input = Buffer.alloc(0), env = {}, ...rest } = more;
  const recorder = open({ type: "exec", command, env, ...rest }, input);
  const end = await recorder.ended;
  return { end, out: recorder.out, err: recorder.err, bytes: Buffer.concat(recorder.chunks.out) };
}

const exited = (code: number): StreamEnd => ({ ok: true, type: "exited", code });

test("exec carries a MiB of binary through a command and back", async () => {
  const input = randomBytes(1024 * 1024);
  const { end, bytes } = await run(["cat"], { input });
  expect(end).toEqual(exited(0));
  expect(bytes.equals(input)).toBe(true);
});

test("exec keeps output and errors apart, in the environment of the service and the folder that was asked for", async () => {
  const script = 'echo "$GREETING, $WHO, $BLIXARD_VM, $PWD"; echo trouble >&2; exit 7';
  const { end, out, err } = await run(["sh", "-c", script], { env: { WHO: "you" }, folder: "/tmp" });
  expect({ end, out, err }).toEqual({ end: exited(7), out: "from the spec, you, agent, /tmp\n", err: "trouble\n" });
});

test("exec says what ended a command, and why one cannot run", async () => {
  expect((await run(["sh", "-c", "kill -9 $$"])).end).toEqual({ ok: true, type: "killed", signal: 9 });
  expect((await run(["no-such-program"])).end).toEqual({
    ok: false,
    code: "not-found",
    message: `Cannot run a command in instance "${instance}": the guest says: cannot run the command: no such file or folder`,
  });
  expect((await run(["true"], { folder: "/nowhere" })).end).toMatchObject({ ok: false, code: "not-found" });
  expect((await run(["x".repeat(30_000)])).end).toMatchObject({
    ok: false,
    message: expect.stringContaining("at most 20000"),
  });
});

test("a command ends by signal, by time-out and by cancel, and what it started with it", async () => {
  const sleeper = open({ type: "exec", command: ["sh", "-c", "echo up; sleep 987 & wait"], env: {} });
  await sleeper.see(/up/);
  sleeper.stream?.signal(15);
  expect(await sleeper.ended).toEqual({ ok: true, type: "killed", signal: 15 });
  expect((await run(["sh", "-c", "trap '' TERM; while :; do sleep 986; done"], { timeoutMs: 200 })).end).toMatchObject({
    ok: false,
    code: "timed-out",
  });
  const left = open({ type: "exec", command: ["sh", "-c", "echo up; sleep 985"], env: {} });
  await left.see(/up/);
  left.stream?.cancel();
  expect(await left.ended).toMatchObject({ ok: false, code: "cancelled" });
  expect((await run(["sh", "-c", "sleep 0.2; ps | grep 'sleep 98[567]' | grep -v grep"])).out).toBe("");
});

test("exec with a terminal has its size, and Ctrl-C", async () => {
  const shell = open({ type: "exec", command: ["sh"], env: {}, terminal: { columns: 100, rows: 30 } });
  const type = (text: string): void => shell.stream?.send(Buffer.from(text));
  type("stty size\n");
  await shell.see(/30 100/);
  shell.stream?.resize({ columns: 132, rows: 43 });
  type("stty size; cat\n");
  await shell.see(/43 132/);
  type("echoed\n");
  // Once by the terminal and once by the command, which runs then.
  await shell.see(/echoed\s+echoed/);
  type("\u0003");
  // A shell forgets what was typed ahead of an interrupt.
  await shell.see(/\^C[^]*# /);
  type("echo back-$((20+3))\n");
  await shell.see(/back-23/);
  type("exit 4\n");
  expect(await shell.ended).toEqual(exited(4));
});

test("a command that floods waits for its reader, and holds up nobody", async () => {
  const flood = open({ type: "exec", command: ["yes"], env: {} });
  const taken = (): number => flood.chunks.out.reduce((sum, chunk) => sum + chunk.length, 0);
  const stream = flood.stream!;
  // It reads no more.
  flood.stream = undefined;
  const { end, out } = await run(["echo", "still there"]);
  expect({ end, out }).toEqual({ end: exited(0), out: "still there\n" });
  expect(taken()).toBeLessThanOrEqual(262_144);
  stream.cancel();
  await flood.ended;
});

test("files go in and out, with mode and content, in place of what was there", async () => {
  const content = randomBytes(3_000_001);
  const put = open({ type: "put", path: "/root/data.bin", mode: "0751", sizeBytes: content.length }, content);
  expect(await put.ended).toEqual({ ok: true, type: "done" });
  expect((await run(["stat", "-c", "%a %s", "/root/data.bin"])).out).toBe("751 3000001\n");
  const get = open({ type: "get", path: "/root/data.bin" });
  expect(await get.ended).toEqual({ ok: true, type: "done" });
  expect(get.file).toEqual({ sizeBytes: content.length, mode: "0751" });
  expect(Buffer.concat(get.chunks.out).equals(content)).toBe(true);
  const small = open({ type: "put", path: "/root/data.bin", mode: "0600", sizeBytes: 3 }, Buffer.from("new"));
  await small.ended;
  expect((await run(["cat", "/root/data.bin"])).out).toBe("new");
  expect((await run(["ls", "-A", "/root"])).out).toBe("data.bin\n");
});

test("files that cannot be are refused by name, and nothing of them stays", async () => {
  expect(await open({ type: "get", path: "/nowhere/x" }).ended).toMatchObject({ ok: false, code: "not-found" });
  expect(await open({ type: "get", path: "/etc" }).ended).toMatchObject({
    message: expect.stringContaining("it is a folder"),
  });
  expect(await open({ type: "get", path: "etc" }).ended).toMatchObject({
    message: expect.stringContaining("no absolute path"),
  });
  const version = open({ type: "get", path: "/proc/version" });
  expect(await version.ended).toMatchObject({ ok: true });
  expect(version.out).toContain("Linux version");
  const large = open({ type: "put", path: "/tmp/large", mode: "644", sizeBytes: 2_000_000_000 }, Buffer.alloc(10));
  expect(await large.ended).toMatchObject({
    ok: false,
    code: "no-space",
    message: expect.stringContaining("disk is full"),
  });
  const half = open({ type: "put", path: "/tmp/half", mode: "644", sizeBytes: 100 }, Buffer.alloc(10));
  expect(await half.ended).toMatchObject({ ok: false, code: "damaged" });
  expect((await run(["ls", "-A", "/tmp"])).out).toBe("");
});

test("folders go in and out by the guest's own tar, with modes and links", async () => {
  const folder = await mkdtemp(join(tmpdir(), "blixard-folders-"));
  const openIn: OpenInGuest = async (opening, listener) =>
    hypervisor.verbs.openStream({ ...opening, instance }, listener);
  const { signal } = new AbortController();
  try {
    await mkdir(join(folder, "site", "sub"), { recursive: true });
    const far = `${"far".repeat(40)}.bin`;
    await writeFile(join(folder, "site", "sub", far), randomBytes(300_000), { mode: 0o750 });
    await symlink(`sub/${far}`, join(folder, "site", "link"));
    const place = { vm: "agent", path: "/root/there" };
    expect(await copyFolderIn(openIn, join(folder, "site"), place, signal)).toBe(
      "vm/agent:/root/there written, 1 file, 293.0 KiB",
    );
    const { out } = await run(["sh", "-c", "cd /root/there && ls -ld link sub/* | cut -c1-10; wc -c <link"]);
    expect(out).toBe("lrwxrwxrwx\n-rwxr-x---\n300000\n");
    await copyFolderOut(openIn, place, join(folder, "back"), signal);
    for (const name of [`sub/${far}`, "link"]) {
      const came = await readFile(join(folder, "back", name));
      expect(came.equals(await readFile(join(folder, "site", name))), name).toBe(true);
    }
    expect((await lstat(join(folder, "back", "link"))).isSymbolicLink()).toBe(true);
    expect((await lstat(join(folder, "back", "sub", far))).mode & 0o777).toBe(0o750);
    await expect(copyFolderIn(openIn, folder, { vm: "agent", path: "/none/there" }, signal)).rejects.toThrow(
      `Cannot copy "${folder}" to vm/agent:/none/there: the guest's tar failed: `,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a full disk of the guest ends neither its agent nor other commands", async () => {
  const { end, err } = await run(["sh", "-c", "dd if=/dev/zero of=/tmp/fill bs=1M; code=$?; rm /tmp/fill; exit $code"]);
  expect({ end, err }).toEqual({ end: exited(1), err: expect.stringContaining("No space left") });
});

test("the console takes keys, shows what is written, and is kept as a log meanwhile", async () => {
  const console = open({ type: "console", access: "write", who: "anna", terminal: { columns: 91, rows: 27 } });
  console.stream?.send(Buffer.from("\n"));
  await console.see(/# /);
  console.stream?.send(Buffer.from("stty size; echo seen-$((40+2))\n"));
  await console.see(/seen-42/);
  expect(console.out).toContain("27 91");
  // Who leaves the shell finds another one behind the next Enter, and none before.
  console.stream?.send(Buffer.from("exit\n"));
  while (/-sh/.test((await run(["ps"])).out)) continue;
  await run(["sleep", "0.2"]);
  expect((await run(["ps"])).out).not.toContain("-sh");
  console.stream?.send(Buffer.from("\n"));
  await console.see(/exit[^]*# /);
  const second = open({ type: "console", access: "write", who: "ben" });
  expect(await second.ended).toMatchObject({ ok: false, message: expect.stringContaining("anna writes there") });
  const taker = open({ type: "console", access: "take", who: "cleo" });
  await console.see(/\[blixard\] cleo has taken over/);
  taker.stream?.send(Buffer.from("echo by-$((1+1))\n"));
  await console.see(/by-2/);
  console.stream?.cancel();
  taker.stream?.cancel();
  expect(await console.ended).toMatchObject({ ok: false, code: "cancelled" });
  const lines = await new Promise<string[]>((resolve) => {
    const found: string[] = [];
    hypervisor.readLogs({
      instance,
      tail: 100,
      follow: false,
      onLine: (line) => found.push(line),
      onEnd: () => resolve(found),
    });
  });
  expect(lines.join("\n")).toContain("seen-42");
});

test("a console that is flooded holds up neither the guest nor its agent, and a slow reader is told what it missed", async () => {
  const slow = open({ type: "console", access: "read", who: "slow" });
  const stream = slow.stream!;
  slow.stream = undefined;
  const { end } = await run(["sh", "-c", "dd if=/dev/zero bs=1k count=300 2>/dev/null | tr '\\0' 'x' >/dev/ttyS0"]);
  expect(end).toEqual(exited(0));
  stream.grant(262_144);
  await slow.see(/\[blixard\] \d+ bytes were left out here/);
  stream.cancel();
});

test("a guest that stands still is given up on in time, and goes on afterwards", async () => {
  const verb = async (name: "pause" | "resume"): Promise<unknown> =>
    new Promise((resolve) => hypervisor.verbs[name](instance, resolve));
  expect(await verb("pause")).toEqual({ ok: true });
  expect((await run(["true"], { timeoutMs: 100 })).end).toMatchObject({
    ok: false,
    code: "timed-out",
    message: expect.stringContaining("does not say that it ended"),
  });
  expect(await verb("resume")).toEqual({ ok: true });
  expect((await run(["echo", "back"])).out).toBe("back\n");
});

test("the next process of the node finds the agent, and nothing runs on that the one before had asked for", async () => {
  const left = open({ type: "exec", command: ["sleep", "984"], env: {} });
  await run(["true"]);
  hypervisor.close();
  expect(await left.ended).toMatchObject({ ok: false, code: "not-running" });
  const link = new AgentLink({
    path: join(stateDir, "instances", instance, "vm/agent.sock"),
    onBooted: () => undefined,
    onBeat: () => undefined,
    onServiceExit: () => undefined,
  });
  try {
    const inGuest = async (script: string): Promise<string> => {
      const request = { type: "exec", instance, command: ["sh", "-c", script], env: {} } as const;
      const recorder = new StreamRecorder().open((listener) => link.openStream(request, listener), Buffer.alloc(0));
      expect(await recorder.ended).toMatchObject({ ok: true });
      return recorder.out + recorder.err;
    };
    expect(await inGuest("ps | grep 'sleep 98[4]'; true")).toBe("");
    await becomesSomebodyElse(link, inGuest);
    await freezesItsDisk(link, inGuest);
  } finally {
    link.close();
    await link.closed;
  }
  hypervisor = openDriver({ driver: "qemu", stateDir, imagesDir });
  hypervisor.onEvent((event) => events.push(event));
  const adopted = await new Promise((resolve) =>
    hypervisor.adopt(instance, nodeClock.monotonicMs() + 600_000, resolve),
  );
  expect(adopted).toMatchObject({ ok: true });
  expect((await run(["hostname"])).out).toBe("clone\n");
});

type InGuest = (script: string) => Promise<string>;

async function becomesSomebodyElse(link: AgentLink, inGuest: InGuest): Promise<void> {
  const mac = "52:54:00:aa:bb:cc";
  await link.giveIdentity({
    machineId: "0123456789abcdef0123456789abcdef",
    hostName: "clone",
    macs: [{ interface: "eth0", address: mac }],
    entropy: randomBytes(64),
    wallMs: Date.UTC(2030, 0, 2, 3, 4, 5),
  });
  const said = await inGuest(
    "hostname; cat /etc/hostname /etc/machine-id /sys/class/net/eth0/address; date -u +%Y-%m-%dT%H:%M",
  );
  expect(said).toBe(`clone\nclone\n0123456789abcdef0123456789abcdef\n${mac}\n2030-01-02T03:04\n`);
  expect(await link.addresses()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ interface: "eth0", kind: "mac", address: mac }),
      expect.objectContaining({ interface: "eth0", kind: "ipv4", address: "10.0.2.15" }),
    ]),
  );
}

/** A file as a disk, for this guest has none: the module that makes it one comes out of the kernel's package. */
async function freezesItsDisk(link: AgentLink, inGuest: InGuest): Promise<void> {
  expect(await link.freeze(5)).toBe(0);
  expect(await link.thaw()).toBe(0);
  const module = await readFile(await moduleFile("loop.ko"));
  const put = { type: "put", instance, path: "/tmp/loop.ko", mode: "0644", sizeBytes: module.length } as const;
  expect(await new StreamRecorder().open((listener) => link.openStream(put, listener), module).ended).toMatchObject({
    ok: true,
  });
  const makeDisk =
    "cd /tmp && insmod loop.ko && dd if=/dev/zero of=disk bs=1M count=4 2>/dev/null && mke2fs -F disk >/dev/null";
  await inGuest(`${makeDisk} && mkdir -p /mnt && losetup /dev/loop0 disk && mount -t ext4 /dev/loop0 /mnt`);
  expect(await link.freeze(60)).toBe(1);
  const request = { type: "exec", instance, command: ["sh", "-c", "echo x >/mnt/x; echo written"], env: {} } as const;
  const writer = new StreamRecorder().open((listener) => link.openStream(request, listener), Buffer.alloc(0));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(writer.out).toBe("");
  expect(await link.thaw()).toBe(1);
  expect(await writer.ended).toMatchObject({ ok: true, code: 0 });
  // Whoever froze it and died: it thaws by itself.
  expect(await link.freeze(1)).toBe(1);
  expect(await inGuest("echo y >/mnt/y; cat /mnt/y; umount /mnt")).toBe("y\n");
  expect(await link.thaw()).toBe(0);
}

async function moduleFile(name: string): Promise<string> {
  const kernels = join(import.meta.dirname, "../../.cache/guest/kernels");
  const files = await readdir(kernels, { recursive: true });
  const { kernel } = JSON.parse(await readFile(join(imagesDir, "base/image.json"), "utf8")) as { kernel: string };
  return join(kernels, files.find((file) => file.startsWith(kernel) && file.endsWith(`/${name}`)) ?? name);
}

test("stop() still ends a guest whose agent is busy", async () => {
  const busy = open({ type: "exec", command: ["yes"], env: {} });
  const stopped = await new Promise((resolve) => hypervisor.stop(instance, 20_000, resolve));
  expect(stopped).toEqual({ ok: true, forced: false });
  expect(await busy.ended).toMatchObject({ ok: false, code: "not-running" });
  expect(await open({ type: "exec", command: ["true"], env: {} }).ended).toMatchObject({
    ok: false,
    code: "not-running",
  });
});

test("a guest that panics ends what is open in it, and its console says why", async () => {
  await boot();
  const asleep = open({ type: "exec", command: ["sleep", "983"], env: {} });
  const fatal = open({ type: "exec", command: ["sh", "-c", "echo c >/proc/sysrq-trigger"], env: {} });
  expect(await fatal.ended).toMatchObject({ ok: false, code: "not-running" });
  expect(await asleep.ended).toMatchObject({ ok: false, code: "not-running" });
  while (!events.some(({ type }) => type === "exited")) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(events.find(({ type }) => type === "exited")).toMatchObject({ reason: "crash" });
});
