/** `vm cp -r` with a guest whose tar is this host's: what comes back is what went, and what lies is refused. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeHead, padding, type TarEntry } from "../../../cli/guest-files/tar-header.ts";
import type { StreamListener } from "../../../runtime/index.ts";
import { FakeCluster, vmNamed } from "../fake-cluster.ts";
import { runCommandLine, type Ran } from "../run-command-line.ts";

const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
const TARS: readonly (readonly string[])[] = [
  ["tar"],
  ["tar", "--format=posix"],
  ...(BUSYBOX ? [[BUSYBOX, "tar"]] : []),
];

let cluster: FakeCluster;
let folder: string;
/** What stands in for the guest's tar, and what it was called with. */
let tar: readonly string[];
let calls: (readonly string[])[];
/** The signals that ended it. */
let ended: (string | null)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-cp-r-"));
  [tar = []] = TARS;
  calls = [];
  ended = [];
  cluster = new FakeCluster();
  cluster.put(vmNamed("web"));
  cluster.openStream = (_, opening, listener) => {
    if (opening.type === "exec") return runHere(opening.command, listener);
    const message = "the guest says: cannot read it: it is a folder";
    setImmediate(() => listener.onEnd({ ok: false, code: "failed", message }));
    return { send() {}, finish() {}, grant() {}, resize() {}, signal() {}, cancel() {} };
  };
});

afterEach(async () => rm(folder, { recursive: true, force: true }));

function runHere([program = "", ...words]: readonly string[], listener: StreamListener) {
  calls.push([program, ...words]);
  const [first = "", ...rest] = program === "tar" ? tar : [program];
  // A posix archive is only asked for where one is made.
  const options = rest.filter((word) => !word.startsWith("--") || words[0] === "-c");
  const child = spawn(first, [...options, ...words]);
  child.stdout.on("data", (bytes: Buffer) => listener.onOutput("out", bytes));
  child.stderr.on("data", (bytes: Buffer) => listener.onOutput("err", bytes));
  child.stdin.on("error", () => undefined);
  child.on("error", () =>
    listener.onEnd({ ok: false, code: "not-found", message: "the guest says: cannot run the command: no such file" }),
  );
  child.on("close", (_, signal) => ended.push(signal));
  child.on("close", (code) => code !== null && code >= 0 && listener.onEnd({ ok: true, type: "exited", code }));
  return {
    send: (bytes: Uint8Array) => void child.stdin.write(bytes, () => listener.onGrant(bytes.length)),
    finish: () => void child.stdin.end(),
    grant() {},
    resize() {},
    signal() {},
    cancel: () => void child.kill("SIGKILL"),
  };
}

async function blixard(...args: readonly string[]): Promise<Ran> {
  return runCommandLine(["vm", "cp", "-r", ...args], { cluster, cwd: folder });
}

const LONG = `${"long".repeat(30)}/${"name".repeat(40)}.txt`;

async function plant(root: string): Promise<void> {
  await mkdir(join(root, "sub", "empty"), { recursive: true });
  await mkdir(join(root, "ünï"), { recursive: true });
  await mkdir(join(root, LONG, ".."), { recursive: true });
  await writeFile(join(root, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(root, "sub", "secret"), "x".repeat(100_000), { mode: 0o640 });
  await writeFile(join(root, "sub", "none"), "");
  await writeFile(join(root, "ünï", "cödé"), "ü");
  await writeFile(join(root, LONG), "far");
  await link(join(root, "sub", "secret"), join(root, "sub", "same"));
  await symlink("../run.sh", join(root, "sub", "up"));
  await symlink("nowhere", join(root, "dangling"));
  await utimes(join(root, "run.sh"), 1_000_000_000, 1_000_000_000);
  await chmod(join(root, "sub", "empty"), 0o550);
}

/** Path, mode, and content, target or times of all that is in a folder. */
async function contents(root: string): Promise<readonly string[]> {
  const names = (await readdir(root, { recursive: true })).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const found = await lstat(join(root, name));
      const what = found.isSymbolicLink()
        ? `-> ${await readlink(join(root, name))}`
        : `${(found.mode & 0o777).toString(8)} ${found.isFile() ? `${Math.floor(found.mtimeMs / 1000)} ${await readFile(join(root, name), "utf8")}` : ""}`;
      return `${name} ${what}`;
    }),
  );
}

