/**
 * Rooms: what the instances on each node hold of it, and so what is free.
 *
 * The replicated map keeps one up to date command by command; the scheduler builds one for each plan and books its own
 * placements into it. Ports belong to addresses, not to nodes, because several nodes may publish on one address.
 */
import type { Claim, Node, VmSpec } from "../resources/index.ts";

/**
 * vCPUs that a node gives out for each one it has. Guests are idle most of the time and share processors by time slices, so
 * four times is usual for virtual machines. Memory cannot be shared like that and is never given out twice.
 */
export const VCPU_OVERCOMMIT = 4;

export interface Booking {
  readonly vm: string;
  readonly node: string;
  readonly claim: Claim;
}

/** One node with what is free on it. */
export interface Room {
  readonly node: Node;
  readonly memoryFreeMiB: number;
  readonly vcpusFree: number;
  readonly instances: number;
  /** The VM that holds a port of the node's address; undefined when it is free. */
  holderOf(port: number): string | undefined;
}

interface Ledger {
  node: Node;
  memoryMiB: number;
  vcpus: number;
  readonly vms: Set<string>;
}

export class Rooms {
  readonly #ledgers = new Map<string, Ledger>();
  readonly #bookings = new Map<string, Booking>();
  /** `address:port` to the VM that holds it. */
  readonly #ports = new Map<string, string>();

  /** Adds a node, or replaces what is known of it. */
  setNode(node: Node): void {
    const ledger = this.#ledgers.get(node.metadata.name);
    if (ledger === undefined) {
      this.#ledgers.set(node.metadata.name, { node, memoryMiB: 0, vcpus: 0, vms: new Set() });
      return;
    }
    const moved = ledger.node.spec.address !== node.spec.address;
    const bookings = moved ? [...ledger.vms].map((vm) => this.release(vm)) : [];
    ledger.node = node;
    for (const booking of bookings) if (booking !== undefined) this.book(booking);
  }

  /** Forgets a node on which nothing is booked. */
  removeNode(name: string): void {
    this.#ledgers.delete(name);
  }

  /** Books what an instance holds. The caller has asked `fit-rules.ts` or knows that it runs there already. */
  book(booking: Booking): void {
    const ledger = this.#ledgers.get(booking.node);
    if (ledger === undefined) return;
    this.#bookings.set(booking.vm, booking);
    ledger.vms.add(booking.vm);
    ledger.memoryMiB += booking.claim.memoryMiB;
    ledger.vcpus += booking.claim.vcpus;
    for (const port of booking.claim.hostPorts) this.#ports.set(portKey(ledger.node, port), booking.vm);
  }

  /** Undoes the booking of a VM, if it has one. */
  release(vm: string): Booking | undefined {
    const booking = this.#bookings.get(vm);
    const ledger = booking === undefined ? undefined : this.#ledgers.get(booking.node);
    if (booking === undefined || ledger === undefined) return undefined;
    this.#bookings.delete(vm);
    ledger.vms.delete(vm);
    ledger.memoryMiB -= booking.claim.memoryMiB;
    ledger.vcpus -= booking.claim.vcpus;
    for (const port of booking.claim.hostPorts) {
      if (this.#ports.get(portKey(ledger.node, port)) === vm) this.#ports.delete(portKey(ledger.node, port));
    }
    return booking;
  }

  /** Names of the VMs that have something booked on a node. */
  vmsOn(node: string): readonly string[] {
    return [...(this.#ledgers.get(node)?.vms ?? [])];
  }

  /** The VM that holds a port of an address. */
  holderOf(address: string, port: number): string | undefined {
    return this.#ports.get(`${address}:${port}`);
  }

  room(name: string): Room | undefined {
    const ledger = this.#ledgers.get(name);
    return ledger === undefined ? undefined : this.#roomOf(ledger);
  }

  /** In order of the nodes' names. */
  rooms(): readonly Room[] {
    const names = [...this.#ledgers.keys()].toSorted();
    return names.flatMap((name) => this.room(name) ?? []);
  }

  #roomOf(ledger: Ledger): Room {
    const { node, memoryMiB, vcpus, vms } = ledger;
    return {
      node,
      memoryFreeMiB: Math.max(0, node.spec.memoryMiB - memoryMiB),
      vcpusFree: Math.max(0, node.spec.vcpus * VCPU_OVERCOMMIT - vcpus),
      instances: vms.size,
      holderOf: (port) => this.#ports.get(portKey(node, port)),
    };
  }
}

/** What an instance made from `spec` holds. */
export function claimOf(spec: VmSpec): Claim {
  const hostPorts = spec.ports.flatMap(({ host }) => (host === undefined ? [] : [host]));
  return { vcpus: spec.vcpus, memoryMiB: spec.memoryMiB, hostPorts };
}

function portKey(node: Node, port: number): string {
  return `${node.spec.address}:${port}`;
}
