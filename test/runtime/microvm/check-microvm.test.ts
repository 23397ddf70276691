/** Every cell of the hypervisor matrix, and every assertion of microvm.nix that plain fields can break. */
import { describe, expect, test } from "vitest";
import { checkMicrovm, type MicrovmSurroundings } from "../../../runtime/microvm/check-microvm.ts";
import { HYPERVISOR_MATRIX, type MicrovmFeature, VMM_NAMES } from "../../../runtime/microvm/hypervisor-matrix.ts";
import type {
  MicrovmConfig,
  MicrovmInterface,
  MicrovmShare,
  VmmName,
} from "../../../runtime/microvm/microvm-config.ts";

const AROUND: MicrovmSurroundings = { vcpus: 1, memoryMiB: 512, publishesPorts: false };
const TAP: MicrovmInterface = { type: "tap", id: "vm0", mac: "02:00:00:00:00:01" };
const SHARE: MicrovmShare = { tag: "src", source: "/srv", mountPoint: "/src", proto: "virtiofs" };

/** A config that wants the feature and nothing else that could be refused. */
const WISHES: Readonly<Record<MicrovmFeature, Partial<MicrovmConfig>>> = {
  "no-socket": { socket: false },
  balloon: { balloon: true },
  "initial-balloon": { initialBalloonMiB: 64 },
  hotplug: { hotplugMiB: 512 },
  hugepages: { hugepages: true },
  "share-9p": { shares: [{ ...SHARE, proto: "9p" }] },
  "share-9p-read-only": { shares: [{ ...SHARE, proto: "9p", readOnly: true }] },
  "share-virtiofs": { shares: [SHARE] },
  "interface-user": { interfaces: [{ ...TAP, type: "user" }] },
  "interface-tap": { interfaces: [TAP] },
  "interface-bridge": { interfaces: [{ ...TAP, type: "bridge", bridge: "br0" }] },
  "interface-macvtap": { interfaces: [{ ...TAP, type: "macvtap", link: "eth0", mode: "bridge" }] },
  "tap-vhost": { interfaces: [{ ...TAP, vhost: true }] },
  ports: {},
  vsock: { vsockCid: 3 },
  user: { user: "microvm" },
  credentials: { credentialFiles: { key: "/run/key" } },
  "device-pci": { devices: [{ bus: "pci", path: "0000:06:00.1" }] },
  "device-usb": { devices: [{ bus: "usb", path: "vendorid=0xabcd,productid=0x0123" }] },
  "volume-serial": { volumes: [{ image: "data.img", sizeMiB: 10, serial: "one" }] },
  "volume-direct": { volumes: [{ image: "data.img", sizeMiB: 10, direct: true }] },
  cpu: { cpu: "max" },
  machine: { machine: "q35" },
};

const FEATURES = Object.keys(HYPERVISOR_MATRIX) as MicrovmFeature[];

function reasons(hypervisor: VmmName, wish: Partial<MicrovmConfig>, around = AROUND): readonly string[] {
  return checkMicrovm({ hypervisor, ...wish }, around).map(({ path, why }) => `${path.join(".")}: ${why}`);
}

