/**
 * Several actor systems in one manual world, linked with each other: remote tells, asks and watches in a plain test.
 *
 *     send ──▶ link up? ──▶ after `delayMs` of virtual time, in order ──▶ the other kernel
 *
 * Links are cut and healed by hand. A cut link loses what is in flight, as the remoting port promises; both ends hear of it
 * at once. Messages are handed over as the objects they are: what a codec would refuse passes here, and is found by the
 * simulator (`blixard/sim`) and by the real transport.
 */
import { ActorSystem, type ActorSystemOptions } from "../actor-system.ts";
import { KERNEL_PATH, type Envelope, type LinkEvent, type Remoting } from "../ports/remoting.ts";
import type { World } from "../world.ts";
import { createManualWorld, type ManualWorld, type ManualWorldOptions } from "./manual-world.ts";

/** How linked systems are made. */
export interface ManualClusterOptions extends ManualWorldOptions {
  /** Virtual time a message takes from node to node, in milliseconds. Default: 0, so that `settle` delivers it. */
  readonly delayMs?: number;
  /**
   * Whether a message is lost although its link is up, as one that a congested transport drops; not asked about what the
   * kernels say, which is lost with the link only. Default: none is.
   */
  lose?(envelope: Envelope): boolean;
  /**
   * Further ports of a node's world, made at each of its starts: a journal that was made outside of this function outlives a
   * crash. Default: none.
   */
  ports?(node: string, world: ManualWorld): Partial<World>;
  /** What else a node's system is created with. Default: nothing. */
  system?(node: string): Partial<Omit<ActorSystemOptions, "node" | "world">>;
}

/** Linked systems in one manual world, and their links. */
export interface ManualCluster {
  readonly world: ManualWorld;
  /** What was sent between the nodes so far, also what was lost. */
  readonly sent: readonly Envelope[];
  /** The running system of a node. @throws when there is no such node, or it was crashed. */
  system(node: string): ActorSystem;
  /** Cuts the link between two nodes; does nothing when it is cut. */
  cut(one: string, other: string): void;
  /** Links two nodes again; does nothing when they are. */
  heal(one: string, other: string): void;
  /** Ends a node's system without a word of goodbye; its peers see their links go down. */
  crash(node: string): void;
  /** Starts a new, empty system on a node that was crashed, and links it with all that run. */
  restart(node: string): ActorSystem;
  /** Stops all systems. Call it after each test: names of systems are taken as long as they run. */
  close(): void;
}

/** Starts one system a name, each linked with each. @throws when a name is there twice, `RangeError` without any. */
export function createManualCluster(nodes: readonly string[], options: ManualClusterOptions = {}): ManualCluster {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new RangeError(
      'Cannot make a cluster of no nodes: name at least one, as in createManualCluster(["n1", "n2"])',
    );
  }
  if (new Set(nodes).size !== nodes.length) {
    throw new Error(`Cannot make a cluster of ${nodes.join(", ")}: a name is there twice`);
  }
  return new LinkedSystems(nodes, options);
}

/** One life of a node. */
interface Member {
  readonly node: string;
  /** Counts all lives of the cluster. */
  readonly life: number;
  readonly system: ActorSystem;
  readonly listeners: ((event: LinkEvent) => void)[];
  receive(envelope: Envelope): void;
}

class LinkedSystems implements ManualCluster {
  readonly world: ManualWorld;
  readonly sent: Envelope[] = [];
  readonly #options: ManualClusterOptions;
  readonly #names: readonly string[];
  readonly #members = new Map<string, Member>();
  /** Links that are up, by `linkName`, with a number that tells a link from an earlier one of the same pair. */
  readonly #links = new Map<string, number>();
  #lives = 0;
  #linked = 0;

  constructor(nodes: readonly string[], options: ManualClusterOptions) {
    this.#options = options;
    this.#names = nodes;
    this.world = createManualWorld(options);
    for (const node of nodes) this.#start(node);
    for (const [at, one] of nodes.entries()) for (const other of nodes.slice(at + 1)) this.heal(one, other);
  }

  system(node: string): ActorSystem {
    return this.#member(node).system;
  }

  cut(one: string, other: string): void {
    this.#requireName(one);
    this.#requireName(other);
    if (this.#links.delete(linkName(one, other))) this.#tellBoth(one, other, "down");
  }

  heal(one: string, other: string): void {
    const name = linkName(this.#member(one).node, this.#member(other).node);
    if (this.#links.has(name)) return;
    this.#links.set(name, ++this.#linked);
    this.#tellBoth(one, other, "up");
  }

  crash(node: string): void {
    const { system } = this.#member(node);
    this.#silence(node);
    system.stop();
    for (const other of this.#names) {
      if (this.#links.delete(linkName(node, other))) this.#tell(other, { type: "down", node, incarnation: node });
    }
  }

  restart(node: string): ActorSystem {
    this.#requireName(node);
    if (this.#members.has(node)) throw new Error(`Cannot restart node "${node}": it runs; crash it first`);
    const system = this.#start(node);
    for (const other of this.#members.keys()) if (other !== node) this.heal(node, other);
    return system;
  }

  close(): void {
    for (const { node, system } of [...this.#members.values()]) {
      this.#silence(node);
      system.stop();
    }
    this.#links.clear();
  }

  #start(node: string): ActorSystem {
    const life = ++this.#lives;
    const listeners: Member["listeners"] = [];
    let receive: ((envelope: Envelope) => void) | undefined;
    const remoting: Remoting = {
      send: (envelope) => this.#send(life, envelope),
      onEnvelope: (listen) => {
        receive = listen;
      },
      onLink: (listen) => void listeners.push(listen),
    };
    const world = { ...this.world, remoting, ...this.#options.ports?.(node, this.world) };
    const system = ActorSystem.create({ ...this.#options.system?.(node), node, world });
    this.#members.set(node, { node, life, system, listeners, receive: (envelope) => receive?.(envelope) });
    return system;
  }

  /** From here on nothing leaves the node or reaches it. */
  #silence(node: string): void {
    this.#members.delete(node);
  }

  #send(life: number, envelope: Envelope): void {
    const { from, to } = envelope;
    if (this.#members.get(from.node)?.life !== life) return;
    this.sent.push(envelope);
    const name = linkName(from.node, to.node);
    const link = this.#links.get(name);
    if (link === undefined || (from.path !== KERNEL_PATH && this.#options.lose?.(envelope) === true)) return;
    const deliver = (): void => {
      if (this.#links.get(name) === link) this.#members.get(to.node)?.receive(envelope);
    };
    const delayMs = this.#options.delayMs ?? 0;
    if (delayMs > 0) this.world.clock.setTimer(delayMs, deliver);
    else this.world.dispatcher.schedule({ run: deliver });
  }

  #tellBoth(one: string, other: string, type: LinkEvent["type"]): void {
    for (const [node, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#tell(node, { type, node: peer, incarnation: peer });
    }
  }

  #tell(node: string, event: LinkEvent): void {
    for (const listen of this.#members.get(node)?.listeners ?? []) listen(event);
  }

  #member(node: string): Member {
    this.#requireName(node);
    const member = this.#members.get(node);
    if (member === undefined) throw new Error(`Node "${node}" does not run: it was crashed`);
    return member;
  }

  #requireName(node: string): void {
    if (this.#names.includes(node)) return;
    throw new Error(`There is no node "${node}" in this cluster: it has ${this.#names.join(", ")}`);
  }
}

/** The same for both directions. */
function linkName(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}
