/**
 * The resources that stand, with the indexes that make applying a command cost what it changes and no more.
 *
 * Resources are never modified, only replaced; whoever was handed one keeps what it saw. Every put is checked against what
 * must hold of the map whatever was proposed: these are bugs if broken, not refusals.
 */
import { bridgedAddresses } from "../resources/card-address.ts";
import type { Checkpoint, Event, Kind, Node, Resource, Vm } from "../resources/index.ts";
import { invariant } from "./cluster-invariant.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { bookingsOf, Rooms, type Room } from "./rooms.ts";

export class ResourceMap {
  #vms = new Map<string, Vm>();
  #nodes = new Map<string, Node>();
  #checkpoints = new Map<string, Checkpoint>();
  /** Oldest first. */
  #events = new Map<string, Event>();
  #rooms = new Rooms();
  /** Names of VMs that are on their way. */
  readonly #migrating = new Set<string>();
  readonly #fingerprint: Fingerprint;

  constructor(fingerprint: Fingerprint) {
    this.#fingerprint = fingerprint;
  }

  get eventCount(): number {
    return this.#events.size;
  }

  vm(name: string): Vm | undefined {
    return this.#vms.get(name);
  }

  node(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  checkpoint(name: string): Checkpoint | undefined {
    return this.#checkpoints.get(name);
  }

  get(kind: Kind, name: string): Resource | undefined {
    return this.#table(kind).get(name);
  }

  /** All but Events in order of their names, Events in order of time. */
  list(kind: Kind): readonly Resource[] {
    const resources: Resource[] = [...this.#table(kind).values()];
    return kind === "Event" ? resources : resources.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  oldestEvent(): Event | undefined {
    return this.#events.values().next().value;
  }

  room(node: string): Room | undefined {
    return this.#rooms.room(node);
  }

  /** The VMs whose instance is on a node, by name: what they are told apart by must not depend on how the map came to be. */
  vmsOn(node: string): readonly Vm[] {
    return this.#bookedOn(node).filter(({ status }) => status.instance?.node === node);
  }

  /** The VMs that are on their way to a node, by name. */
  migrationsTo(node: string): readonly Vm[] {
    return this.#bookedOn(node).filter(({ status }) => status.migration?.node === node);
  }

  /** The VMs that are on their way, by name. */
  migrating(): readonly Vm[] {
    return this.#migrating.size === 0
      ? []
      : [...this.#migrating].toSorted().flatMap((name) => this.#vms.get(name) ?? []);
  }

  /** The checkpoints of a node, by name. Looks at all of them: asked when a node comes or goes. */
  checkpointsOn(node: string): readonly Checkpoint[] {
    const found = [...this.#checkpoints.values()].filter(({ status }) => status.node === node);
    return found.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** Names of the VMs whose spec names a checkpoint, in order. Looks at all VMs: asked when a user deletes one. */
  vmsFrom(checkpoint: string): readonly string[] {
    const found = [...this.#vms.values()].filter(({ spec }) => spec.checkpoint === checkpoint);
    return found.map(({ metadata }) => metadata.name).toSorted();
  }

  /** The first VM but that one, by name, with a card of that address in a bridge. Looks at all VMs: asked when a user gives a card an address. */
  cardHolder(address: string, except: string): string | undefined {
    const found = [...this.#vms.values()].filter(
      ({ metadata, spec }) => metadata.name !== except && bridgedAddresses(metadata, spec).includes(address),
    );
    return found.map(({ metadata }) => metadata.name).toSorted()[0];
  }

  /** The VM that holds a port of an address. */
  portHolder(address: string, port: number): string | undefined {
    return this.#rooms.holderOf(address, port);
  }

  /** Everything that stands, each kind in its own order. */
  all(): readonly Resource[] {
    return [...this.#nodes.values(), ...this.#vms.values(), ...this.#checkpoints.values(), ...this.#events.values()];
  }

  /** Replaces everything by what `all` has given; it was checked when it was put. */
  restore(resources: readonly Resource[]): void {
    for (const { kind, metadata } of this.all()) this.#fingerprint.remove(`${kind}/${metadata.name}`);
    this.#vms = new Map();
    this.#nodes = new Map();
    this.#checkpoints = new Map();
    this.#events = new Map();
    this.#rooms = new Rooms();
    for (const resource of resources) {
      const { name } = resource.metadata;
      this.#fingerprint.put(`${resource.kind}/${name}`);
      if (resource.kind === "Event") this.#events.set(name, resource);
      else if (resource.kind === "Node") this.#nodes.set(name, resource);
      else if (resource.kind === "Checkpoint") this.#checkpoints.set(name, resource);
      else this.#vms.set(name, resource);
    }
    for (const node of this.#nodes.values()) this.#rooms.setNode(node);
    this.#migrating.clear();
    for (const vm of this.#vms.values()) this.#rebook(undefined, vm);
  }

  put(resource: Resource): void {
    this.#fingerprint.put(`${resource.kind}/${resource.metadata.name}`);
    switch (resource.kind) {
      case "Vm":
        this.#putVm(resource);
        return;
      case "Node":
        this.#nodes.set(resource.metadata.name, resource);
        this.#rooms.setNode(resource);
        return;
      case "Checkpoint":
        this.#checkpoints.set(resource.metadata.name, resource);
        return;
      case "Event":
        this.#events.set(resource.metadata.name, resource);
        return;
      default:
        resource satisfies never;
    }
  }

  remove(resource: Resource): void {
    const { name } = resource.metadata;
    this.#fingerprint.remove(`${resource.kind}/${name}`);
    switch (resource.kind) {
      case "Vm":
        this.#rebook(this.#vms.get(name), undefined);
        this.#vms.delete(name);
        return;
      case "Node":
        invariant(this.#rooms.vmsOn(name).length === 0, () => `Node "${name}" is removed with instances on it`);
        this.#rooms.removeNode(name);
        this.#nodes.delete(name);
        return;
      case "Checkpoint":
        this.#checkpoints.delete(name);
        return;
      case "Event":
        this.#events.delete(name);
        return;
      default:
        resource satisfies never;
    }
  }

  #putVm(vm: Vm): void {
    const { name } = vm.metadata;
    const known = this.#vms.get(name);
    const before = known?.status.instance ?? null;
    const after = vm.status.instance;
    invariant(
      before === null || after === null || before.id === after.id || isHandedOver(known, vm),
      () => `VM "${name}" goes from instance ${before?.id} to ${after?.id} without a release between them`,
    );
    invariant(
      after === null || vm.metadata.deletedAtMs === undefined || before !== null,
      () => `VM "${name}" gets instance ${after?.id} while it is being deleted`,
    );
    this.#vms.set(name, vm);
    this.#rebook(known, vm);
  }

  /** What an instance holds does not change, only where. */
  #rebook(before: Vm | undefined, after: Vm | undefined): void {
    const isMigrating = after?.status.migration !== undefined;
    if (isMigrating) this.#migrating.add(after.metadata.name);
    else if (before !== undefined) this.#migrating.delete(before.metadata.name);
    if (isBookedAlike(before?.status, after?.status)) return;
    for (const { vm, node } of before === undefined ? [] : bookingsOf(before)) this.#rooms.release(vm, node);
    for (const booking of after === undefined ? [] : bookingsOf(after)) this.#rooms.book(booking);
  }

  #bookedOn(node: string): Vm[] {
    return this.#rooms
      .vmsOn(node)
      .toSorted()
      .flatMap((name) => this.#vms.get(name) ?? []);
  }

  #table(kind: Kind): ReadonlyMap<string, Resource> {
    switch (kind) {
      case "Vm":
        return this.#vms;
      case "Node":
        return this.#nodes;
      case "Checkpoint":
        return this.#checkpoints;
      case "Event":
        return this.#events;
      default:
        return kind satisfies never;
    }
  }
}

/** The end of an instance that moves by stop and start is the beginning of the next (`cold-move.ts`). */
function isHandedOver(before: Vm | undefined, { status: { instance } }: Vm): boolean {
  const migration = before?.status.migration;
  return migration?.phase === "stopping" && migration.node === instance?.node && migration.epoch === instance.epoch;
}

function isBookedAlike(before: Vm["status"] | undefined, after: Vm["status"] | undefined): boolean {
  const [from, to] = [before?.instance, after?.instance];
  return from?.id === to?.id && from?.node === to?.node && before?.migration?.node === after?.migration?.node;
}