describe.each(VMM_NAMES)("checkMicrovm() for %s", (hypervisor) => {
  test.each(FEATURES)("decides %s as the matrix has it", (feature) => {
    const { words, support } = HYPERVISOR_MATRIX[feature];
    const around = { ...AROUND, publishesPorts: feature === "ports" };
    const machine = feature === "hotplug" && hypervisor === "qemu" ? { machine: "q35" } : {};
    const found = reasons(hypervisor, { ...WISHES[feature], ...machine }, around);
    if (support[hypervisor] === "yes") return expect(found).toEqual([]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${hypervisor} cannot ${words}`);
    for (const able of VMM_NAMES.filter((name) => support[name] === "yes")) expect(found[0]).toContain(able);
  });

  test("accepts a VM that asks for nothing", () => {
    expect(reasons(hypervisor, {})).toEqual([]);
  });
});

/** What people run into; from the documentation of each and its runner in microvm.nix. */
test.each<[VmmName, MicrovmFeature, boolean]>([
  ["firecracker", "share-virtiofs", false],
  ["firecracker", "share-9p", false],
  ["firecracker", "no-socket", false],
  ["firecracker", "balloon", false],
  ["firecracker", "interface-tap", true],
  ["firecracker", "vsock", true],
  ["cloud-hypervisor", "share-virtiofs", true],
  ["cloud-hypervisor", "share-9p", false],
  ["cloud-hypervisor", "interface-user", false],
  ["cloud-hypervisor", "hugepages", true],
  ["crosvm", "share-9p", false],
  ["kvmtool", "share-virtiofs", false],
  ["kvmtool", "share-9p", true],
  ["kvmtool", "interface-user", true],
  ["stratovirt", "vsock", false],
  ["alioth", "interface-macvtap", false],
  ["qemu", "ports", true],
  ["qemu", "hugepages", false],
])("%s and %s: %s", (hypervisor, feature, can) => {
  expect(HYPERVISOR_MATRIX[feature].support[hypervisor] === "yes").toBe(can);
});

test("the matrix has at least one hypervisor for every feature, and refuses in every column but QEMU's often", () => {
  for (const [feature, { support }] of Object.entries(HYPERVISOR_MATRIX)) {
    expect(Object.values(support), feature).toContain("yes");
  }
  const refused = VMM_NAMES.map(
    (name) => FEATURES.filter((feature) => HYPERVISOR_MATRIX[feature].support[name] !== "yes").length,
  );
  expect(Math.min(...refused.slice(1))).toBeGreaterThan(7);
});

describe("checkMicrovm() refuses", () => {
  const TWICE = "is that of";
  test.each<[string, Partial<MicrovmConfig>, string, string]>([
    ["a module beside a flake", { module: "{ }", flake: "path:/x#web" }, "flake", "one of both"],
    [
      "an interface's id of 16 characters",
      { interfaces: [{ ...TAP, id: "x".repeat(16) }] },
      "interfaces.0.id",
      "16 characters, Linux takes 15",
    ],
    [
      "an interface's id with a slash",
      { interfaces: [{ ...TAP, id: "a/b" }] },
      "interfaces.0.id",
      "cannot name an interface",
    ],
    [
      "a hardware address that is none",
      { interfaces: [{ ...TAP, mac: "zz" }] },
      "interfaces.0.mac",
      "no hardware address",
    ],
    [
      "a group's hardware address",
      { interfaces: [{ ...TAP, mac: "01:00:00:00:00:01" }] },
      "interfaces.0.mac",
      "first byte is odd",
    ],
    ["two interfaces of one id", { interfaces: [TAP, { ...TAP, mac: "02:00:00:00:00:02" }] }, "interfaces.1.id", TWICE],
    ["two interfaces of one address", { interfaces: [TAP, { ...TAP, id: "vm1" }] }, "interfaces.1.mac", TWICE],
    ["a bridge without a name", { interfaces: [{ ...TAP, type: "bridge" }] }, "interfaces.0.bridge", "has to be named"],
    ["a tap with a bridge", { interfaces: [{ ...TAP, bridge: "br0" }] }, "interfaces.0.bridge", "joins no bridge"],
    [
      "a macvtap without a link",
      { interfaces: [{ ...TAP, type: "macvtap", mode: "bridge" }] },
      "interfaces.0.link",
      "needs the host's interface",
    ],
    [
      "a macvtap without a mode",
      { interfaces: [{ ...TAP, type: "macvtap", link: "eth0" }] },
      "interfaces.0.mode",
      "needs the host's interface",
    ],
    ["two shares of one tag", { shares: [SHARE, SHARE] }, "shares.1.tag", TWICE],
    ["a share's tag with a slash", { shares: [{ ...SHARE, tag: "a/b" }] }, "shares.0.tag", "is no tag"],
    ["a share of a relative path", { shares: [{ ...SHARE, source: "srv" }] }, "shares.0.source", "no absolute path"],
    [
      "a share at a relative path",
      { shares: [{ ...SHARE, mountPoint: "src" }] },
      "shares.0.mountPoint",
      "no absolute path",
    ],
    [
      "two volumes of one image",
      {
        volumes: [
          { image: "a", sizeMiB: 1 },
          { image: "a", sizeMiB: 2 },
        ],
      },
      "volumes.1.image",
      TWICE,
    ],
    ["a volume without a size", { volumes: [{ image: "a" }] }, "volumes.0.sizeMiB", "needs a size"],
    ["a volume elsewhere", { volumes: [{ image: "../a", sizeMiB: 1 }] }, "volumes.0.image", "no plain file name"],
    ["memory for a machine that cannot take it", { hotplugMiB: 512 }, "hotplugMiB", "q35"],
    ["the host's vsock address", { vsockCid: 2 }, "vsockCid", "taken by the system"],
    ["a vsock address past 32 bits", { vsockCid: 4_294_967_295 }, "vsockCid", "taken by the system"],
  ])("%s", (_title, wish, path, why) => {
    const found = reasons("qemu", wish);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${path}: `);
    expect(found[0]).toContain(why);
  });

  test("exactly 2 GiB under QEMU, and nowhere else", () => {
    const around = { ...AROUND, memoryMiB: 2048 };
    expect(reasons("qemu", {}, around)).toEqual([expect.stringContaining("2047")]);
    expect(reasons("firecracker", {}, around)).toEqual([]);
  });

  test("processors that Firecracker cannot have", () => {
    const refused = [1, 2, 3, 4, 31, 32, 33, 34].filter(
      (vcpus) => reasons("firecracker", {}, { ...AROUND, vcpus }).length > 0,
    );
    expect(refused).toEqual([3, 31, 33, 34]);
    expect(reasons("firecracker", {}, { ...AROUND, vcpus: 3 })[0]).toContain(
      "1 or an even number of processors up to 32, wanted 3",
    );
    expect(reasons("qemu", {}, { ...AROUND, vcpus: 3 })).toEqual([]);
  });

  test("ports without a user-mode network, or without the socket that publishes them", () => {
    const around = { ...AROUND, publishesPorts: true };
    expect(reasons("qemu", { interfaces: [TAP] }, around)).toEqual([expect.stringContaining("user-mode network")]);
    expect(reasons("qemu", { socket: false }, around)).toEqual([expect.stringContaining("control socket")]);
    expect(reasons("qemu", { interfaces: [TAP, { type: "user", id: "u", mac: "02:00:00:00:00:02" }] }, around)).toEqual(
      [],
    );
  });

  test("all that is wrong at once, in the order of the fields", () => {
    const found = reasons("firecracker", { balloon: true, shares: [SHARE], interfaces: [{ ...TAP, mac: "zz" }] });
    expect(found.map((one) => one.split(":")[0])).toEqual(["balloon", "shares.0.proto", "interfaces.0.mac"]);
  });
});
