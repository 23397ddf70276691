import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliError } from "../../cli/cli-error.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { readNodeConfig, type NodeFlags } from "../../cli/node-config.ts";

const TOKEN = "0123456789abcdef";
const FLAGS: NodeFlags = { name: "n1", dataDir: "/data" };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "blixard-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The message of the usage error that it throws. */
function refusal(flags: NodeFlags, env: Readonly<Record<string, string>> = { BLIXARD_TOKEN: TOKEN }): string {
  try {
    readNodeConfig(flags, env);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.usage) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

test("readNodeConfig() fills in the defaults", () => {
  expect(readNodeConfig(FLAGS, { BLIXARD_TOKEN: TOKEN })).toEqual({
    name: "n1",
    clusterId: "default",
    token: TOKEN,
    vmUsers: "auto",
    ceph: { conf: "/etc/ceph/ceph.conf", user: "admin" },
    dataDir: "/data",
    listen: { host: "127.0.0.1", port: 7101 },
    api: { host: "127.0.0.1", port: 7201 },
    peers: {},
    join: [],
    driver: "auto",
    address: "127.0.0.1",
    bridges: [],
    labels: {},
    insecureMigration: false,
    standbys: { count: 4, each: 2 },
    preferences: { priority: 0, leaseReads: false },
    logLevel: "info",
  });
});

test("readNodeConfig() takes the environment, and a flag before it", () => {
  const env = { BLIXARD_TOKEN: TOKEN, BLIXARD_DRIVER: "qemu", BLIXARD_LISTEN: "[::1]:9", BLIXARD_MEMORY_MIB: "512" };
  const config = readNodeConfig({ ...FLAGS, driver: "process" }, env);
  expect(config).toMatchObject({ driver: "process", listen: { host: "::1", port: 9 }, memoryMiB: 512 });
});

test("readNodeConfig() wants the settings of Nix for the driver that needs them", () => {
  expect(refusal({ ...FLAGS, driver: "microvm-nix" })).toContain("--nix");
  const config = readNodeConfig({ ...FLAGS, driver: "microvm-nix", nix: "/etc/nix.yaml" }, { BLIXARD_TOKEN: TOKEN });
  expect(config).toMatchObject({ driver: "microvm-nix", nixFile: "/etc/nix.yaml" });
});

test("readNodeConfig() leaves this node out of its peers", () => {
  const peers = "n1=127.0.0.1:7101, n2=127.0.0.1:7102,n3=127.0.0.1:7103";
  const config = readNodeConfig(
    { ...FLAGS, peers, labels: "zone=a,disk=", bridges: "br0, br1,br0" },
    { BLIXARD_TOKEN: TOKEN },
  );
  expect(config.peers).toEqual({ n2: "127.0.0.1:7102", n3: "127.0.0.1:7103" });
  expect(config.labels).toEqual({ zone: "a", disk: "" });
  expect(config.bridges).toEqual(["br0", "br1"]);
});

test("readNodeConfig() names every wrong setting at once, as it was given", () => {
  const message = refusal({ name: "Node_1", api: "7201", vcpus: "0", logLevel: "loud" }, { BLIXARD_DRIVER: "kvm" });
  expect(message.split("\n  - ").slice(1)).toEqual([
    '--name is "Node_1", expected lower-case letters, digits and dashes, at most 63',
    '--vcpus is "0", expected a whole number from 1',
    "BLIXARD_TOKEN is missing: the secret that all nodes share; only as a variable or in a file",
    "--data (or BLIXARD_DATA) is missing: folder of the node's log and instances",
    '--api is "7201", expected HOST:PORT',
    'BLIXARD_DRIVER is "kvm", expected auto, qemu, microvm-nix, process',
    '--log-level is "loud", expected debug, info, warn, error',
  ]);
});

test("readNodeConfig() reads which users VMs run as, and refuses numbers that no user can have", () => {
  const vmUsers = (given: string): unknown =>
    readNodeConfig({ ...FLAGS, vmUsers: given }, { BLIXARD_TOKEN: TOKEN }).vmUsers;
  expect(["off", "100000:1000"].map(vmUsers)).toEqual(["off", { first: 100_000, count: 1000 }]);
  for (const wrong of ["0:5", "1000", "root"]) {
    expect(refusal({ ...FLAGS, vmUsers: wrong }, { BLIXARD_TOKEN: TOKEN })).toContain(
      `--vm-users is "${wrong}", expected FIRST:COUNT`,
    );
  }
});

test("readNodeConfig() reads how many standbys there may be, and refuses more for one checkpoint than there are", () => {
  const standbys = (given: string): unknown =>
    readNodeConfig({ ...FLAGS, standbys: given }, { BLIXARD_TOKEN: TOKEN }).standbys;
  expect(["0", "1", "8:4"].map(standbys)).toEqual([
    { count: 0, each: 0 },
    { count: 1, each: 1 },
    { count: 8, each: 4 },
  ]);
  for (const wrong of ["2:3", "65", "4:0", "some"]) {
    expect(refusal({ ...FLAGS, standbys: wrong }, { BLIXARD_TOKEN: TOKEN })).toContain(
      `--standbys is "${wrong}", expected COUNT or COUNT:EACH`,
    );
  }
});

test("readNodeConfig() reads what VMs may do to the disk, which takes a control group", () => {
  const given = { ...FLAGS, cgroup: "/cg", vmIo: "write=20MiB,reads=100" };
  const { vmIo } = readNodeConfig(given, { BLIXARD_TOKEN: TOKEN });
  expect(vmIo).toEqual({ writeBytes: 20 * 2 ** 20, reads: 100 });
  const wrong = refusal({ ...FLAGS, vmIo: "fast" }, { BLIXARD_TOKEN: TOKEN });
  expect(wrong).toContain('--vm-io is "fast", expected such as read=50MiB');
  expect(wrong).toContain("--cgroup is missing: only a control group holds VMs to --vm-io");
});

test("readNodeConfig() refuses peers that cannot be meant", () => {
  expect(refusal({ ...FLAGS, peers: "n2" })).toContain('--peers is "n2", expected NAME=HOST:PORT,…');
  expect(refusal({ ...FLAGS, peers: "n2=a:1,n2=b:1" })).toContain('--peers names "n2" twice');
  expect(refusal({ ...FLAGS, peers: "n2=a:1,n3=a:1" })).toContain('gives "n2" and "n3" the same address, a:1');
  expect(refusal({ ...FLAGS, peers: "n2=a:0" })).toContain('--peers is "n2=a:0", expected NAME=HOST:PORT');
});

test("readNodeConfig() refuses one address for two listeners", () => {
  expect(refusal({ ...FLAGS, listen: "127.0.0.1:1", api: "127.0.0.1:1" })).toContain("which is also --listen");
});

test("readNodeConfig() reads who had better lead and whether to keep leases, as flags and as variables", () => {
  expect(
    readNodeConfig({ ...FLAGS, priority: "-10", leaseReads: "true" }, { BLIXARD_TOKEN: TOKEN }).preferences,
  ).toEqual({
    priority: -10,
    leaseReads: true,
  });
  const env = { BLIXARD_TOKEN: TOKEN, BLIXARD_PRIORITY: "3", BLIXARD_LEASE_READS: "true" };
  expect(readNodeConfig(FLAGS, env).preferences).toEqual({ priority: 3, leaseReads: true });
  for (const wrong of ["11", "-11", "1.5", "high", "0x1"]) {
    expect(refusal({ ...FLAGS, priority: wrong }, { BLIXARD_TOKEN: TOKEN }), wrong).toContain(
      `--priority is "${wrong}", expected a whole number from -10 to 10`,
    );
  }
  expect(refusal({ ...FLAGS }, { ...env, BLIXARD_LEASE_READS: "yes" })).toContain(
    'BLIXARD_LEASE_READS is "yes", expected false, true',
  );
});

test("readNodeConfig() reads the token from a file and refuses a short one", () => {
  const file = join(folder, "token");
  writeFileSync(file, `${TOKEN}\n`);
  expect(readNodeConfig({ ...FLAGS, tokenFile: file }, {}).token).toBe(TOKEN);
  writeFileSync(file, "short");
  expect(refusal({ ...FLAGS, tokenFile: file }, {})).toContain("--token-file holds 5 characters, expected 16 or more");
  expect(refusal({ ...FLAGS, tokenFile: join(folder, "none") }, {})).toMatch(/--token-file: cannot read ".*none"/);
});

test("readNodeConfig() reads whom to ask for the members, with or without the scheme", () => {
  const asked = "10.0.0.1:7201, http://n2:7201,[::1]:7201";
  expect(readNodeConfig({ ...FLAGS, join: asked }, { BLIXARD_TOKEN: TOKEN }).join).toEqual([
    { host: "10.0.0.1", port: 7201 },
    { host: "n2", port: 7201 },
    { host: "::1", port: 7201 },
  ]);
  for (const wrong of ["10.0.0.1", "n1=10.0.0.1:7201", "10.0.0.1:0", "10.0.0.1:99999"]) {
    expect(() => readNodeConfig({ ...FLAGS, join: wrong }, { BLIXARD_TOKEN: TOKEN }), wrong).toThrow(
      `--join is "${wrong}", expected HOST:PORT of a node's --api`,
    );
  }
});
