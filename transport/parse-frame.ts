/**
 * From a decoded value to a frame of the handshake, or to the name of what is wrong with it. Nothing behind this file looks
 * at a field whose type it has not checked. Frames of a link are read where their bytes are (node/link-reader.ts).
 */
import { FRAME_TAGS, type HandshakeFrame, type Identity } from "./frame.ts";
import type { Refusal } from "./refusal.ts";

/** Node names, cluster ids, incarnations. No `/`: it separates node and path. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** 32 bytes in hexadecimal digits. */
const HASH = /^[0-9a-f]{64}$/;

/** An actor's path; generous, since names are at most 128 long and trees are flat. */
export const PATH_LENGTH_MAX = 1024;

export type ParsedFrame =
  | { readonly ok: true; readonly frame: HandshakeFrame }
  | { readonly ok: false; readonly refusal: Refusal };

export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

export function parseFrame(value: unknown): ParsedFrame {
  if (!Array.isArray(value)) return malformed("it is not an array");
  const fields: readonly unknown[] = value;
  switch (fields[0]) {
    case FRAME_TAGS.hello:
      return parseHello(fields);
    case FRAME_TAGS.challenge:
      return parseChallenge(fields);
    case FRAME_TAGS.proof:
    case FRAME_TAGS.welcome:
      return parseProof(fields);
    case FRAME_TAGS.knock:
      return parseKnock(fields);
    case FRAME_TAGS.envelopes:
    case FRAME_TAGS.messages:
    case FRAME_TAGS.large:
    case FRAME_TAGS.chunk:
    case FRAME_TAGS.traced:
      return { ok: false, refusal: { code: "unexpected-frame", detail: "messages came before the link" } };
    default:
      return { ok: false, refusal: { code: "unknown-frame", detail: `its tag is ${describe(fields[0])}` } };
  }
}

function parseHello(fields: readonly unknown[]): ParsedFrame {
  const [, versionMin, versionMax, cluster, node, incarnation, nonce] = fields;
  if (!isVersion(versionMin) || !isVersion(versionMax) || versionMin > versionMax) return malformed("hello: versions");
  const identity = parseIdentity(cluster, node, incarnation);
  if (identity === undefined) return malformed("hello: cluster, node or incarnation");
  if (!isHash(nonce)) return malformed("hello: nonce");
  return { ok: true, frame: { type: "hello", versionMin, versionMax, identity, nonce } };
}

function parseChallenge(fields: readonly unknown[]): ParsedFrame {
  const [, version, cluster, node, incarnation, nonce] = fields;
  if (!isVersion(version)) return malformed("challenge: version");
  const identity = parseIdentity(cluster, node, incarnation);
  if (identity === undefined) return malformed("challenge: cluster, node or incarnation");
  if (!isHash(nonce)) return malformed("challenge: nonce");
  return { ok: true, frame: { type: "challenge", version, identity, nonce } };
}

function parseKnock(fields: readonly unknown[]): ParsedFrame {
  const [, cluster, node, incarnation] = fields;
  const identity = parseIdentity(cluster, node, incarnation);
  if (identity === undefined) return malformed("knock: cluster, node or incarnation");
  return { ok: true, frame: { type: "knock", identity } };
}

function parseProof(fields: readonly unknown[]): ParsedFrame {
  const type = fields[0] === FRAME_TAGS.proof ? "proof" : "welcome";
  const proof = fields[1];
  if (fields.length !== 2 || !isHash(proof)) return malformed(`${type}: proof`);
  return { ok: true, frame: { type, proof } };
}

function parseIdentity(cluster: unknown, node: unknown, incarnation: unknown): Identity | undefined {
  return isName(cluster) && isName(node) && isName(incarnation) ? { cluster, node, incarnation } : undefined;
}

function isVersion(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 0xffff;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && HASH.test(value);
}

function malformed(detail: string): ParsedFrame {
  return { ok: false, refusal: { code: "malformed-frame", detail } };
}

/** A value of the wire in a log line: its type, and itself only when it is a number. */
function describe(value: unknown): string {
  return typeof value === "number" ? String(value) : `a ${value === null ? "null" : typeof value}`;
}