test.each(TARS.map((words) => [words.join(" "), words] as const))(
  "vm cp -r goes there and back whole, by %s",
  async (_, words) => {
    tar = words;
    await plant(join(folder, "site"));
    await mkdir(join(folder, "guest"));
    await mkdir(join(folder, "back"));
    const files = "6 files, 195.3 KiB";
    const there = await blixard("site", `web:${folder}/guest/`);
    expect(there).toEqual({ exitCode: 0, out: `vm/web:${folder}/guest/site written, ${files}\n`, err: "" });
    expect(calls).toEqual([["tar", "-x", "-p", "-f", "-", "-C", `${folder}/guest`]]);
    const wanted = await contents(join(folder, "site"));
    expect(wanted).toHaveLength(12);
    expect(await contents(join(folder, "guest", "site"))).toEqual(wanted);
    const back = await blixard(`web:${folder}/guest/site/`, "back");
    expect(back).toMatchObject({
      exitCode: 0,
      err: "",
      out: expect.stringContaining(`${folder}/back/site written, 6 files`),
    });
    expect(await contents(join(folder, "back", "site"))).toEqual(wanted);
    expect(await readdir(join(folder, "back"))).toEqual(["site"]);
  },
);

test("vm cp -r merges into what is there, replaces links themselves, and no folder by a file", async () => {
  await mkdir(join(folder, "guest", "sub"), { recursive: true });
  await writeFile(join(folder, "guest", "sub", "new"), "new");
  await writeFile(join(folder, "guest", "target"), "replaced");
  await mkdir(join(folder, "local", "sub"), { recursive: true });
  await writeFile(join(folder, "local", "sub", "old"), "old");
  await writeFile(join(folder, "outside"), "untouched");
  await symlink("../outside", join(folder, "local", "target"));
  await mkdir(join(folder, "guest", "made"), { mode: 0o750 });
  // Into a folder that is there it goes under its own name.
  await mkdir(join(folder, "into"));
  await symlink("../local", join(folder, "into", "guest"));
  expect(await blixard(`web:${folder}/guest`, "into")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining(
      `Cannot copy to "${folder}/into/guest": it is a file, and a folder of that name comes.`,
    ),
  });
  await rm(join(folder, "into", "guest"));
  await mkdir(join(folder, "into", "guest"));
  spawnSync("cp", ["-a", `${folder}/local/.`, `${folder}/into/guest`]);
  expect((await blixard(`web:${folder}/guest`, "into")).exitCode).toBe(0);
  expect(await readFile(join(folder, "outside"), "utf8")).toBe("untouched");
  expect(await readFile(join(folder, "into", "guest", "target"), "utf8")).toBe("replaced");
  expect(await readdir(join(folder, "into", "guest", "sub"))).toEqual(["new", "old"]);
  expect((await lstat(join(folder, "into", "guest", "made"))).mode & 0o777).toBe(0o750);
});

