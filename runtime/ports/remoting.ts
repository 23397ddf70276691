/**
 * The remoting port: carries envelopes between the actor systems of a cluster.
 *
 * Delivery is at most once and, while a link lasts, in order for all that one node sends to one path of another; a lost link loses
 * what was in flight.
 * Drivers: `transport/node/` (ws), the simulator's network. What a payload may hold: `transport/README.md`; a driver
 * that leaves the process encodes refs as addresses, the simulator hands the same frozen objects over.
 */
import type { AnyRef } from "../ref.ts";
import type { Address } from "./address.ts";

/**
 * The path that kernels speak from, to this path or about an actor to its own; no actor can have this name. What they say is
 * little, and both ends count on it: a driver never drops it while the link lasts, and ends the link when it takes no more.
 */
export const KERNEL_PATH = "$kernel";

/** The way to the other nodes, as the kernel sees it. */
export interface Remoting {
  /**
   * Sends, or drops when there is no link or its queue is full. Never throws, never blocks, and calls no listener of links. An
   * envelope from `KERNEL_PATH` is dropped with the link only.
   */
  send(envelope: Envelope): void;
  /** Registers the one receiver of this system; called by the kernel when the system starts. */
  onEnvelope(receive: (envelope: Envelope) => void): void;
  /** Registers how a ref's address in a payload becomes a ref again; a driver that keeps the objects leaves it out. */
  useRefs?(resolve: (address: Address) => AnyRef): void;
  /** Registers a listener for links coming up and going down; it is told of those that are up at once. */
  onLink(listen: (event: LinkEvent) => void): void;
  /**
   * Registers who hears of envelopes that this node dropped: what it could not send, at the sender, before `send`
   * returns; what came and could not be read, at the receiver. Not told: what was under way when a link was lost.
   */
  onDropped?(listen: (drop: EnvelopeDrop) => void): void;
}

/** An envelope that goes nowhere, and why. */
export interface EnvelopeDrop {
  /** One that could not be read has the message `undefined`. */
  readonly envelope: Envelope;
  readonly reason: EnvelopeDropReason;
  /** In words, for people: `message.list[0].at is cyclic`. */
  readonly detail: string;
}

/** Why a driver dropped an envelope. */
export type EnvelopeDropReason =
  /** The peer has no link at the moment. */
  | "no-link"
  /** The peer reads more slowly than this node writes. */
  | "queue-full"
  /** Not from this node, to a node that is no peer, or to no possible path. */
  | "no-route"
  /** Something in the message may not cross between nodes, or not to a peer of that version; a bug of the sender. */
  | "not-plain"
  | "too-large"
  /** It came and could not be read: a payload type that this node does not know, or one whose `decode` threw. */
  | "unreadable";

/** A message between two nodes. */
export interface Envelope {
  readonly from: Address;
  readonly to: Address;
  readonly message: unknown;
  /** The inspection event that the message follows from, while the sending system is inspected. A driver may leave it behind. */
  readonly cause?: string;
}

/** A link is the connection of this node to one peer, whichever side opened it. */
export interface LinkEvent {
  readonly type: "up" | "down";
  readonly node: string;
  /** The peer's incarnation: minted when its data folder was first used. */
  readonly incarnation: string;
  /**
   * With `up`, whether the peer's kernel hears what comes from `KERNEL_PATH`. One of before that grants no credit, and says
   * nothing of what was watched or asked. Default: true.
   */
  readonly hearsKernels?: boolean;
}
