/** Network cards as QEMU and the guest are told of them. The devices behind those in bridges: taps.ts. */
import type { GuestCard } from "../../ports/guest-networks.ts";
import type { InstanceLaunch, PortForward } from "../../ports/hypervisor.ts";
import { VerbError } from "../instances/machine-driver.ts";
import type { QmpControl } from "./qmp-control.ts";
import { macAddress } from "./guest-files.ts";

/** A card as QEMU attaches it. */
export interface AttachedCard {
  /** QEMU's name for its other end. */
  readonly id: string;
  /** 48 bits, as QEMU writes them: "52:54:00:12:34:56". */
  readonly mac: string;
  readonly backend:
    | { readonly type: "user"; readonly ports: readonly PortForward[] }
    | { readonly type: "tap"; readonly device: string };
}

/** What becomes another's in a clone. */
export interface CardIdentity {
  readonly id: string;
  /** The guest's name for it. */
  readonly interface: string;
  readonly mac: string;
  /** "10.1.0.5/24", "10.1.0.5/24,10.1.0.1", "0.0.0.0/0" for none. Absent: all guests have the same there, and it stays. */
  readonly ipv4?: string;
}

/** QEMU's and the guest's name for the card of a VM that names none. */
export const PLAIN = { id: "net", interface: "eth0" } as const;

/** `taps`: devices by the cards' names. */
export function attachedCards(launch: InstanceLaunch, taps: ReadonlyMap<string, string>): readonly AttachedCard[] {
  const { networks, ports } = launch;
  if (networks === undefined) return [{ id: PLAIN.id, mac: macAddress(launch.vm), backend: { type: "user", ports } }];
  return networks.map((card) => {
    const { mac, name, kind } = card;
    const device = taps.get(name) ?? "";
    return { id: idOf(card), mac, backend: kind === "user" ? { type: "user", ports } : { type: "tap", device } };
  });
}

export function cardIdentities({ vm, networks }: Pick<InstanceLaunch, "vm" | "networks">): readonly CardIdentity[] {
  if (networks === undefined) return [{ ...PLAIN, mac: macAddress(vm) }];
  return networks.map((card) => {
    const identity = { id: idOf(card), interface: card.name, mac: card.mac };
    if (card.kind === "user") return identity;
    const { address = "0.0.0.0/0", gateway } = card;
    return { ...identity, ipv4: gateway === undefined ? address : `${address},${gateway}` };
  });
}

export function cardArguments({ id, mac, backend }: AttachedCard): readonly string[] {
  const device = ["-device", `virtio-net-device,netdev=${id},mac=${mac}`];
  if (backend.type === "tap") {
    // The device is there already, and what QEMU may run to set it up its sandbox forbids.
    return ["-netdev", `tap,id=${id},ifname=${backend.device},script=no,downscript=no`, ...device];
  }
  const forwards = backend.ports.map((port) => `,hostfwd=${forwardRule(port)}`);
  return ["-netdev", `user,id=${id}${forwards.join("")}`, ...device];
}

/** Publishes a port of a guest whose QEMU runs. @throws {VerbError} where QEMU cannot listen there. */
export async function addForward(control: QmpControl, card: string, port: PortForward): Promise<void> {
  const line = `hostfwd_add ${card} ${forwardRule(port)}`;
  // Only the monitor for people has it; it says nothing where all is well.
  const said = await control.askAny("human-monitor-command", { "command-line": line });
  if (said !== "") throw new VerbError("failed", `QEMU answers "${line}" with: ${String(said).trim()}`);
}

function forwardRule({ hostAddress, hostPort, guestPort }: PortForward): string {
  return `tcp:${hostAddress}:${hostPort}-:${guestPort}`;
}

/** What the base image's init reads, a card a line: name, address of the hardware, "user" or address, and gateway; "-" for none. */
export function cardsFile(networks: readonly GuestCard[]): string {
  const lines = networks.map((card) => {
    const [address, gateway] = card.kind === "user" ? ["user", "-"] : [card.address ?? "-", card.gateway ?? "-"];
    return `${card.name} ${card.mac} ${address} ${gateway}\n`;
  });
  return lines.join("");
}

/**
 * What cloud-init does with the cards (its network configuration of version 2; JSON is YAML): each gets its name, and the address that it was given, or
 * asks for one.
 */
export function networkConfig(networks: readonly GuestCard[]): string {
  const elsewhere = networks.some((card) => card.kind === "tap" && card.gateway !== undefined);
  const ethernets = networks.map((card) => {
    const named = { match: { macaddress: card.mac }, "set-name": card.name };
    if (card.kind === "tap" && card.address !== undefined) {
      const routes = card.gateway === undefined ? {} : { routes: [{ to: "0.0.0.0/0", via: card.gateway }] };
      return [card.name, { ...named, addresses: [card.address], ...routes }];
    }
    const overrides = elsewhere ? { "dhcp4-overrides": { "use-routes": false } } : {};
    return [card.name, { ...named, dhcp4: true, ...overrides }];
  });
  return `${JSON.stringify({ version: 2, ethernets: Object.fromEntries(ethernets) })}\n`;
}

function idOf({ name }: GuestCard): string {
  return `${PLAIN.id}-${name}`;
}
