/** Network cards as guests are told of them. With a guest: test/integration/qemu-networks.test.ts. */
import { expect, test } from "vitest";
import type { GuestCard, InstanceLaunch } from "../../../../runtime/index.ts";
import { attachedCards, cardIdentities, cardsFile, networkConfig } from "../../../../runtime/node/qemu/cards.ts";
import { guestFiles } from "../../../../runtime/node/qemu/guest-files.ts";
import { machineOf } from "../../../../runtime/node/qemu/guest-needs.ts";
import { qemuArguments } from "../../../../runtime/node/qemu/qemu-arguments.ts";
import { seedFiles } from "../../../../runtime/node/qemu/seed-disk.ts";

const OUT: GuestCard = { name: "out", mac: "02:00:00:00:00:01", kind: "user" };
const LAN: GuestCard = { name: "lan", mac: "02:00:00:00:00:02", kind: "tap", bridge: "br0" };
const STORE: GuestCard = {
  ...LAN,
  name: "store",
  mac: "02:00:00:00:00:03",
  address: "10.1.0.5/24",
  gateway: "10.1.0.1",
};

const LAUNCH: InstanceLaunch = {
  instance: "i-1",
  vm: "web",
  node: "n1",
  vcpus: 1,
  memoryMiB: 128,
  image: "base",
  command: [],
  env: {},
  files: [],
  ports: [],
  leaseUntilMs: 0,
  cloudInit: { sshKeys: [] },
};

test("a guest that names no cards has the one that it always had, and is told nothing of it", () => {
  expect(attachedCards(LAUNCH, new Map())).toMatchObject([{ id: "net", backend: { type: "user" } }]);
  expect(cardIdentities(LAUNCH)).toEqual([{ id: "net", interface: "eth0", mac: expect.stringMatching(/^52:54:00:/) }]);
  expect(guestFiles(LAUNCH).toString("utf8")).not.toContain("/etc/blixard/networks");
  expect(seedFiles(LAUNCH, "web").map(({ name }) => name)).toEqual(["meta-data", "user-data"]);
});

test("guestFiles() and seedFiles() tell a guest of its cards by their addresses", () => {
  const launch = { ...LAUNCH, networks: [OUT, LAN, STORE] };
  const files = guestFiles(launch).toString("utf8");
  expect(files).toContain(
    "out 02:00:00:00:00:01 user -\nlan 02:00:00:00:00:02 - -\nstore 02:00:00:00:00:03 10.1.0.5/24 10.1.0.1\n",
  );
  expect(files).toContain("10.0.2.15 web\n");
  expect(guestFiles({ ...LAUNCH, networks: [LAN] }).toString("utf8")).toContain("127.0.1.1 web\n");
  expect(cardsFile([])).toBe("");
  const seed = seedFiles(launch, "web").find(({ name }) => name === "network-config");
  expect(seed?.content.toString("utf8")).toBe(networkConfig(launch.networks));
});

test("networkConfig() names the cards, asks for addresses where none is given, and leaves one way out", () => {
  const parsed = JSON.parse(networkConfig([OUT, LAN, STORE])) as unknown;
  const asks = { dhcp4: true, "dhcp4-overrides": { "use-routes": false } };
  expect(parsed).toEqual({
    version: 2,
    ethernets: {
      out: { match: { macaddress: OUT.mac }, "set-name": "out", ...asks },
      lan: { match: { macaddress: LAN.mac }, "set-name": "lan", ...asks },
      store: {
        match: { macaddress: STORE.mac },
        "set-name": "store",
        addresses: ["10.1.0.5/24"],
        routes: [{ to: "0.0.0.0/0", via: "10.1.0.1" }],
      },
    },
  });
  expect(networkConfig([OUT])).toContain('"dhcp4":true}');
});

test("cardIdentities() takes a clone's addresses in bridges away where it is given none", () => {
  expect(cardIdentities({ vm: "web", networks: [OUT, LAN, STORE] }).map(({ ipv4 }) => ipv4)).toEqual([
    undefined,
    "0.0.0.0/0",
    "10.1.0.5/24,10.1.0.1",
  ]);
});

test("machineOf() tells machines with other cards apart, and the plain one is what it was", () => {
  const machine = (networks?: readonly GuestCard[]): string => {
    const launch = networks === undefined ? LAUNCH : { ...LAUNCH, networks };
    const cards = attachedCards(launch, new Map([["lan", "bx0"]]));
    const plain = { name: "", vcpus: 1, memoryMiB: 1, acceleration: "tcg", disks: [], balloon: false } as const;
    return machineOf(qemuArguments({ ...plain, cards, sandbox: false, boot: undefined, memory: { type: "own" } }));
  };
  expect(machine()).toMatch(/ with virtio-net-device, virtio-serial-device/);
  expect(machine([OUT])).toBe(machine());
  expect(new Set([machine(), machine([LAN]), machine([OUT, LAN]), machine([LAN, OUT])]).size).toBe(4);
});
