/**
 * The remoting port over WebSockets: at most one link a peer, frames of MessagePack, loopback unless told otherwise.
 *
 * It owns every connection and decides which one is a peer's link. What it does not do: encrypt (the token proves who
 * speaks, see ../handshake.ts), find peers, or deliver again what a lost link took with it.
 */
import type { Clock } from "../../runtime/ports/clock.ts";
import type { Logger } from "../../runtime/ports/logger.ts";
import type { Random } from "../../runtime/ports/random.ts";
import type { Address, Envelope, LinkEvent, Remoting } from "../../runtime/ports/remoting.ts";
import { Ref, type AnyRef, type Recipient } from "../../runtime/ref.ts";
import {
  createCounters,
  dialerOf,
  ENVELOPE_BYTES_MAX,
  isAddress,
  isName,
  LogThrottle,
  PROTOCOL_VERSIONS,
  type DropReason,
  type Identity,
  type RefusalCode,
  type TransportCounters,
  type WireEnvelope,
} from "../index.ts";
import { Connection, type ConnectionEnd, type ConnectionWorld, type OpenSocket } from "./connection.ts";
import { Dialer, type PeerAddress } from "./dialer.ts";
import { createHmacProver } from "./hmac-prover.ts";
import { Listener } from "./listener.ts";
import { encodePlain, type ResolveRef } from "./msgpack-codec.ts";
import { TRANSPORT_TIMING, type TransportTiming } from "./timing.ts";
import { TransportError } from "./transport-error.ts";

export interface WsRemotingOptions {
  readonly node: string;
  readonly incarnation: string;
  readonly clusterId: string;
  /** The secret all members share, at least 16 characters. Made by a machine: a guess can be tested by who intercepts. */
  readonly token: string;
  /** Default host: 127.0.0.1. Port 0: any free one. */
  readonly listen: { readonly host?: string; readonly port: number };
  /** Every other member and where it listens. */
  readonly peers: ReadonlyMap<string, PeerAddress>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default: `TRANSPORT_TIMING`. */
  readonly timing?: Partial<TransportTiming>;
}

export interface WsRemoting {
  readonly remoting: Remoting;
  /** Listens, then dials. @throws {TransportError} `listen-port-in-use`, `listen-failed`. */
  start(): Promise<{ readonly port: number }>;
  /** Ends every link and resolves when nothing of it is open any more. */
  close(): Promise<void>;
  /** A copy of the counters as they are. */
  counters(): TransportCounters;
}

const TOKEN_LENGTH_MIN = 16;

const LOOPBACK = "127.0.0.1";

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
    counters: () => structuredClone(driver.counters),
  };
}

class WsRemotingDriver implements Remoting {
  readonly counters: TransportCounters = createCounters();
  readonly #options: WsRemotingOptions;
  readonly #world: ConnectionWorld;
  readonly #listener: Listener;
  readonly #dialers = new Map<string, Dialer>();
  readonly #connections = new Set<Connection>();
  readonly #links = new Map<string, Connection>();
  readonly #throttle = new LogThrottle();
  readonly #linkListeners: ((event: LinkEvent) => void)[] = [];
  #receive: ((envelope: Envelope) => void) | null = null;
  #resolve: ResolveRef | null = null;

