/**
 * The remoting port: carries envelopes between the actor systems of a cluster.
 *
 * Delivery is at most once and in order per pair of nodes while a link lasts; a lost link loses what was in flight.
 * Drivers: `transport/node/` (ws), the simulator's network. Payloads are plain data and `Ref`s; a driver that leaves the
 * process encodes refs as addresses, the simulator hands the same frozen objects over.
 */
import type { AnyRef } from "../ref.ts";
import type { Address } from "./address.ts";

export interface Remoting {
  /** Sends, or drops when there is no link and its queue is full. Never throws, never blocks. */
  send(envelope: Envelope): void;
  /** Registers the one receiver of this system; called by the kernel when the system starts. */
  onEnvelope(receive: (envelope: Envelope) => void): void;
  /** Registers how a ref's address in a payload becomes a ref again; a driver that keeps the objects leaves it out. */
  useRefs?(resolve: (address: Address) => AnyRef): void;
  /** Registers a listener for links coming up and going down. */
  onLink(listen: (event: LinkEvent) => void): void;
}

/** A message between two nodes. */
export interface Envelope {
  readonly from: Address;
  readonly to: Address;
  readonly message: unknown;
}

/** A link is the connection of this node to one peer, whichever side opened it. */
export interface LinkEvent {
  readonly type: "up" | "down";
  readonly node: string;
  /** The peer's incarnation: minted when its data folder was first used. */
  readonly incarnation: string;
}
