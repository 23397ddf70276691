/** `spec.networks`: what is refused, in which words, and the address of a card that names none. */
import { expect, test } from "vitest";
import { cardAddress, parseVmManifest } from "../../../actors/index.ts";

function messagesOf(spec: unknown): readonly string[] {
  const parsed = parseVmManifest({ apiVersion: "blixard.dev/v1", kind: "Vm", metadata: { name: "web" }, spec });
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
}

const LAN = { name: "lan", kind: "tap", bridge: "br0" };

test("parseVmManifest() takes QEMU's network, bridges with and without addresses, no card at all, and no word of any", () => {
  const networks = [
    { name: "out" },
    LAN,
    { ...LAN, name: "store", mac: "02:00:00:00:00:AB", address: "10.1.0.5/24", gateway: "10.1.0.1" },
    { ...LAN, name: "pair", address: "10.2.0.0/31" },
  ];
  expect(messagesOf({ networks, ports: [{ name: "http", guest: 80 }] })).toEqual([]);
  expect(messagesOf({ networks: [] })).toEqual([]);
  expect(messagesOf({})).toEqual([]);
});

test.each([
  [{ ...LAN, kind: "macvlan" }, 'kind: expected "user" or "tap", got "macvlan"'],
  [{ name: "lan", kind: "tap" }, "bridge: expected the name of the node's bridge that a tap is a port of, got nothing"],
  [{ name: "out", bridge: "br0" }, 'bridge: expected none for a card of the kind "user"; "tap" has one, got "br0"'],
  [{ ...LAN, bridge: "b".repeat(16) }, "bridge: expected the name of a bridge, at most 15 characters, got"],
  [{ ...LAN, bridge: "br0,ifname=x" }, "bridge: expected the name of a bridge"],
  [{ ...LAN, name: "eth1" }, 'name: expected another than the kernel gives by itself, as lo and eth0 are, got "eth1"'],
  [{ ...LAN, name: "a".repeat(16) }, "name: expected 1 to 15 small letters, digits and dashes"],
  [{ ...LAN, mac: "01:00:5e:00:00:01" }, "mac: expected the address of one card, not of a group of them"],
  [{ ...LAN, mac: "00:00:00:00:00:00" }, "mac: expected another address than zero"],
  [{ ...LAN, mac: "02:00:00:00:00" }, 'mac: expected a hardware address, as "02:00:00:00:00:01" is'],
  [{ ...LAN, address: "10.1.0.0/24" }, "address: expected an address of a host in a network"],
  [{ ...LAN, address: "10.1.0.255/24" }, "address: expected an address of a host in a network"],
  [{ ...LAN, address: "10.1.0.256/24" }, "address: expected an address of a host in a network"],
  [{ ...LAN, address: "10.1.0.5/33" }, "address: expected an address of a host in a network"],
  [{ ...LAN, gateway: "10.1.0.1" }, "gateway: expected none for a card without an address"],
  [{ ...LAN, address: "10.1.0.5/24", gateway: "10.1.1.1" }, "gateway: expected another address of 10.1.0.5/24"],
  [{ ...LAN, address: "10.1.0.5/24", gateway: "10.1.0.5" }, "gateway: expected another address of 10.1.0.5/24"],
])("parseVmManifest() refuses network %j", (network, message) => {
  expect(messagesOf({ networks: [network] })[0]).toContain(`spec.networks[0].${message}`);
});

test("parseVmManifest() refuses names, hardware addresses and addresses twice, and what a guest can have once", () => {
  const twice = { ...LAN, mac: "02:00:00:00:00:0a", address: "10.1.0.5/24", gateway: "10.1.0.1" };
  const again = { ...twice, mac: "02:00:00:00:00:0A", address: "10.1.0.5/16" };
  expect(messagesOf({ networks: [twice, again] })).toEqual([
    'spec.networks[1].name: spec.networks[0].name is "lan" already',
    'spec.networks[1].mac: spec.networks[0].mac is "02:00:00:00:00:0A" already',
    'spec.networks[1].address: spec.networks[0].address is "10.1.0.5/16" already',
    'spec.networks[1].gateway: expected none: spec.networks[0] has one, got "10.1.0.1"',
  ]);
  expect(messagesOf({ networks: [{ name: "a" }, { name: "b" }] })).toEqual([
    'spec.networks[1].kind: expected "tap": spec.networks[0] is the one card of the kind "user", got "user"',
  ]);
  const many = Array.from({ length: 9 }, (_, at) => ({ ...LAN, name: `lan${at}` }));
  expect(messagesOf({ networks: many })).toEqual([
    "spec.networks: expected a list of at most 8 entries, got 9 entries",
  ]);
});

test("parseVmManifest() refuses ports that no card would publish, and cards beside a NixOS configuration's", () => {
  const ports = [{ name: "http", guest: 80 }];
  const expected = 'spec.networks: expected a card of the kind "user", through which spec.ports are published, got';
  expect(messagesOf({ ports, networks: [LAN] })).toEqual([`${expected} "tap"`]);
  expect(messagesOf({ ports, networks: [] })).toEqual([`${expected} an empty list`]);
  expect(messagesOf({ microvm: { hypervisor: "qemu" }, networks: [LAN] })).toEqual([
    "spec.networks: expected nothing beside spec.microvm, whose interfaces are its cards, got a list",
  ]);
});

test("cardAddress() gives each card of each VM one of its own, always the same, which no vendor and no group has", () => {
  const web = { name: "web", uid: "vm-7", createdAtMs: 1, version: 9, generation: 1, labels: {} };
  const addresses = [
    cardAddress(web, "lan"),
    cardAddress(web, "out"),
    cardAddress({ ...web, uid: "vm-8" }, "lan"),
    // Another cluster, whose first VM has that name and uid, too.
    cardAddress({ ...web, createdAtMs: 2 }, "lan"),
    ...Array.from({ length: 1000 }, (_, at) => cardAddress({ ...web, uid: `vm-${at + 10}` }, "lan")),
  ];
  expect(new Set(addresses).size).toBe(addresses.length);
  for (const address of addresses) expect(address).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  expect(cardAddress({ ...web, version: 99, generation: 5 }, "lan")).toBe(addresses[0]);
});
