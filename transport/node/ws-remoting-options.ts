/** What a node's transport must be told, and what of it cannot work. */
import type { Clock } from "../../runtime/ports/clock.ts";
import type { Logger } from "../../runtime/ports/logger.ts";
import type { Random } from "../../runtime/ports/random.ts";
import { isName, MESSAGE_BYTES_MAX, PayloadTypes, type PayloadType, type PeerAddress } from "../index.ts";
import type { TransportTiming } from "./timing.ts";
import { TransportError } from "./transport-error.ts";

export interface WsRemotingOptions {
  readonly node: string;
  readonly incarnation: string;
  readonly clusterId: string;
  /** The secret all members share, at least 16 characters. Made by a machine: a guess can be tested by who intercepts. */
  readonly token: string;
  /** Default host: 127.0.0.1. Port 0: any free one. */
  readonly listen: { readonly host?: string; readonly port: number };
  /** The other nodes to begin with, and where each listens; `addPeer` adds more. */
  readonly peers: ReadonlyMap<string, PeerAddress>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The types of the application's own that may be in messages. Every node needs them all. Default: none. */
  readonly payloadTypes?: readonly PayloadType[];
  /**
   * The largest message that is sent or taken, encoded, in bytes; 1 KiB to 1 GiB. Default: `MESSAGE_BYTES_MAX`, 64 MiB. A
   * link may keep three times as much for messages that are under way.
   */
  readonly messageBytesMax?: number;
  /** Whether errors in messages carry their stack, which names files of this host. Default: false. */
  readonly errorStacks?: boolean;
  /** Default: `TRANSPORT_TIMING`. */
  readonly timing?: Partial<TransportTiming>;
}

/** Where a node listens unless told otherwise: nothing is encrypted before there is TLS. */
export const LOOPBACK = "127.0.0.1";

const TOKEN_LENGTH_MIN = 16;

const MESSAGE_BYTES_RANGE = { min: 1024, max: 1024 ** 3 };

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

/** @throws {TransportError} `transport-options` when a name, the token, the peers or a limit cannot work. */
export function checkOptions(options: WsRemotingOptions): void {
  const { node, incarnation, clusterId, token, peers, messageBytesMax = MESSAGE_BYTES_MAX } = options;
  const names = { node, incarnation, "cluster id": clusterId };
  for (const [what, value] of Object.entries(names)) checkName(node, what, value);
  for (const peer of peers.keys()) checkPeer(node, peer);
  if (token.length < TOKEN_LENGTH_MIN) {
    const message = `Cannot set up the transport of node "${node}": the cluster token has ${token.length} characters.`;
    const hint = `Use at least ${TOKEN_LENGTH_MIN}, made by a machine ("openssl rand -hex 32").`;
    throw new TransportError("transport-options", { message, hint });
  }
  const { min, max } = MESSAGE_BYTES_RANGE;
  if (!Number.isInteger(messageBytesMax) || messageBytesMax < min || messageBytesMax > max) {
    const message = `Cannot set up the transport of node "${node}": the largest message is to have ${messageBytesMax} bytes.`;
    throw new TransportError("transport-options", { message, hint: `Use ${min} to ${max}.` });
  }
}

/** @throws {TransportError} `transport-options` when `peer` can be no peer of `node`. */
export function checkPeer(node: string, peer: string): void {
  checkName(node, "peer", peer);
  if (peer !== node) return;
  const message = `Cannot set up the transport of node "${node}": it is among its own peers.`;
  throw new TransportError("transport-options", { message, hint: "Each node needs a name of its own." });
}

function checkName(node: string, what: string, value: string): void {
  if (isName(value)) return;
  const message = `Cannot set up the transport of node "${node}": the ${what} is "${String(value)}".`;
  throw new TransportError("transport-options", { message, hint: 'Use 1 to 64 letters, digits, "-", "_" and ".".' });
}

/** @throws {TransportError} `transport-options` when a tag is malformed or there twice. */
export function createPayloadTypes({ node, payloadTypes = [] }: WsRemotingOptions): PayloadTypes {
  try {
    return new PayloadTypes(payloadTypes);
  } catch (cause) {
    const message = `Cannot set up the transport of node "${node}": ${(cause as Error).message}.`;
    throw new TransportError("transport-options", { message, hint: "Give each payload type a tag of its own.", cause });
  }
}
