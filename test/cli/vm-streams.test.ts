/** `vm exec`, `vm cp` and `vm console` against a guest that the test plays. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StreamOpening } from "../../api/index.ts";
import type { StreamEnd, StreamListener } from "../../runtime/index.ts";
import { FakeCluster, vmNamed } from "./fake-cluster.ts";
import { KeptBytes, KeptStream, type Ran, runCommandLine, type RunOptions } from "./run-command-line.ts";

interface Guest {
  readonly opening: StreamOpening;
  readonly listener: StreamListener;
  readonly calls: string[];
}

let cluster: FakeCluster;
let guests: Guest[];
/** What the guest does when a stream opens, and with each call. */
let play: (guest: Guest, call: string, bytes?: Uint8Array) => void;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blixard-cp-"));
  guests = [];
  cluster = new FakeCluster();
  cluster.put(vmNamed("web"));
  cluster.openStream = (_, opening, listener) => {
    const guest: Guest = { opening, listener, calls: [] };
    guests.push(guest);
    const call = (name: string, bytes?: Uint8Array): void => {
      guest.calls.push(name);
      setImmediate(() => play(guest, name, bytes));
    };
    call("open");
    return {
      send: (bytes) => call("send", bytes),
      finish: () => call("finish"),
      grant: () => undefined,
      resize: ({ columns, rows }) => call(`resize ${columns} ${rows}`),
      signal: () => undefined,
      cancel: () => call("cancel"),
    };
  };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function blixard(line: string, options: RunOptions = {}): Promise<Ran> {
  return runCommandLine(line.split(" "), { cluster, cwd: folder, ...options });
}

const endsWith =
  (end: StreamEnd) =>
  ({ listener }: Guest, call: string): void => {
    if (call === "finish") listener.onEnd(end);
  };

test("vm exec gives the command's output and its exit code, after the last of its output", async () => {
  play = ({ listener }, call) => {
    if (call !== "finish") return;
    listener.onOutput("out", Buffer.from("result\n"));
    listener.onOutput("err", Buffer.from("trouble\n"));
    listener.onEnd({ ok: true, type: "exited", code: 42 });
  };
  const ran = await blixard("vm exec web -e A=b=c -w /tmp --timeout 5s -- ls -l");
  expect(ran).toEqual({ exitCode: 42, out: "result\n", err: "trouble\n" });
  expect(guests[0]?.opening).toEqual({
    type: "exec",
    command: ["ls", "-l"],
    env: { A: "b=c" },
    folder: "/tmp",
    timeoutMs: 5_000,
  });
});

test.each<readonly [string, StreamEnd, number]>([
  ["was killed", { ok: true, type: "killed", signal: 9 }, 137],
  ["took too long", { ok: false, code: "timed-out", message: "its time was over" }, 124],
  [
    "is not there",
    { ok: false, code: "not-found", message: "the guest says: cannot run the command: no such file" },
    127,
  ],
  [
    "cannot run",
    { ok: false, code: "failed", message: "the guest says: cannot run the command: permission denied" },
    126,
  ],
  ["met no agent", { ok: false, code: "unsupported", message: "its agent speaks protocol 0" }, 125],
])("vm exec of a command that %s", async (_, end, code) => {
  play = endsWith(end);
  const { exitCode, err } = await blixard("vm exec web -- x");
  expect(exitCode).toBe(code);
  expect(err).toBe(end.ok ? "" : `Error: ${end.message}.\n`);
});

test("vm exec says by 125 that it was not the command that failed, and refuses what makes no sense", async () => {
  expect(await blixard("vm exec nobody -- x")).toMatchObject({ exitCode: 125, err: expect.stringContaining("nobody") });
  expect(await blixard("vm exec web -it -- sh")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("Leave out -t"),
  });
  expect(await blixard("vm exec web -w tmp -- sh")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("absolute path"),
  });
  expect(await blixard("vm exec web -e =x -- sh")).toMatchObject({ exitCode: 2 });
  expect(guests).toEqual([]);
});

test("vm exec -it makes the terminal raw, tells its size, passes keys on, and gives it back", async () => {
  const out = new KeptStream();
  const bytes = new KeptBytes(out, out, true);
  const keys: string[] = [];
  play = ({ listener }, call, sent) => {
    if (call === "open") bytes.input(Buffer.from("ls\u0003"));
    if (call !== "send") return;
    keys.push(Buffer.from(sent ?? []).toString());
    expect(bytes.isRaw).toBe(true);
    listener.onEnd({ ok: true, type: "exited", code: 0 });
  };
  expect((await blixard("vm exec web -it -- sh", { bytes })).exitCode).toBe(0);
  expect(keys).toEqual(["ls\u0003"]);
  expect(guests[0]?.opening).toMatchObject({ terminal: { columns: 90, rows: 30 } });
  expect(guests[0]?.calls).toContain("resize 90 30");
  expect([bytes.isRaw, bytes.released]).toEqual([false, true]);
});

