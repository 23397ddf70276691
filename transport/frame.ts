/**
 * The frames of the wire protocol, the only file with their tags. A frame is one binary WebSocket message holding one
 * MessagePack array whose first element is the tag.
 *
 * Tags are only ever appended; a removed one stays reserved. `hello` and `challenge` may get more elements at the end in
 * a later version, and a reader ignores those it does not know: two versions must be able to read each other's greeting
 * in order to disagree by name. Every other frame is exactly as long as stated.
 */
import type { Envelope } from "../runtime/ports/remoting.ts";

export const FRAME_TAGS = { hello: 1, challenge: 2, proof: 3, welcome: 4, envelopes: 5 } as const;

/**
 * The largest frame, 16 MiB: room for a snapshot chunk or a full Raft batch, and still decoded in well under a tenth of a
 * second. A longer one closes the connection as soon as its header is read.
 */
export const FRAME_BYTES_MAX: number = 16 * 1024 * 1024;

/** What one connection may send before it has proven the token; greetings take some 300 bytes. */
export const HANDSHAKE_BYTES_MAX: number = 8 * 1024;

export type Frame = HandshakeFrame | EnvelopesFrame;

export type HandshakeFrame = HelloFrame | ChallengeFrame | ProofFrame | WelcomeFrame;

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

/** Everything that waited, in order. Nodes stand for the link's two ends, so no node can write in another's name. */
export interface EnvelopesFrame {
  readonly type: "envelopes";
  readonly envelopes: readonly Envelope[];
}

/** An envelope inside a frame: path to, path from (empty without a sender), message. */
export type WireEnvelope = readonly [to: string, from: string, message: unknown];

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
    case "proof":
      return [FRAME_TAGS.proof, frame.proof];
    case "welcome":
      return [FRAME_TAGS.welcome, frame.proof];
    default:
      return frame satisfies never;
  }
}
