/** A real microVM with two cards: one by QEMU's own network, one in a bridge of the host, in a network namespace that this test makes. */
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
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
  ip("-n", OUTSIDE, "link", "set", "veth1", "up");
});

afterAll(async () => {
  await cleanUp(stateDir);
  if (cannot === undefined) for (const name of [HOST, OUTSIDE]) ip("netns", "delete", name);
});

test.skipIf(cannot !== undefined)(
  `a guest is reached through its bridge and through forwarded ports, its clone is another, and no device is left${cannot === undefined ? "" : ` (${cannot})`}`,
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
      "",
    ];
    expect(seen.interfaces.split("\n")).toEqual([
      "lan 02:00:00:00:01:05 10.1.0.5/24",
      "out 02:00:00:00:00:01 10.0.2.15/24",
      ...routes(5),
    ]);
    expect([seen.forwarded, seen.bridged]).toEqual(["a page", "a page"]);
    expect(seen.devices).toEqual([{ alias: "blixard:i-own:lan", bridge: "br0" }]);
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
    const cloned = [{ alias: "blixard:i-clone:lan", bridge: "br0" }];
    expect([seen.stopped, seen.left, seen.swept]).toEqual([cloned, cloned, []]);
  },
);
