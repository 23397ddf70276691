/**
 * The handshake as a pure machine: a state and a frame in, the next state and at most one frame out.
 *
 * ```
 *   dialer                                      acceptor
 *   hello(versions, who, nonce) ─────────────▶  versions, cluster and node fit?
 *   who I meant to call?  ◀──────────────────── challenge(version, who, nonce)
 *   proof(HMAC of all of that, as dialer) ───▶  token fits? not a second one of that name?
 *   token fits?  ◀───────────────────────────── welcome(HMAC, as acceptor)
 * ```
 *
 * The token never travels. Both sides prove it over both nonces, so nothing that was recorded can be played again, and
 * each proof names its role, so none can be sent back. The dialer proves first: who merely connects learns nothing to
 * test guesses on. It authenticates the peers, not what follows: against somebody who can rewrite packets only TLS helps.
 *
 * A node that is dialed may knock instead: a connection of its own with one frame that says that it listens. Whoever dials it does
 * so now, rather than when its wait is over. A knock is believed unproven, since all that it can cause is a dial that was due.
 *
 * The version range of both sides is part of what is proven, so nobody between them can talk them down.
 */
import { dialerOf } from "./dial-rule.ts";
import type { HandshakeFrame, HelloFrame, ChallengeFrame, Identity } from "./frame.ts";
import type { Refusal, RefusalCode } from "./refusal.ts";

/** Oldest and newest protocol this build speaks. A pair speaks the newest that both do. */
export const PROTOCOL_VERSIONS: VersionRange = { min: 1, max: 2 };

/** The first version whose kernels talk to each other (`KERNEL_PATH` of the port). */
export const KERNELS_SINCE = 2;

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** This node's side of every handshake. */
export interface HandshakeSelf {
  readonly identity: Identity;
  readonly versions: VersionRange;
  readonly prover: Prover;
  readonly members: Members;
}

/** Proves and checks knowledge of the cluster's token; lives where there is cryptography. */
export interface Prover {
  /** 64 lower-case hexadecimal digits. */
  prove(transcript: string): string;
  /** Takes the same time wherever the first difference lies. */
  verify(transcript: string, proof: string): boolean;
}

/** What this node knows of the others. */
export interface Members {
  has(node: string): boolean;
  /** The incarnation of the peer that a link is up with. */
  linkedIncarnation(node: string): string | undefined;
}

export type HandshakeState =
  | { readonly type: "awaiting-hello"; readonly nonce: string }
  | { readonly type: "awaiting-challenge"; readonly peer: string; readonly hello: HelloFrame }
  | { readonly type: "awaiting-proof"; readonly hello: HelloFrame; readonly challenge: ChallengeFrame }
  | { readonly type: "awaiting-welcome"; readonly hello: HelloFrame; readonly challenge: ChallengeFrame };

export type HandshakeStep =
  | { readonly type: "continue"; readonly state: HandshakeState; readonly send: HandshakeFrame }
  /** The peer is who it says it is; `send` first. */
  | { readonly type: "linked"; readonly peer: Identity; readonly version: number; readonly send: HandshakeFrame | null }
  /** A peer that this node dials says that it listens; the connection has served. */
  | { readonly type: "knocked"; readonly node: string }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** Opens as dialer. `nonce`: 64 hexadecimal digits that were never used before. */
export function greet(
  self: HandshakeSelf,
  peer: string,
  nonce: string,
): { readonly state: HandshakeState; readonly send: HelloFrame } {
  const { identity, versions } = self;
  const send: HelloFrame = { type: "hello", versionMin: versions.min, versionMax: versions.max, identity, nonce };
  return { state: { type: "awaiting-challenge", peer, hello: send }, send };
}

/** Opens as acceptor. */
export function awaitHello(nonce: string): HandshakeState {
  return { type: "awaiting-hello", nonce };
}

export function stepHandshake(self: HandshakeSelf, state: HandshakeState, frame: HandshakeFrame): HandshakeStep {
  switch (state.type) {
    case "awaiting-hello":
      if (frame.type === "knock") return onKnock(self, frame.identity);
      return frame.type === "hello" ? onHello(self, state.nonce, frame) : unexpected(state, frame);
    case "awaiting-challenge":
      return frame.type === "challenge" ? onChallenge(self, state, frame) : unexpected(state, frame);
    case "awaiting-proof":
      return frame.type === "proof" ? onProof(self, state, frame.proof) : unexpected(state, frame);
    case "awaiting-welcome":
      return frame.type === "welcome" ? onWelcome(self, state, frame.proof) : unexpected(state, frame);
    default:
      return state satisfies never;
  }
}