test("vm exec that is interrupted cancels the command, and gives the terminal back", async () => {
  const abort = new AbortController();
  const out = new KeptStream();
  const bytes = new KeptBytes(out, out, true);
  play = (_, call) => call === "open" && abort.abort();
  expect((await blixard("vm exec web -it -- sh", { bytes, interrupt: abort.signal })).exitCode).toBe(130);
  expect(guests[0]?.calls).toContain("cancel");
  expect(bytes.released).toBe(true);
});

test("vm console passes every key but Ctrl-], which leaves it", async () => {
  const out = new KeptStream();
  const bytes = new KeptBytes(out, out, true);
  const keys: string[] = [];
  play = ({ listener }, call, sent) => {
    if (call === "open") {
      listener.onOutput("out", Buffer.from("login: "));
      bytes.input(Buffer.from("root\r\u0003"));
      setImmediate(() => bytes.input(Buffer.from("\u001D")));
    }
    if (call === "send") keys.push(Buffer.from(sent ?? []).toString());
  };
  const { exitCode, err } = await blixard("vm console web", { bytes });
  expect(exitCode).toBe(0);
  expect(err).toBe(
    "Attached to the console of vm/web: Ctrl-] leaves it; Enter for a prompt.\n\nLeft vm/web, which runs on.\n",
  );
  expect(keys).toEqual(["root\r\u0003"]);
  expect(out.text).toBe("login: ");
  expect(guests[0]?.opening).toEqual({
    type: "console",
    access: "write",
    who: "test@here",
    terminal: { columns: 90, rows: 30 },
  });
  expect(bytes.released).toBe(true);
});

test("vm console says who writes there, and what --read-only and --take ask for", async () => {
  play = ({ listener }) => listener.onEnd({ ok: false, code: "failed", message: "anna writes there: take over" });
  const refused = await blixard("vm console web");
  expect([refused.exitCode, refused.err.split("\n")[1]]).toEqual([1, "Error: anna writes there: take over."]);
  play = ({ listener }) => listener.onEnd({ ok: true, type: "done" });
  expect((await blixard("vm console web --read-only")).err).toContain("vm/web has ended.");
  await blixard("vm console web --take");
  expect(guests.map(({ opening }) => (opening.type === "console" ? opening.access : ""))).toEqual([
    "write",
    "read",
    "take",
  ]);
  expect((await blixard("vm console web --take --read-only")).exitCode).toBe(2);
});

test("vm cp sends a file with its mode, a folder's name completed by its own", async () => {
  await writeFile(join(folder, "site.conf"), "content", { mode: 0o640 });
  const sent: string[] = [];
  play = ({ listener }, call, bytes) => {
    if (call === "send") sent.push(Buffer.from(bytes ?? []).toString());
    if (call === "finish") listener.onEnd({ ok: true, type: "done" });
  };
  const { exitCode, out } = await blixard("vm cp site.conf web:/etc/");
  expect([exitCode, out]).toEqual([0, "vm/web:/etc/site.conf written, 7 B\n"]);
  expect(guests[0]?.opening).toEqual({ type: "put", path: "/etc/site.conf", mode: "0640", sizeBytes: 7 });
  expect(sent).toEqual(["content"]);
});

test("vm cp fetches a file beside its place and renames it; of one that breaks off nothing stays", async () => {
  play = ({ listener }, call) => {
    if (call !== "open") return;
    listener.onFile(5, "4751");
    listener.onOutput("out", Buffer.from("hel"));
    listener.onOutput("out", Buffer.from("lo"));
    listener.onEnd({ ok: true, type: "done" });
  };
  const { exitCode, out } = await blixard("vm cp web:/root/greeting .");
  expect([exitCode, out]).toEqual([0, `${join(folder, "greeting")} written, 5 B\n`]);
  expect(await readFile(join(folder, "greeting"), "utf8")).toBe("hello");
  expect((await stat(join(folder, "greeting"))).mode & 0o7777).toBe(0o751);
  play = ({ listener }, call) => {
    if (call !== "open") return;
    listener.onFile(9, "0644");
    listener.onOutput("out", Buffer.from("half"));
    listener.onEnd({ ok: true, type: "done" });
  };
  expect(await blixard("vm cp web:/root/other .")).toMatchObject({
    exitCode: 1,
    err: expect.stringContaining("4 of 9 bytes came"),
  });
  play = ({ listener }) => listener.onEnd({ ok: false, code: "not-found", message: "the guest says: no such file" });
  expect((await blixard("vm cp web:/root/none .")).exitCode).toBe(3);
  expect(await readdir(folder)).toEqual(["greeting"]);
});

test("vm cp refuses two local files, two VMs, folders and paths that are not absolute", async () => {
  expect(await blixard("vm cp a b")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("exactly one of them is a VM's"),
  });
  expect((await blixard("vm cp web:/a db:/b")).exitCode).toBe(2);
  expect(await blixard("vm cp . web:/a")).toMatchObject({ exitCode: 2, err: expect.stringContaining("-r") });
  expect(await blixard("vm cp web:a .")).toMatchObject({ exitCode: 2, err: expect.stringContaining("absolute path") });
  expect((await blixard("vm cp nothing web:/a")).exitCode).toBe(2);
  expect(guests).toEqual([]);
});
