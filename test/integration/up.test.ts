/** `blixard up` and `down` with real node processes; VMs as processes too, so that it is about the cluster, not about booting. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../cli/exit-codes.ts";
import type { ClusterRecord } from "../../cli/local-cluster/cluster-record.ts";
import { isRunning, type ProcessIdentity } from "../../runtime/node/guard/process-identity.ts";
import { BlixardHome, freePort, freePortBase, type RunningBlixard } from "./blixard-process.ts";

let home: BlixardHome;
let ports: string;
let manifests: string;
let started: RunningBlixard[];

beforeEach(async () => {
  home = new BlixardHome();
  ports = String(await freePortBase());
  manifests = join(home.folder, "manifests");
  started = [];
  mkdirSync(manifests);
  writeFileSync(join(manifests, "page.yaml"), pageManifest(await freePort()));
});

afterEach(async () => {
  await home.remove();
  for (const running of started) running.signal("SIGKILL");
});

function pageManifest(port: number): string {
  return `
apiVersion: blixard.dev/v1
kind: Vm
metadata: { name: page }
spec:
  command: [/bin/sh, -c, 'exec busybox httpd -f -p "$BLIXARD_PORT_80" -h "$BLIXARD_ROOT/www"']
  files: [{ path: /www/index.html, content: "<h1>here I am</h1>" }]
  ports: [{ name: http, guest: 80, host: ${port} }]
  health: { type: http, port: 80, intervalMs: 200 }
`;
}

function up(...args: readonly string[]): RunningBlixard {
  const running = home.start(["up", "--driver", "process", "--port-base", ports, ...args]);
  started.push(running);
  return running;
}

function record(): ClusterRecord {
  return JSON.parse(readFileSync(join(home.folder, "home", "cluster.json"), "utf8")) as ClusterRecord;
}

/** Nothing but logs is left in the state folder, and none of these processes lives. */
function expectNothingLeft(processes: readonly ProcessIdentity[]): void {
  expect(processes.filter(isRunning)).toEqual([]);
  expect(readdirSync(join(home.folder, "home"))).toEqual(["logs"]);
}

function processesOf({ nodes }: ClusterRecord): readonly ProcessIdentity[] {
  return nodes.map(({ process: identity }) => identity!);
}

test("up --check shows a page and a fail-over, and leaves nothing, twice in a row", async () => {
  for (const round of [1, 2]) {
    const { exitCode, out, err } = await up("--apply", manifests, "--check").ended;
    expect([round, exitCode], err).toEqual([round, EXIT.ok]);
    expect(err).toContain("vm/page created");
    expect(err).toMatch(/the page answers from n\d after \d+\.\d s/);
    expect(out).toMatch(/Check passed/);
    expect(out).toMatch(/fail-over +\d+\.\d s/);
    expectNothingLeft([]);
  }
});

test("up shows the cluster, follows events, refuses a second up, and stops everything on Ctrl-C", async () => {
  const running = up("--apply", manifests);
  await running.says("Events follow.");
  const processes = processesOf(record());
  expect(running.out).toMatch(/^n2 +Ready +process/m);
  expect(running.out).toMatch(/^page +Running +healthy/m);
  expect(running.out).toContain("vm/page serves http://127.0.0.1:");
  expect(
    running.out
      .split("Try, in another terminal:\n")[1]
      ?.split("\n")
      .slice(0, 5)
      .every((line) => line.startsWith("  ")),
  ).toBe(true);
  expect(statSync(join(home.folder, "home", "token")).mode & 0o777).toBe(0o600);
  const token = readFileSync(join(home.folder, "home", "token"), "utf8").trim();
  for (const { pid } of processes) expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain(token);

  const second = await up().ended;
  expect([second.exitCode, second.err]).toEqual([EXIT.conflict, expect.stringContaining("blixard down")]);

  expect((await home.run("vm", "stop", "page")).out).toBe("vm/page stopped\n");
  await running.says("Stopped vm/page");
  running.signal("SIGINT");
  expect((await running.ended).exitCode).toBe(EXIT.ok);
  expectNothingLeft(processes);
});

