/**
 * The remoting port over WebSockets: at most one link a peer, frames of MessagePack, loopback unless told otherwise.
 *
 * It owns every connection and decides which one is a peer's link. What it does not do: encrypt (the token proves who
 * speaks, see ../handshake.ts), find peers, or deliver again what a lost link took with it.
 */
import type { Address } from "../../runtime/ports/address.ts";
import {
  KERNEL_PATH,
  type Envelope,
  type EnvelopeDrop,
  type EnvelopeDropReason,
  type LinkEvent,
  type Remoting,
} from "../../runtime/ports/remoting.ts";
import { Ref, type AnyRef, type Recipient } from "../../runtime/ref.ts";
import {
  createCounters,
  KERNELS_SINCE,
  MESSAGE_BYTES_MAX,
  PATH_LENGTH_MAX,
  PROTOCOL_VERSIONS,
  type Identity,
  type PeerAddress,
  type TransportCounters,
} from "../index.ts";
import { Connection, type ConnectionEnd, type ConnectionWorld, type OpenSocket } from "./connection.ts";
import { Dialer } from "./dialer.ts";
import { createHmacProver } from "./hmac-prover.ts";
import { Knocker } from "./knock.ts";
import { Listener } from "./listener.ts";
import { PeerTable } from "./peer-table.ts";
import type { Received } from "./link-reader.ts";
import { TRANSPORT_TIMING, type TransportTiming } from "./timing.ts";
import { TransportLog } from "./transport-log.ts";
import type { ResolveRef } from "./unpacker.ts";
import {
  checkOptions,
  checkPeer,
  createPayloadTypes,
  isLoopback,
  LOOPBACK,
  type WsRemotingOptions,
} from "./ws-remoting-options.ts";
import { TransportError } from "./transport-error.ts";

export interface WsRemoting {
  readonly remoting: Remoting;
  /**
   * Listens, then dials. After a failure it may be called again.
   * @throws {TransportError} `listen-port-in-use`, `listen-failed`, `transport-started`, `transport-closed`.
   */
  start(): Promise<{ readonly port: number }>;
  /** Ends every link and resolves when nothing of it is open any more. */
  close(): Promise<void>;
  /**
   * Lets one more node link, or has it dialed elsewhere from its next connection on. Either end may come first: a node is
   * refused as `unknown-node` until it is a peer, and tries again.
   * @throws {TransportError} `transport-options` when it can be no peer of this node.
   */
  addPeer(peer: string, address: PeerAddress): void;
  /** Dials it no more and takes no new link of it; the one that it may have lasts until it ends by itself. */
  removePeer(peer: string): void;
  /** A copy of the counters as they are. */
  counters(): TransportCounters;
}

/** The target of refs that arrive before the actor system has started; their envelopes are dropped as well. */
const NOBODY: Recipient<never> = { receive: () => {} };

/** @throws {TransportError} `transport-options` when a name, the token or the peers cannot work. */
export function createWsRemoting(options: WsRemotingOptions): WsRemoting {
  checkOptions(options);
  const driver = new WsRemotingDriver(options);
  return {
    remoting: driver,
    start: () => driver.start(),
    close: () => driver.close(),
    addPeer: (peer, address) => driver.addPeer(peer, address),
    removePeer: (peer) => driver.removePeer(peer),
    counters: () => structuredClone(driver.counters),
  };
}

class WsRemotingDriver implements Remoting {
  readonly counters: TransportCounters = createCounters();
  readonly #options: WsRemotingOptions;
  readonly #world: ConnectionWorld;
  #phase: "new" | "started" | "closed" = "new";
  readonly #listener: Listener;
  readonly #peers: PeerTable;
  readonly #knocker: Knocker;
  readonly #connections = new Set<Connection>();
  readonly #links = new Map<string, Connection>();
  readonly #log: TransportLog;
  readonly #linkListeners: ((event: LinkEvent) => void)[] = [];
  readonly #dropListeners: ((drop: EnvelopeDrop) => void)[] = [];
  #receive: ((envelope: Envelope) => void) | null = null;
  #resolve: ResolveRef | null = null;