describe("what a guest sends", () => {
  const file = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
    ...{ kind: "file", path, mode: 0o644, sizeBytes: 0, mtimeS: 0, target: "" },
    ...more,
  });
  const end = Buffer.alloc(1024);

  /** The guest's tar prints this, whatever it is asked. */
  async function archive(...parts: readonly (TarEntry | Buffer | string)[]): Promise<Ran> {
    const bytes = parts.map((part) =>
      typeof part === "string" || Buffer.isBuffer(part) ? Buffer.from(part) : encodeHead(part),
    );
    await writeFile(join(folder, "archive"), Buffer.concat(bytes));
    tar = ["sh", "-c", `cat ${folder}/archive`];
    return blixard("web:/srv/site", "site");
  }

  test.each<readonly [string, readonly (TarEntry | Buffer | string)[], string]>([
    ["a path upwards", [file("../escaped"), end], '"../escaped" in it would leave the folder'],
    ["a path upwards further down", [file("./a/../../escaped"), end], "would leave the folder"],
    ["a path from the root", [file("/tmp/escaped"), end], '"/tmp/escaped" in it would leave the folder'],
    [
      "a link and a file through it",
      [file("a", { kind: "symlink", target: "b" }), file("a/escaped"), end],
      '"a" in it comes twice',
    ],
    [
      "a link to the root",
      [file("a", { kind: "symlink", target: "/etc" }), end],
      'the link "a" in it leads out of the folder, to "/etc"',
    ],
    ["a link upwards", [file("d/a", { kind: "symlink", target: "../../x" }), end], "leads out of the folder"],
    [
      "a link that goes up behind another",
      [file("d/a", { kind: "symlink", target: ".." }), file("b", { kind: "symlink", target: "d/a/../x" }), end],
      "leads out of the folder",
    ],
    [
      "a hard link outwards",
      [file("a", { kind: "hardlink", target: "../../etc/passwd" }), end],
      "would leave the folder",
    ],
    [
      "a hard link to nothing",
      [file("a", { kind: "hardlink", target: "etc/passwd" }), end],
      "a link to what is not there",
    ],
    ["a file twice", [file("a"), file("./a"), end], '"a" in it comes twice'],
    ["words in place of an archive", ["Not an archive. ".repeat(64)], "what comes is no archive of tar"],
    ["half an archive", [file("a", { sizeBytes: 600 }), Buffer.alloc(512)], "it broke off"],
    ["an archive without its end", [file("a")], "it broke off"],
    ["nothing", [], "it broke off"],
  ])("%s is refused by name, and nothing is kept", async (_, parts, words) => {
    const { exitCode, err } = await archive(...parts);
    expect([exitCode, err]).toEqual([1, expect.stringContaining(words)]);
    expect(err).toContain("Cannot copy vm/web:/srv/site: ");
    expect(await readdir(folder)).toEqual(["archive"]);
  });

  test("a device is refused; set-user-id does not come along; links within may stay", async () => {
    const device = encodeHead(file("null"));
    const sum = device.subarray(0, 512).reduce((all, byte) => all + byte, 0);
    // Another type, and so another sum: "3" is three more than "0".
    device.write("3", 156);
    const old = Number.parseInt(device.toString("latin1", 148, 154), 8);
    device.write((old + 3).toString(8).padStart(6, "0"), 148);
    expect(sum).toBeGreaterThan(0);
    expect((await archive(device, end)).err).toContain('"null" in it is a device');
    const content = Buffer.from("hello");
    const links = [
      file("d/up", { kind: "symlink", target: "../su" }),
      file("same", { kind: "hardlink", target: "./su" }),
    ];
    const ran = await archive(
      ...[file(".", { kind: "folder", mode: 0o711 }), file("su", { mode: 0o4755, sizeBytes: 5 }), content, padding(5)],
      ...[...links, end, "what follows the end is no matter"],
    );
    expect(ran).toMatchObject({ exitCode: 0, out: `${folder}/site written, 2 files, 5 B\n` });
    expect((await lstat(join(folder, "site"))).mode & 0o7777).toBe(0o711);
    expect((await lstat(join(folder, "site", "su"))).mode & 0o7777).toBe(0o755);
    expect(await readFile(join(folder, "site", "d", "up"), "utf8")).toBe("hello");
  });
});

test("vm cp -r says what the guest's tar says, and when there is none", async () => {
  await mkdir(join(folder, "site"));
  await writeFile(join(folder, "site", "file"), "x".repeat(2_000_000));
  const missing = await blixard("site", `web:${folder}/none/here`);
  expect(missing.exitCode).toBe(1);
  expect(missing.err).toContain(`Cannot copy "${folder}/site" to vm/web:${folder}/none/here: the guest's tar failed: `);
  expect(missing.err).toContain("No such file or directory");
  tar = ["/no/such/tar"];
  expect(await blixard("site", `web:${folder}/guest`)).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining('the guest has no "tar", which folders travel by.\nSingle files'),
  });
  expect(await blixard("web:/srv/site", "out")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining('no "tar"'),
  });
  expect(await blixard("web:/", "out")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("all of the guest"),
  });
  spawnSync("mkfifo", [join(folder, "site", "pipe")]);
  expect(await blixard("site", `web:${folder}/guest`)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining(`Cannot copy "${folder}/site/pipe": it is neither file, folder nor link.`),
  });
  expect(await readdir(folder)).toEqual(["site"]);
});

test("vm cp -r that is interrupted keeps nothing, and ends the guest's tar", async () => {
  const abort = new AbortController();
  tar = ["sh", "-c", "head -c 1000000 /dev/zero; exec sleep 60"];
  setTimeout(() => abort.abort(), 20);
  const ran = await runCommandLine(["vm", "cp", "-r", "web:/srv/site", "site"], {
    ...{ cluster, cwd: folder, interrupt: abort.signal },
  });
  expect(ran).toMatchObject({ exitCode: 130, err: expect.stringContaining("it was interrupted") });
  expect(await readdir(folder)).toEqual([]);
  await expect.poll(() => ended).toEqual(["SIGKILL"]);
});
