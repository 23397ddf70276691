/**
 * Keeps a transport's peers what the cluster's configuration says, beside those that the node was started with.
 *
 *     peers of the start ──────────┐
 *     addresses in a configuration ┼─▶ who is dialed and let in
 *     a node that is being added ──┘
 *
 * Peers of the start stay, whatever a configuration says: they are whom to ask, and an operator who gives an address means it.
 * A node that is being added must be linked to before it can be in any configuration; whoever adds it takes it back when nothing
 * came of it.
 */
import { formatPeerAddress, parsePeerAddress, type PeerAddress } from "../index.ts";

export interface ConfiguredPeersOptions {
  /** This node's name. */
  readonly node: string;
  /** What the node was started with. */
  readonly peers: ReadonlyMap<string, PeerAddress>;
  /** From earlier configurations, `HOST:PORT` by node; a node that restarts can be without any other way to the cluster. */
  readonly remembered?: Readonly<Record<string, string>>;
  readonly transport: PeerSwitch;
  /** Called with all that configurations said, whenever it has changed. */
  onChange?(addresses: Readonly<Record<string, string>>): void;
}

/** The part of a transport that this works. */
export interface PeerSwitch {
  addPeer(peer: string, address: PeerAddress): void;
  removePeer(peer: string): void;
}

export class ConfiguredPeers {
  readonly #options: ConfiguredPeersOptions;
  /** `HOST:PORT` by node. */
  #configured: ReadonlyMap<string, string>;
  readonly #adding = new Map<string, string>();

  constructor(options: ConfiguredPeersOptions) {
    this.#options = options;
    this.#configured = new Map();
    this.#take(new Map(Object.entries(options.remembered ?? {}).filter(([node]) => node !== options.node)));
  }

  /** Names of all peers; never this node's own. */
  get names(): readonly string[] {
    return [...new Set([...this.#options.peers.keys(), ...this.#configured.keys(), ...this.#adding.keys()])].toSorted();
  }

  addressOf(node: string): string | undefined {
    const given = this.#options.peers.get(node);
    return given === undefined ? (this.#configured.get(node) ?? this.#adding.get(node)) : formatPeerAddress(given);
  }

  /** Lets a node link that is no member yet. One whose address is known keeps it. */
  addPeer(node: string, address: string): void {
    const parsed = parsePeerAddress(address);
    if (parsed === undefined || node === this.#options.node || this.addressOf(node) !== undefined) return;
    this.#adding.set(node, address);
    this.#options.transport.addPeer(node, parsed);
  }

  /** Takes `addPeer` back. Does nothing to a node that is known otherwise. */
  removePeer(node: string): void {
    this.#adding.delete(node);
    if (this.addressOf(node) === undefined) this.#options.transport.removePeer(node);
  }

  /**
   * A configuration is in force: the ids of its members, `NAME@INCARNATION`, and the addresses of those that were added later. A member
   * without one keeps the address that is remembered of its node. No members: nothing is known yet, and nothing changes.
   */
  follow(members: readonly string[], addresses: Readonly<Record<string, string>>): void {
    if (members.length === 0) return;
    const byNode = new Map<string, string>();
    for (const member of members) {
      const node = member.replace(/@[^@]*$/, "");
      const address = addresses[member] ?? byNode.get(node) ?? this.#configured.get(node);
      if (address !== undefined && node !== this.#options.node) byNode.set(node, address);
    }
    const before = this.#configured;
    const isSame = byNode.size === before.size && [...byNode].every(([node, address]) => before.get(node) === address);
    if (isSame) return;
    this.#take(byNode);
    this.#options.onChange?.(Object.fromEntries(this.#configured));
  }

  #take(wanted: ReadonlyMap<string, string>): void {
    const { peers, transport } = this.#options;
    const before = this.#configured;
    this.#configured = wanted;
    for (const [node, address] of wanted) {
      this.#adding.delete(node);
      const parsed = parsePeerAddress(address);
      if (parsed !== undefined && !peers.has(node)) transport.addPeer(node, parsed);
    }
    for (const node of before.keys()) if (this.addressOf(node) === undefined) transport.removePeer(node);
  }
}
