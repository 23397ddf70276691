/**
 * The frames of the wire protocol, the only file with their tags. A frame is one binary WebSocket message holding one
 * MessagePack array whose first element is the tag.
 *
 * Tags are only ever appended; a removed one stays reserved. `hello`, `challenge` and `knock` may get more elements at the end in
 * a later version, and a reader ignores those it does not know: two versions must be able to read each other's greeting
 * in order to disagree by name. Every other frame is exactly as long as stated.
 */
export const FRAME_TAGS = {
  hello: 1,
  challenge: 2,
  proof: 3,
  welcome: 4,
  /** Version 1: `[5, [to, from, message], …]`, paths as texts. */
  envelopes: 5,
  /**
   * Since version 2: `[6, message, to, from, message, to, from, …]`. A path is a text; or `[slot, text]`, which defines the
   * slot for the rest of the link; or a slot. Slots of `to` and of `from` are two tables (paths.ts).
   */
  messages: 6,
  /** Since version 2: `[7, id, to, from, length]` begins a large message, its paths as texts. */
  large: 7,
  /** Since version 2: `[8, id, bytes]` is the next part of it; the last one completes the length. */
  chunk: 8,
  /** Since version 2: `[9, message, to, from, cause, …]`: as messages, each with the inspection event it follows from. */
  traced: 9,
  /** Instead of a greeting: `[10, cluster, node, incarnation]`, "dial me". */
  knock: 10,
} as const;

/** What frames of envelopes may have before their tag: an array's head of 32 bits. */
export const FRAME_HEAD_BYTES = 6;

/**
 * A frame is closed when it reaches this size, so that the receiver's event loop gets a turn between frames and one of
 * its timers is never late by more than a millisecond or so. A larger message travels in chunks of this size, between
 * which heartbeats and the messages of others pass.
 */
export const FRAME_BYTES_TARGET: number = 256 * 1024;

/**
 * The largest frame, 16 MiB: what a peer of version 1, which knows no chunks, puts a large message into. A longer one
 * closes the connection as soon as its header is read.
 */
export const FRAME_BYTES_MAX: number = 16 * 1024 * 1024;

/**
 * The largest message unless a node is told otherwise, encoded: 64 MiB. It stays in memory at both ends while it travels,
 * and takes the receiver's event loop a tenth of a second; what is larger belongs into a file or into parts.
 */
export const MESSAGE_BYTES_MAX: number = 64 * 1024 * 1024;

/** Large messages of one link that are under way side by side; more wait at the sender. Bounds what a receiver keeps. */
export const LARGE_OPEN_MAX = 8;

/** What one connection may send before it has proven the token; greetings take some 300 bytes. */
export const HANDSHAKE_BYTES_MAX: number = 8 * 1024;

export type HandshakeFrame = HelloFrame | ChallengeFrame | ProofFrame | WelcomeFrame | KnockFrame;

/** Who a node says it is. */
export interface Identity {
  readonly cluster: string;
  readonly node: string;
  /** Minted when the node's data folder was first used. */
  readonly incarnation: string;
}

/** Dialer to acceptor, first on the wire: who I am, which protocol versions I speak, prove yourself over this nonce. */
export interface HelloFrame {
  readonly type: "hello";
  readonly versionMin: number;
  readonly versionMax: number;
  readonly identity: Identity;
  readonly nonce: string;
}

/** Acceptor to dialer: the version we speak from here on, who I am, prove yourself first. */
export interface ChallengeFrame {
  readonly type: "challenge";
  readonly version: number;
  readonly identity: Identity;
  readonly nonce: string;
}

/** Dialer to acceptor: HMAC of everything said so far. */
export interface ProofFrame {
  readonly type: "proof";
  readonly proof: string;
}

/** Acceptor to dialer: the same from the other side. The link is up. */
export interface WelcomeFrame {
  readonly type: "welcome";
  readonly proof: string;
}

/**
 * From a node that does not dial to the one that dials it, alone on its connection: I listen, dial me now. It proves nothing and gets
 * nothing but a dial that was due anyway, to the address that the dialer knows.
 */
export interface KnockFrame {
  readonly type: "knock";
  readonly identity: Identity;
}

export function toWire(frame: HandshakeFrame): readonly unknown[] {
  switch (frame.type) {
    case "hello": {
      const { cluster, node, incarnation } = frame.identity;
      return [FRAME_TAGS.hello, frame.versionMin, frame.versionMax, cluster, node, incarnation, frame.nonce];
    }
    case "challenge": {
      const { cluster, node, incarnation } = frame.identity;
      return [FRAME_TAGS.challenge, frame.version, cluster, node, incarnation, frame.nonce];
    }
    case "knock": {
      const { cluster, node, incarnation } = frame.identity;
      return [FRAME_TAGS.knock, cluster, node, incarnation];
    }
    case "proof":
      return [FRAME_TAGS.proof, frame.proof];
    case "welcome":
      return [FRAME_TAGS.welcome, frame.proof];
    default:
      return frame satisfies never;
  }
}
