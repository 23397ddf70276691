/** Which driver a node starts with, where it cannot: what is missing, and what would help. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseDriver } from "../../cli/node/choose-driver.ts";
import { readNodeConfig } from "../../cli/node-config.ts";
import type { HypervisorCapabilities } from "../../runtime/index.ts";
import { nodeClock } from "../../runtime/node/index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-driver-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Chosen {
  readonly driver: string;
  readonly capabilities: HypervisorCapabilities;
  readonly said: readonly string[];
}

async function choose(nix: object, more: object = {}): Promise<Chosen> {
  const file = join(folder, "nix.json");
  writeFileSync(file, JSON.stringify({ inputs: { nixpkgs: "path:/n", microvm: "path:/m" }, ...nix }));
  const flags = { name: "n1", dataDir: folder, driver: "microvm-nix", nix: file, ...more };
  const said: string[] = [];
  const log = (_: string, message: string, fields?: object): number =>
    said.push(`${message} ${JSON.stringify(fields)}`);
  const config = readNodeConfig(flags, { BLIXARD_TOKEN: "0123456789abcdef" });
  const hypervisor = await chooseDriver(config, { clock: nodeClock, logger: { log } });
  const { driver, capabilities } = hypervisor;
  hypervisor.close();
  return { driver, capabilities, said };
}

test("chooseDriver() without Nix says what to install", async () => {
  await expect(choose({ nix: "/no/such/nix" })).rejects.toMatchObject({
    message: 'Cannot start node "n1" with the driver "microvm-nix": there is no /no/such/nix',
    hint: expect.stringContaining("nix-bin"),
  });
});

test("chooseDriver() believes the operator's word of KVM, and without one emulates and says why", async () => {
  const nix = "/bin/true";
  expect(await choose({ nix, kvm: true })).toMatchObject({
    driver: "microvm-nix",
    // Without `build` the cluster would ask nothing of its guests, not even to pause.
    capabilities: { accelerated: true, build: { cpu: "host" } },
  });
  const unproven = await choose({ nix });
  expect(unproven.capabilities.accelerated).toBe(false);
  expect(Object.keys(unproven.capabilities.lacks).toSorted()).toEqual(["checkpoint", "console", "migrate", "networks"]);
  expect(unproven.said.join()).toContain("give --images");
});

test("chooseDriver() says whose VMs run as, and refuses users that they cannot have", async () => {
  const nix = "/bin/true";
  expect((await choose({ nix })).said.join()).toContain(
    "VMs run as this node's own user: the scripts of their runners",
  );
  if (process.geteuid?.() === 0) {
    expect((await choose({ nix }, { vmUsers: "300000000:10" })).said.join()).toContain(
      "Each VM runs as a user of its own",
    );
  }
  const plain = { driver: "process", vmUsers: "300000000:10" };
  // Where root may give rights away, the folder of `mkdtemp` keeps everybody else out of the files of their commands.
  await expect(choose({}, plain)).rejects.toMatchObject({
    message: expect.stringMatching(/with --vm-users: (this node runs as user|users of VMs cannot come to)/),
  });
  const off = await choose({}, { ...plain, vmUsers: "off" });
  expect(off.said.join()).toContain(`VMs run as this node's own user: --vm-users is "off"`);
});

test("chooseDriver() refuses bridges that are none, and a driver that attaches no cards to any", async () => {
  const start = async (flags: object): Promise<unknown> => {
    const config = readNodeConfig({ name: "n1", dataDir: folder, ...flags }, { BLIXARD_TOKEN: "0123456789abcdef" });
    return chooseDriver(config, { clock: nodeClock, logger: { log: () => undefined } });
  };
  await expect(start({ driver: "process", bridges: "br0" })).rejects.toMatchObject({
    message: 'Cannot start node "n1" with --bridges: the driver "process" attaches no cards to bridges',
    hint: expect.stringContaining("--driver qemu"),
  });
  const qemu = { driver: "qemu", imagesDir: folder };
  await expect(start({ ...qemu, bridges: "no-such-bridge" })).rejects.toMatchObject({
    message: 'Cannot start node "n1" with --bridges: there is no "no-such-bridge" on this host',
    hint: expect.stringContaining("ip link add no-such-bridge type bridge"),
  });
  await expect(start({ ...qemu, bridges: "lo" })).rejects.toMatchObject({
    message: 'Cannot start node "n1" with --bridges: "lo" is no bridge on this host',
  });
});