function onHello(self: HandshakeSelf, nonce: string, hello: HelloFrame): HandshakeStep {
  const { identity, versions } = self;
  const peer = hello.identity;
  const version = Math.min(versions.max, hello.versionMax);
  if (version < versions.min || version < hello.versionMin) {
    const theirs = `${hello.versionMin} to ${hello.versionMax}`;
    return refused("protocol-version", `it speaks versions ${theirs}, this node ${versions.min} to ${versions.max}`);
  }
  const peerRefusal = checkPeer(self, peer);
  if (peerRefusal !== undefined) return peerRefusal;
  if (dialerOf(identity.node, peer.node) !== peer.node) {
    return refused("wrong-direction", `"${identity.node}" dials "${peer.node}", never the other way round`);
  }
  const challenge: ChallengeFrame = { type: "challenge", version, identity, nonce };
  return { type: "continue", state: { type: "awaiting-proof", hello, challenge }, send: challenge };
}

function onKnock(self: HandshakeSelf, peer: Identity): HandshakeStep {
  const peerRefusal = checkPeer(self, peer);
  if (peerRefusal !== undefined) return peerRefusal;
  const { node } = self.identity;
  if (dialerOf(node, peer.node) === node) return { type: "knocked", node: peer.node };
  return refused("wrong-direction", `"${peer.node}" dials "${node}" and need not ask to be dialed`);
}

function onChallenge(
  self: HandshakeSelf,
  state: { readonly peer: string; readonly hello: HelloFrame },
  challenge: ChallengeFrame,
): HandshakeStep {
  const { versions, prover } = self;
  const { hello } = state;
  const peer = challenge.identity;
  if (challenge.version < versions.min || challenge.version > versions.max) {
    const ours = `${versions.min} to ${versions.max}`;
    return refused("protocol-version", `it chose version ${challenge.version}, this node speaks ${ours}`);
  }
  const clusterRefusal = checkCluster(self, peer);
  if (clusterRefusal !== undefined) return clusterRefusal;
  if (peer.node !== state.peer)
    return refused("wrong-node", `"${peer.node}" answered where "${state.peer}" was dialed`);
  const proof = prover.prove(transcript("dialer", hello, challenge));
  return { type: "continue", state: { type: "awaiting-welcome", hello, challenge }, send: { type: "proof", proof } };
}

function onProof(
  self: HandshakeSelf,
  { hello, challenge }: { readonly hello: HelloFrame; readonly challenge: ChallengeFrame },
  proof: string,
): HandshakeStep {
  const peer = hello.identity;
  if (!self.prover.verify(transcript("dialer", hello, challenge), proof)) return wrongToken(peer);
  const linked = self.members.linkedIncarnation(peer.node);
  if (linked !== undefined && linked !== peer.incarnation) {
    const detail = `"${peer.node}" is linked with incarnation ${linked}, this one has incarnation ${peer.incarnation}`;
    return refused("duplicate-node", detail);
  }
  const send: HandshakeFrame = { type: "welcome", proof: self.prover.prove(transcript("acceptor", hello, challenge)) };
  return { type: "linked", peer, version: challenge.version, send };
}

function onWelcome(
  self: HandshakeSelf,
  { hello, challenge }: { readonly hello: HelloFrame; readonly challenge: ChallengeFrame },
  proof: string,
): HandshakeStep {
  const peer = challenge.identity;
  if (!self.prover.verify(transcript("acceptor", hello, challenge), proof)) return wrongToken(peer);
  return { type: "linked", peer, version: challenge.version, send: null };
}

function checkPeer(self: HandshakeSelf, peer: Identity): HandshakeStep | undefined {
  const { identity, members } = self;
  const clusterRefusal = checkCluster(self, peer);
  if (clusterRefusal !== undefined) return clusterRefusal;
  if (peer.node === identity.node) return refused("own-node", `it says that it is "${peer.node}", and so is this node`);
  if (!members.has(peer.node)) return refused("unknown-node", `"${peer.node}" is not a member known to this node`);
  return undefined;
}

function checkCluster(self: HandshakeSelf, peer: Identity): HandshakeStep | undefined {
  const { cluster } = self.identity;
  if (peer.cluster === cluster) return undefined;
  return refused("wrong-cluster", `it belongs to cluster "${peer.cluster}", this node to "${cluster}"`);
}

function wrongToken(peer: Identity): HandshakeStep {
  return refused("wrong-token", `"${peer.node}" does not have the cluster token of this node`);
}

function unexpected(state: HandshakeState, frame: HandshakeFrame): HandshakeStep {
  return refused("unexpected-frame", `${frame.type} came while ${state.type}`);
}

function refused(code: RefusalCode, detail: string): HandshakeStep {
  return { type: "refused", refusal: { code, detail } };
}

/** Everything both sides said, as JSON: quoted and in order, so that no two conversations look alike. */
function transcript(role: "dialer" | "acceptor", hello: HelloFrame, challenge: ChallengeFrame): string {
  const { versionMin, versionMax } = hello;
  return JSON.stringify([
    "blixard handshake",
    role,
    [versionMin, versionMax, ...identityFields(hello.identity), hello.nonce],
    [challenge.version, ...identityFields(challenge.identity), challenge.nonce],
  ]);
}

function identityFields({ cluster, node, incarnation }: Identity): readonly string[] {
  return [cluster, node, incarnation];
}
