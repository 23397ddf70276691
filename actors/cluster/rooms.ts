/**
 * Rooms: what the instances on each node hold of it, and so what is free.
 *
 * The replicated map keeps one up to date command by command; the scheduler builds one for each plan and books its own
 * placements into it. Ports belong to addresses, not to nodes, because several nodes may publish on one address.
 */
import type { Claim, Node, Vm, VmSpec } from "../resources/index.ts";

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
  /** By VM; one that is being migrated has room on two nodes. */
  readonly bookings: Map<string, Booking>;
}

export class Rooms {
  readonly #ledgers = new Map<string, Ledger>();
  /** `address:port` to the VM that holds it. */
  readonly #ports = new Map<string, string>();

  /** Adds a node, or replaces what is known of it. */
  setNode(node: Node): void {
    const ledger = this.#ledgers.get(node.metadata.name);
    if (ledger === undefined) {
      this.#ledgers.set(node.metadata.name, { node, memoryMiB: 0, vcpus: 0, bookings: new Map() });
      return;
    }
    const moved = ledger.node.spec.address !== node.spec.address;
    const bookings = moved ? this.vmsOn(node.metadata.name).map((vm) => this.release(vm, node.metadata.name)) : [];
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
    ledger.bookings.set(booking.vm, booking);
    ledger.memoryMiB += booking.claim.memoryMiB;
    ledger.vcpus += booking.claim.vcpus;
    for (const port of booking.claim.hostPorts) this.#ports.set(portKey(ledger.node, port), booking.vm);
  }

  /** Undoes the booking of a VM on a node, if it has one there. */
  release(vm: string, node: string): Booking | undefined {
    const ledger = this.#ledgers.get(node);
    const booking = ledger?.bookings.get(vm);
    if (ledger === undefined || booking === undefined) return undefined;
    ledger.bookings.delete(vm);
    ledger.memoryMiB -= booking.claim.memoryMiB;
    ledger.vcpus -= booking.claim.vcpus;
    for (const port of booking.claim.hostPorts) {
      if (this.#ports.get(portKey(ledger.node, port)) === vm) this.#ports.delete(portKey(ledger.node, port));
    }
    return booking;
  }

  /** Names of the VMs that have something booked on a node. */
  vmsOn(node: string): readonly string[] {
    return [...(this.#ledgers.get(node)?.bookings.keys() ?? [])];
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
    const { node, memoryMiB, vcpus, bookings } = ledger;
    return {
      node,
      memoryFreeMiB: Math.max(0, node.spec.memoryMiB - memoryMiB),
      vcpusFree: Math.max(0, node.spec.vcpus * VCPU_OVERCOMMIT - vcpus),
      instances: bookings.size,
      holderOf: (port) => this.#ports.get(portKey(node, port)),
    };
  }
}

/** What a VM holds, on its instance's node and on the one that it migrates to. */
export function bookingsOf({ metadata: { name }, status: { instance, migration } }: Vm): readonly Booking[] {
  if (instance === null) return [];
  const nodes = migration === undefined ? [instance.node] : [instance.node, migration.node];
  return nodes.map((node) => ({ vm: name, node, claim: instance.claim }));
}

/** What an instance made from `spec` holds. */
export function claimOf(spec: VmSpec): Claim {
  const hostPorts = spec.ports.flatMap(({ host }) => (host === undefined ? [] : [host]));
  return { vcpus: spec.vcpus, memoryMiB: spec.memoryMiB, hostPorts };
}

function portKey(node: Node, port: number): string {
  return `${node.spec.address}:${port}`;
}
