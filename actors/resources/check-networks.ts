/** What is wrong between the fields of `spec.networks`, and between them and the rest of a VM's spec: no schema can say it. */
import { describeValue, fieldName, fieldUnder, type FieldProblem } from "./field-problem.ts";
import type { VmNetwork } from "./vm-networks.ts";
import type { VmSpec } from "./vm.ts";

/** What the kernel calls interfaces by itself: a card of that name may be in its way while it is named. */
const TAKEN = /^(lo|eth\d+)$/;
const ADDRESS_BITS = 32;

/** `at`: where the spec stands. */
export function checkNetworks(spec: VmSpec, at: string): readonly FieldProblem[] {
  const { networks, microvm, ports } = spec;
  if (networks === undefined) return [];
  const own = fieldUnder(at, "networks");
  if (microvm !== undefined) {
    return [problem(own, "nothing beside spec.microvm, whose interfaces are its cards", networks)];
  }
  const problems = networks.flatMap((network, index) => checkOne(network, fieldUnder(own, index)));
  if (ports.length > 0 && !networks.some(({ kind }) => kind === "user")) {
    const expected = 'a card of the kind "user", through which spec.ports are published';
    problems.push(problem(own, expected, networks.length === 0 ? networks : networks.map(({ kind }) => kind).join()));
  }
  return [
    ...problems,
    ...repeated(networks, "name", own),
    ...repeated(networks, "mac", own),
    ...repeated(networks, "address", own),
    ...second(networks, own, "kind", ({ kind }) => kind === "user"),
    ...second(networks, own, "gateway", ({ gateway }) => gateway !== undefined),
  ];
}

function checkOne(network: VmNetwork, at: string): FieldProblem[] {
  const { name, kind, bridge, mac, address, gateway } = network;
  const problems: FieldProblem[] = [];
  const add = (key: keyof VmNetwork, expected: string): void => {
    problems.push(problem(fieldUnder(at, key), expected, network[key]));
  };
  if (TAKEN.test(name)) add("name", "another than the kernel gives by itself, as lo and eth0 are");
  if (kind === "tap" && bridge === undefined) add("bridge", "the name of the node's bridge that a tap is a port of");
  if (kind === "user" && bridge !== undefined) add("bridge", 'none for a card of the kind "user"; "tap" has one');
  if (kind === "user" && address !== undefined)
    add("address", 'none for a card of the kind "user", which is 10.0.2.15');
  if (mac !== undefined && Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) {
    add("mac", "the address of one card, not of a group of them, whose first byte is odd");
  } else if (mac !== undefined && /^[0:]+$/.test(mac)) add("mac", "another address than zero");
  if (address !== undefined && !isHost(address)) add("address", "an address of a host in a network, as 10.1.0.5/24 is");
  else if (gateway !== undefined && (address === undefined || !isBeside(gateway, address))) {
    add("gateway", address === undefined ? "none for a card without an address" : `another address of ${address}`);
  }
  return problems;
}

/** Neither the network's own address nor its broadcast one; a network of one or two hosts has none of these. */
function isHost(address: string): boolean {
  const [own, length] = parse(address);
  if (own === undefined || length < 1 || length > ADDRESS_BITS) return false;
  const hosts = 2 ** (ADDRESS_BITS - length);
  return hosts <= 2 || (own % hosts !== 0 && own % hosts !== hosts - 1);
}

function isBeside(gateway: string, address: string): boolean {
  const [own = 0, length] = parse(address);
  const [other] = parse(`${gateway}/${length}`);
  const hosts = 2 ** (ADDRESS_BITS - length);
  return other !== undefined && other !== own && Math.floor(other / hosts) === Math.floor(own / hosts);
}

/** An address as a number, undefined where a part of it is beyond 255; and its prefix. */
function parse(address: string): readonly [number | undefined, number] {
  const [parts = "", length] = address.split("/");
  const bytes = parts.split(".").map(Number);
  const isValid = bytes.every((byte) => byte <= 255);
  return [isValid ? bytes.reduce((all, byte) => all * 256 + byte, 0) : undefined, Number(length)];
}

/** Cards whose `key` is that of an earlier one, in whatever case. */
function repeated(
  networks: readonly VmNetwork[],
  key: "name" | "mac" | "address",
  at: string,
): readonly FieldProblem[] {
  // Of an address only the host's counts.
  const values = networks.map((network) => network[key]?.toLowerCase().split("/")[0]);
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    if (value === undefined || first === index) return [];
    const field = fieldUnder(fieldUnder(at, index), key);
    const other = fieldName(fieldUnder(fieldUnder(at, first), key));
    const got = describeValue(networks[index]?.[key]);
    const message = `${fieldName(field)}: ${other} is ${got} already`;
    return [{ field, expected: `another than ${other} has`, got, message }];
  });
}

/** A guest has one way out by default, and QEMU's network one address for it. */
function second(
  networks: readonly VmNetwork[],
  at: string,
  key: "kind" | "gateway",
  has: (network: VmNetwork) => boolean,
): readonly FieldProblem[] {
  const [first, next] = networks.flatMap((network, index) => (has(network) ? [index] : []));
  if (first === undefined || next === undefined) return [];
  const other = fieldName(fieldUnder(at, first));
  const expected = key === "kind" ? `"tap": ${other} is the one card of the kind "user"` : `none: ${other} has one`;
  return [problem(fieldUnder(fieldUnder(at, next), key), expected, networks[next]?.[key])];
}

function problem(field: string, expected: string, value: unknown): FieldProblem {
  const got = describeValue(value);
  return { field, expected, got, message: `${fieldName(field)}: expected ${expected}, got ${got}` };
}