test("down ends the cluster of an up that runs", async () => {
  const running = up("--apply", manifests);
  await running.says("Events follow.");
  const processes = processesOf(record());
  expect((await home.run("down")).exitCode).toBe(EXIT.ok);
  expect((await running.ended).exitCode).toBe(EXIT.ok);
  expectNothingLeft(processes);
  expect((await home.run("down")).out).toContain("No cluster runs here");
});

test("up ends what an up that was killed has left, and starts anew", async () => {
  const killed = up("--apply", manifests);
  await killed.says("Events follow.");
  killed.signal("SIGKILL");
  await killed.ended;
  const before = processesOf(record());
  expect(before.every(isRunning)).toBe(true);

  const again = up("--apply", manifests, "--detach");
  expect((await again.ended).exitCode).toBe(EXIT.ok);
  expect(again.err).toContain("vm/page created");
  expect(before.filter(isRunning)).toEqual([]);
  expect(await up().ended).toMatchObject({ exitCode: EXIT.conflict, err: expect.stringContaining("one runs already") });
  const after = processesOf(record());
  expect((await home.run("down")).exitCode).toBe(EXIT.ok);
  expectNothingLeft(after);
});

test("up --data goes on where the cluster was stopped, with the VMs that ran", async () => {
  const data = join(home.folder, "data");
  expect((await up("--apply", manifests, "--data", data, "--detach").ended).exitCode).toBe(EXIT.ok);
  const uid = (await home.run("get", "vm", "page", "-o", "json")).out;
  expect((await home.run("down")).exitCode).toBe(EXIT.ok);

  const again = await up("--data", data, "--detach").ended;
  expect([again.exitCode, again.out], again.err).toEqual([EXIT.ok, expect.stringMatching(/^page +Running +healthy/m)]);
  const metadataOf = (text: string): unknown => (JSON.parse(text) as { metadata: { uid: string } }).metadata.uid;
  expect(metadataOf((await home.run("get", "vm", "page", "-o", "json")).out)).toBe(metadataOf(uid));
  expect((await home.run("down")).exitCode).toBe(EXIT.ok);
  expect(readdirSync(data)).toEqual(expect.arrayContaining(["n1", "n2", "n3"]));

  expect(await up("--data", data, "--nodes", "1").ended).toMatchObject({
    exitCode: EXIT.usage,
    err: expect.stringContaining("it belongs to a cluster of 3"),
  });
});

test("up that is interrupted while it starts stops what it has started", async () => {
  const running = up("--apply", manifests);
  await running.says("Starting 3 nodes");
  const processes = processesOf(record());
  running.signal("SIGINT");
  expect((await running.ended).exitCode).toBe(EXIT.ok);
  expectNothingLeft(processes);
});

test("up names the port that is taken, and starts nothing", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(Number(ports) + 102, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { exitCode, err } = await up().ended;
    expect(exitCode).toBe(EXIT.conflict);
    expect(err).toMatch(
      new RegExp(`Cannot start node "n2": 127\\.0\\.0\\.1:${port} is in use by ".*", process ${process.pid}`),
    );
    expect(existsSync(join(home.folder, "home", "cluster.json"))).toBe(false);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("up starts nothing when a manifest is wrong", async () => {
  writeFileSync(join(manifests, "wrong.yaml"), "kind: Vm\n");
  const { exitCode, err } = await up("--apply", manifests).ended;
  expect([exitCode, err]).toEqual([EXIT.usage, expect.stringMatching(/wrong\.yaml:\d+:\d+: /)]);
  expect(existsSync(join(home.folder, "home"))).toBe(false);
});

test("up says what is missing when QEMU is asked for and is not there", async () => {
  const running = home.start(["up", "--driver", "qemu", "--no-install", "--port-base", ports], {
    PATH: "/nonexistent",
  });
  const { exitCode, err } = await running.ended;
  expect(exitCode).toBe(EXIT.failed);
  expect(err).toContain("qemu-system-x86_64 is not installed");
  expect(err).toContain("--driver process");
});