  constructor(options: WsRemotingOptions) {
    this.#options = options;
    const { node, incarnation, clusterId, token, peers, clock, logger, listen } = options;
    this.#log = new TransportLog(this.counters, clock, logger);
    const timing = { ...TRANSPORT_TIMING, ...options.timing };
    const rules = { extended: true, types: createPayloadTypes(options) };
    this.#peers = new PeerTable({
      node,
      createDialer: (peer, address) => this.#createDialer(peer, address, timing),
      knock: (address) => this.#knocker.knock(address),
      isLinked: (peer) => this.#links.has(peer),
    });
    for (const [peer, address] of peers) this.#peers.put(peer, address);
    this.#knocker = new Knocker({ cluster: clusterId, node, incarnation }, timing);
    this.#world = {
      self: {
        identity: { cluster: clusterId, node, incarnation },
        versions: PROTOCOL_VERSIONS,
        prover: createHmacProver(token),
        members: {
          has: (peer) => this.#peers.has(peer),
          linkedIncarnation: (peer) => this.#links.get(peer)?.peer?.incarnation,
        },
      },
      clock,
      timing,
      counters: this.counters,
      packing: { ...rules, errorStacks: options.errorStacks ?? false },
      unpacking: { ...rules, resolve: (address) => this.#resolveRef(address) },
      messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX,
      onLinked: (connection, peer) => this.#onLinked(connection, peer),
      onReceived: (received) => this.#onReceived(received),
      onKnock: (peer) => this.#onKnock(peer),
      onClosed: (connection, end) => this.#onClosed(connection, end),
    };
    this.#listener = new Listener({
      host: listen.host ?? LOOPBACK,
      port: listen.port,
      peers: peers.size,
      timing,
      onOpen: (open) => this.#adopt(open),
      onRefused: (refusal, remote) => this.#log.refused(refusal, { peer: null, remote }),
    });
  }

  async start(): Promise<{ readonly port: number }> {
    const { node } = this.#options;
    if (this.#phase !== "new") throw notNew(node, this.#phase);
    this.#phase = "started";
    const listening = await this.#listener.listen().catch((error: unknown) => {
      // Another program may let the port go; one that was closed meanwhile stays so.
      if (this.#phase === "started") this.#phase = "new";
      throw error;
    });
    const { host = LOOPBACK } = this.#options.listen;
    if (!isLoopback(host)) this.#log.unencrypted(this.#options.node, host);
    this.#peers.dial();
    return listening;
  }

  async close(): Promise<void> {
    this.#phase = "closed";
    this.#peers.close();
    this.#knocker.close();
    const ends = [...this.#connections].map((connection) => {
      connection.close("shutdown");
      return connection.gone;
    });
    await Promise.all([this.#listener.close(), ...ends]);
  }

  addPeer(peer: string, address: PeerAddress): void {
    checkPeer(this.#options.node, peer);
    if (this.#phase === "closed") return;
    this.#peers.put(peer, address);
    this.#listener.expectPeers(this.#peers.size);
  }

  removePeer(peer: string): void {
    this.#peers.retire(peer);
  }

  send(envelope: Envelope): void {
    const { from, to } = envelope;
    const link = this.#links.get(to.node);
    if (
      link === undefined ||
      from.node !== this.#options.node ||
      !isPath(to.path) ||
      from.path.length > PATH_LENGTH_MAX
    ) {
      return this.#cannotSend(envelope);
    }
    const drop = link.tell(envelope);
    if (drop === undefined) {
      this.counters.envelopesSent += 1;
      return;
    }
    this.#dropped(envelope, drop.reason, drop.detail);
    // Both kernels count on what they say while the link lasts. Not at once: who sends is not told of links meanwhile.
    if (from.path === KERNEL_PATH) queueMicrotask(() => link.giveUp());
  }

  onEnvelope(receive: (envelope: Envelope) => void): void {
    this.#receive = receive;
  }

  useRefs(resolve: (address: Address) => AnyRef): void {
    this.#resolve = resolve;
  }

  onLink(listen: (event: LinkEvent) => void): void {
    this.#linkListeners.push(listen);
    for (const connection of this.#links.values()) {
      if (connection.peer !== null) listen(upOf(connection, connection.peer));
    }
  }

  onDropped(listen: (drop: EnvelopeDrop) => void): void {
    this.#dropListeners.push(listen);
  }

  #createDialer(peer: string, address: PeerAddress, timing: TransportTiming): Dialer {
    const { clock, random } = this.#options;
    return new Dialer({
      peer,
      address,
      clock,
      random,
      timing,
      onDial: () => {
        this.counters.dials += 1;
      },
      onOpen: (open) => this.#adopt(open),
      onFailure: (detail) => this.#log.cannotReach(peer, { ...address, detail }),
    });
  }

  #adopt(open: OpenSocket): void {
    const connection = new Connection(this.#world, open);
    this.#connections.add(connection);
    void connection.gone.then(() => this.#connections.delete(connection));
  }

  #onLinked(connection: Connection, { node, incarnation }: Identity): void {
    // Removed while it was shaking hands.
    if (!this.#peers.has(node)) return connection.close("shutdown");
    // At the acceptor: the dialer has one connection at a time, so it gave the older one up, though its end is not here yet.
    this.#links.get(node)?.close("replaced");
    this.#links.set(node, connection);
    if (connection.dialed !== null) this.#peers.linked(connection.dialed);
    this.#log.linkUp({ peer: node, incarnation, remote: connection.remote });
    this.#emit(upOf(connection, { node, incarnation }));
  }

  /** A link that is there may be one to a process that is gone: that shows when it is asked for a sign of life. */
  #onKnock(peer: string): void {
    const link = this.#links.get(peer);
    if (link === undefined) this.#peers.knocked(peer);
    else link.probe();
  }

  #onClosed(connection: Connection, end: ConnectionEnd): void {
    const { peer, dialed, remote } = connection;
    const other = { peer: peer?.node ?? dialed, remote };
    if (end.type === "refused") this.#log.refused(end.refusal, other);
    if (end.type === "refused-by-peer") this.#log.refusedByPeer(end.code, other);
    if (peer !== null && this.#links.get(peer.node) === connection) {
      this.#links.delete(peer.node);
      this.#log.linkDown({ peer: peer.node, remote, end: describeEnd(end) });
      if (end.type !== "replaced") this.#peers.unlinked(peer.node);
      this.#emit({ type: "down", node: peer.node, incarnation: peer.incarnation });
    }
    if (dialed !== null) this.#peers.lost(dialed);
  }

  #onReceived({ envelopes, lost }: Received): void {
    const receive = this.#receive;
    if (receive === null || this.#resolve === null) {
      this.#log.notStarted(envelopes.length + lost.length);
      return;
    }
    this.counters.envelopesReceived += envelopes.length;
    for (const envelope of envelopes) receive(envelope);
    for (const { envelope, reason, detail } of lost) this.#dropped(envelope, reason, detail);
  }

  /** To a node without a link, or to or from what cannot be. */
  #cannotSend(envelope: Envelope): void {
    const { from, to } = envelope;
    const { node } = this.#options;
    if (from.node !== node) this.#dropped(envelope, "no-route", `it is sent in the name of "${from.node}"`);
    else if (!this.#peers.has(to.node)) this.#dropped(envelope, "no-route", `"${to.node}" is no peer of this node`);
    else if (!isPath(to.path)) this.#dropped(envelope, "no-route", "there is no such path");
    else if (from.path.length > PATH_LENGTH_MAX) this.#dropped(envelope, "no-route", "the sender's path is too long");
    else this.#dropped(envelope, "no-link", `"${to.node}" has no link at the moment`);
  }

  #dropped(envelope: Envelope, reason: EnvelopeDropReason, detail: string): void {
    this.#log.envelopeDropped(envelope, reason, detail);
    for (const listen of this.#dropListeners) listen({ envelope, reason, detail });
  }

  #resolveRef(address: Address): AnyRef {
    return this.#resolve?.(address) ?? new Ref(address, NOBODY);
  }

  #emit(event: LinkEvent): void {
    for (const listen of this.#linkListeners) listen(event);
  }
}

function upOf({ version }: Connection, { node, incarnation }: Pick<Identity, "node" | "incarnation">): LinkEvent {
  const up: LinkEvent = { type: "up", node, incarnation };
  return version >= KERNELS_SINCE ? up : { ...up, hearsKernels: false };
}

function isPath(path: string): boolean {
  return path !== "" && path.length <= PATH_LENGTH_MAX;
}

function describeEnd(end: ConnectionEnd): string {
  switch (end.type) {
    case "refused":
      return `refused: ${end.refusal.code}`;
    case "refused-by-peer":
      return `refused by the peer: ${end.code}`;
    case "lost":
      return end.detail;
    default:
      return end.type;
  }
}

function notNew(node: string, phase: "started" | "closed"): TransportError {
  if (phase === "closed") {
    return new TransportError("transport-closed", {
      message: `Cannot start to talk to other nodes as node "${node}": it was closed`,
      hint: "make a new one, as createNodeWorld() does",
    });
  }
  return new TransportError("transport-started", {
    message: `Cannot start to talk to other nodes as node "${node}": it has started`,
    hint: "call start() once, and keep the port that it tells",
  });
}
