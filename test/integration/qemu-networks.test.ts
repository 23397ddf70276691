/** A real microVM with two cards: one by QEMU's own network, one in a bridge of the host, in a network namespace that this test makes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { cleanUp } from "../contract/guarded-harness.ts";
import type { NetworksSeen, NetworksTask } from "./networks-host.ts";
import { testImage } from "./test-image.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const HOST = `bxt-host-${process.pid}`;
const OUTSIDE = `bxt-out-${process.pid}`;
const PORT = 18_080;
const IP = "ip";

const cannot = whyNot();
let stateDir: string;
let dhcp: ChildProcess | undefined;

/** Why this host makes no namespaces for us. */
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return "only root makes network namespaces";
  try {
    // A probe that leaves nothing.
    ip("netns", "add", `bxt-probe-${process.pid}`);
    ip("netns", "delete", `bxt-probe-${process.pid}`);
    return undefined;
  } catch (error) {
    return `no network namespaces here: ${(error as Error).message.split("\n").at(-1)}`;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync(IP, args, { stdio: "pipe" });
}

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), "blixard-networks-"));
  if (cannot !== undefined) return;
  for (const name of [HOST, OUTSIDE]) ip("netns", "add", name);
  ip("-n", HOST, "link", "set", "lo", "up");
  ip("-n", HOST, "link", "add", "br0", "type", "bridge");
  ip("-n", HOST, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", OUTSIDE);
  ip("-n", HOST, "link", "set", "veth0", "master", "br0", "up");
  ip("-n", HOST, "link", "set", "br0", "up");
  ip("-n", OUTSIDE, "addr", "add", "10.1.0.1/24", "dev", "veth1");
  ip("-n", OUTSIDE, "addr", "add", "10.2.0.1/24", "dev", "veth1");
  ip("-n", OUTSIDE, "link", "set", "veth1", "up");
  dhcp = serveLeases();
});

/** From 10.2.0.100 on; the guest image's own busybox has a server, too. */
function serveLeases(): ChildProcess {
  const file = join(stateDir, "udhcpd.conf");
  const leases = join(stateDir, "udhcpd.leases");
  const range = "start 10.2.0.100\nend 10.2.0.120\ninterface veth1\n";
  const options = "option subnet 255.255.255.0\noption router 10.2.0.1\noption dns 10.2.0.1\n";
  writeFileSync(file, `${range}${options}lease_file ${leases}\npidfile ${join(stateDir, "udhcpd.pid")}\n`);
  writeFileSync(leases, "");
  const server = ["busybox", "udhcpd", "-f", "-I", "10.2.0.1", "-a", "20", file];
  return spawn(IP, ["netns", "exec", OUTSIDE, ...server], { stdio: "ignore" });
}

afterAll(async () => {
  dhcp?.kill();
  await cleanUp(stateDir);
  if (cannot === undefined) for (const name of [HOST, OUTSIDE]) ip("netns", "delete", name);
});

test.skipIf(cannot !== undefined)(
  `a guest is reached through its bridge and through forwarded ports, it asks for the address of a card that has none, its clone is another, and no device is left${cannot === undefined ? "" : ` (${cannot})`}`,
  async () => {
    const { imagesDir } = await testImage();
    const task: NetworksTask = {
      choice: { driver: "qemu", stateDir, imagesDir, bridges: ["br0"] },
      bridge: "br0",
      fromOutside: ["ip", "netns", "exec", OUTSIDE],
      port: PORT,
    };
    const host = join(import.meta.dirname, "networks-host.ts");
    const args = ["netns", "exec", HOST, process.execPath, host, JSON.stringify(task)];
    const seen = JSON.parse(execFileSync(IP, args, { encoding: "utf8", timeout: 100_000 })) as NetworksSeen;
    const routes = (last: number): string[] => [
      "default via 10.1.0.1 dev lan ",
      "10.0.2.0/24 dev out scope link  src 10.0.2.15 ",
      `10.1.0.0/24 dev lan scope link  src 10.1.0.${last} `,
      // What the spec and the user-mode network give comes before what a server says.
      "nameserver 10.0.2.3",
      "",
    ];
    expect(seen.interfaces.split("\n")).toEqual([
      "lan 02:00:00:00:01:05 10.1.0.5/24",
      "out 02:00:00:00:00:01 10.0.2.15/24",
      ...routes(5),
    ]);
    const leases = [seen.leased, seen.clone.leased];
    for (const lease of leases) expect(lease).toMatch(/^10\.2\.0\.1[0-2]\d\/24\n$/);
    // The clone asked by its own card's address, and took nothing of the other's.
    expect(new Set(leases).size).toBe(2);
    expect([seen.forwarded, seen.bridged]).toEqual(["a page", "a page"]);
    const devicesOf = (instance: string): unknown =>
      ["asked", "lan"].map((card) => ({ alias: `blixard:${instance}:${card}`, bridge: "br0" }));
    expect(seen.devices).toEqual(devicesOf("i-own"));
    expect(seen.refused).toContain('network "lan": this node offers no bridge "br9", it offers br0');
    expect(seen.clone.interfaces.split("\n")).toEqual([
      "lan 02:00:00:00:01:06 10.1.0.6/24",
      "out 02:00:00:00:00:02 10.0.2.15/24",
      ...routes(6),
    ]);
    expect(seen.clone.ipv6).toBe("fe80::ff:fe00:106/64\n");
    // Never from the address of the guest that it was cloned from.
    expect([seen.clone.bridged, seen.clone.heard]).toEqual(["a page", "02:00:00:00:01:06"]);
    expect(seen.own).toBe("a page");
    const cloned = devicesOf("i-clone");
    expect([seen.stopped, seen.left, seen.swept]).toEqual([cloned, cloned, []]);
  },
);
