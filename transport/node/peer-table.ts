/**
 * The peers of a node: who may link with it, where each listens, and a dialer for each that this node has to dial. A peer that dials
 * this node is told when there is something to dial: with the start of this node, and when a link has ended that the peer may believe in still.
 *
 * Who belongs to a cluster changes while it runs, so peers come and go. One that goes keeps the link it has: it may still
 * have to be told that it is out. It is a stranger from the end of that link on.
 */
import { dialerOf, type PeerAddress } from "../index.ts";
import type { Dialer } from "./dialer.ts";

export interface PeerTableOptions {
  /** This node's name. */
  readonly node: string;
  createDialer(peer: string, address: PeerAddress): Dialer;
  /** Tells a peer that dials this node that it listens. */
  knock(address: PeerAddress): void;
  isLinked(peer: string): boolean;
}

interface Peer {
  readonly address: PeerAddress;
  /** Null when the peer dials. */
  readonly dialer: Dialer | null;
  readonly isLeaving: boolean;
}

export class PeerTable {
  readonly #options: PeerTableOptions;
  readonly #peers = new Map<string, Peer>();
  #isDialing = false;

  constructor(options: PeerTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#peers.size;
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }

  /** Adds a peer, or has it dialed elsewhere from its next connection on. The same again does nothing. */
  put(peer: string, address: PeerAddress): void {
    const known = this.#peers.get(peer);
    const isSame = known?.address.host === address.host && known.address.port === address.port;
    if (known !== undefined && isSame && !known.isLeaving) return;
    known?.dialer?.close();
    const options = this.#options;
    const dialer = dialerOf(options.node, peer) === options.node ? options.createDialer(peer, address) : null;
    this.#peers.set(peer, { address, dialer, isLeaving: false });
    if (this.#isDialing && !options.isLinked(peer)) this.#begin({ address, dialer });
  }

  /** Dials it no more, and forgets it with the end of the link that it may have. */
  retire(peer: string): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    known.dialer?.close();
    if (this.#options.isLinked(peer)) this.#peers.set(peer, { ...known, dialer: null, isLeaving: true });
    else this.#peers.delete(peer);
  }

  /** The connection that this node dialed has become a link. */
  linked(peer: string): void {
    this.#peers.get(peer)?.dialer?.linked();
  }

  /** The connection that this node dialed has ended. */
  lost(peer: string): void {
    this.#peers.get(peer)?.dialer?.lost();
  }

  /** Its link has ended. */
  unlinked(peer: string): void {
    const known = this.#peers.get(peer);
    if (known?.isLeaving === true) this.#peers.delete(peer);
    else if (this.#isDialing && known?.dialer === null) this.#options.knock(known.address);
  }

  /** It says that it listens. */
  knocked(peer: string): void {
    this.#peers.get(peer)?.dialer?.knocked();
  }

  dial(): void {
    this.#isDialing = true;
    for (const peer of this.#peers.values()) this.#begin(peer);
  }

  close(): void {
    this.#isDialing = false;
    for (const { dialer } of this.#peers.values()) dialer?.close();
  }

  #begin({ address, dialer }: Pick<Peer, "address" | "dialer">): void {
    if (dialer === null) this.#options.knock(address);
    else dialer.dial();
  }
}
