/**
 * The peers of a node: who may link with it, where each listens, and a dialer for each that this node has to dial.
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
    if (this.#isDialing && !options.isLinked(peer)) dialer?.dial();
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
    if (this.#peers.get(peer)?.isLeaving === true) this.#peers.delete(peer);
  }

  dial(): void {
    this.#isDialing = true;
    for (const { dialer } of this.#peers.values()) dialer?.dial();
  }

  close(): void {
    this.#isDialing = false;
    for (const { dialer } of this.#peers.values()) dialer?.close();
  }
}