  constructor(options: WsRemotingOptions) {
    this.#options = options;
    const { node, incarnation, clusterId, token, peers, clock, listen } = options;
    const timing = { ...TRANSPORT_TIMING, ...options.timing };
    this.#world = {
      self: {
        identity: { cluster: clusterId, node, incarnation },
        versions: PROTOCOL_VERSIONS,
        prover: createHmacProver(token),
        members: {
          has: (peer) => peers.has(peer),
          linkedIncarnation: (peer) => this.#links.get(peer)?.peer?.incarnation,
        },
      },
      clock,
      timing,
      counters: this.counters,
      resolveRef: (address) => this.#resolveRef(address),
      onLinked: (connection, peer) => this.#onLinked(connection, peer),
      onEnvelopes: (envelopes) => this.#onEnvelopes(envelopes),
      onClosed: (connection, end) => this.#onClosed(connection, end),
    };
    this.#listener = new Listener({
      host: listen.host ?? LOOPBACK,
      port: listen.port,
      peers: peers.size,
      timing,
      onOpen: (open) => this.#adopt(open),
      onRefused: (code, detail, remote) => this.#logRefusal(code, detail, { remote }),
    });
    for (const [peer, address] of peers) {
      if (dialerOf(node, peer) === node) this.#dialers.set(peer, this.#createDialer(peer, address, timing));
    }
  }

  async start(): Promise<{ readonly port: number }> {
    const { node, listen, logger } = this.#options;
    const listening = await this.#listener.listen();
    const { host = LOOPBACK } = listen;
    if (!isLoopback(host)) {
      logger.log("warn", `Node "${node}" talks to its peers unencrypted; use a network that only they can reach`, {
        host,
      });
    }
    for (const dialer of this.#dialers.values()) dialer.dial();
    return listening;
  }

  async close(): Promise<void> {
    for (const dialer of this.#dialers.values()) dialer.close();
    const ends = [...this.#connections].map((connection) => {
      connection.close("shutdown");
      return connection.gone;
    });
    await Promise.all([this.#listener.close(), ...ends]);
  }

  send(envelope: Envelope): void {
    const { from, to, message } = envelope;
    if (from.node !== this.#options.node || !this.#options.peers.has(to.node) || !isAddress(to)) {
      return this.#drop("no-route");
    }
    const link = this.#links.get(to.node);
    if (link === undefined) return this.#drop("no-link");
    const wire: WireEnvelope = [to.path, from.path, message];
    const encoded = encodePlain(wire, "message", message);
    if (!encoded.ok) return this.#dropWithError("not-plain", envelope, encoded.detail);
    if (encoded.bytes.length > ENVELOPE_BYTES_MAX) {
      const detail = `it has ${encoded.bytes.length} bytes, at most ${ENVELOPE_BYTES_MAX} fit into a frame`;
      return this.#dropWithError("too-large", envelope, detail);
    }
    if (link.send(encoded.bytes)) this.counters.envelopesSent += 1;
    else this.#drop("queue-full");
  }

  onEnvelope(receive: (envelope: Envelope) => void): void {
    this.#receive = receive;
  }

  useRefs(resolve: (address: Address) => AnyRef): void {
    this.#resolve = resolve;
  }

  onLink(listen: (event: LinkEvent) => void): void {
    this.#linkListeners.push(listen);
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
      onFailure: (detail) => this.#logThrottled(`dial ${peer}`, `Cannot reach "${peer}"`, { peer, ...address, detail }),
    });
  }

  #adopt(open: OpenSocket): void {
    const connection = new Connection(this.#world, open);
    this.#connections.add(connection);
    void connection.gone.then(() => this.#connections.delete(connection));
  }

  #onLinked(connection: Connection, peer: Identity): void {
    // At the acceptor: the dialer has one connection at a time, so it gave the older one up, though its end is not here yet.
    this.#links.get(peer.node)?.close("replaced");
    this.#links.set(peer.node, connection);
    this.counters.linksUp += 1;
    if (connection.dialed !== null) this.#dialers.get(connection.dialed)?.linked();
    const { node, incarnation } = peer;
    this.#options.logger.log("info", `Link to "${node}" is up`, { peer: node, incarnation, remote: connection.remote });
    this.#emit({ type: "up", node, incarnation });
  }

  #onClosed(connection: Connection, end: ConnectionEnd): void {
    const { peer, dialed, remote } = connection;
    const name = peer?.node ?? dialed;
    if (end.type === "refused") this.#logRefusal(end.refusal.code, end.refusal.detail, { peer: name, remote });
    if (end.type === "refused-by-peer") {
      this.counters.refusedByPeer[end.code] += 1;
      const label = name ?? "stranger";
      this.#logThrottled(`by ${end.code} ${label}`, `"${label}" refused this node: ${end.code}`, {
        peer: name,
        remote,
      });
    }
    if (peer !== null && this.#links.get(peer.node) === connection) {
      this.#links.delete(peer.node);
      this.counters.linksDown += 1;
      this.#options.logger.log("info", `Link to "${peer.node}" is down`, {
        peer: peer.node,
        remote,
        end: describeEnd(end),
      });
      this.#emit({ type: "down", node: peer.node, incarnation: peer.incarnation });
    }
    if (dialed !== null) this.#dialers.get(dialed)?.lost();
  }

  #onEnvelopes(envelopes: readonly Envelope[]): void {
    const receive = this.#receive;
    if (receive === null || this.#resolve === null) {
      this.counters.dropped["not-started"] += envelopes.length;
      return;
    }
    this.counters.envelopesReceived += envelopes.length;
    for (const envelope of envelopes) receive(envelope);
  }

  #resolveRef(address: Address): AnyRef {
    return this.#resolve?.(address) ?? new Ref(address, NOBODY);
  }

  #emit(event: LinkEvent): void {
    for (const listen of this.#linkListeners) listen(event);
  }

  #drop(reason: DropReason): void {
    this.counters.dropped[reason] += 1;
  }

  /** A bug of the sender: nobody repeats it, so it is said aloud. */
  #dropWithError(reason: DropReason, { from, to }: Envelope, detail: string): void {
    this.#drop(reason);
    const message = `Cannot send to "${to.path}" on "${to.node}": ${detail}`;
    this.#logThrottled(`drop ${reason} ${to.node}`, message, { from: from.path, to: to.path, peer: to.node }, "error");
  }

  #logRefusal(
    code: RefusalCode,
    detail: string,
    about: { readonly peer?: string | null; readonly remote: string },
  ): void {
    this.counters.refused[code] += 1;
    const message = `Refused a connection: ${code}: ${detail}`;
    this.#logThrottled(`refused ${code} ${about.peer ?? "stranger"}`, message, { code, ...about });
  }

  #logThrottled(
    key: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
    level: "warn" | "error" = "warn",
  ): void {
    const { clock, logger } = this.#options;
    const suppressed = this.#throttle.pass(key, clock.monotonicMs());
    if (suppressed !== undefined) logger.log(level, message, suppressed === 0 ? fields : { ...fields, suppressed });
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
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

function checkOptions({ node, incarnation, clusterId, token, peers }: WsRemotingOptions): void {
  const names = { node, incarnation, "cluster id": clusterId };
  for (const [what, value] of [...Object.entries(names), ...[...peers.keys()].map((peer) => ["peer", peer] as const)]) {
    if (isName(value)) continue;
    const message = `Cannot set up the transport of node "${node}": the ${what} is "${value}".`;
    throw new TransportError("transport-options", { message, hint: 'Use 1 to 64 letters, digits, "-", "_" and ".".' });
  }
  if (peers.has(node)) {
    const message = `Cannot set up the transport of node "${node}": it is among its own peers.`;
    throw new TransportError("transport-options", { message, hint: "Each node needs a name of its own." });
  }
  if (token.length < TOKEN_LENGTH_MIN) {
    const message = `Cannot set up the transport of node "${node}": the cluster token has ${token.length} characters.`;
    const hint = `Use at least ${TOKEN_LENGTH_MIN}, made by a machine ("openssl rand -hex 32").`;
    throw new TransportError("transport-options", { message, hint });
  }
}
