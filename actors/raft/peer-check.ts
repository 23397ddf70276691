/**
 * What comes from another node, before anybody relies on its shape: it runs the same code, but maybe of another version. Only shapes are
 * checked here, so that nothing that reads a message can stumble; whether what it says can be true is the core's to judge.
 */
import { decodeConfiguration } from "./core/configuration-codec.ts";
import { isOfNode } from "./member-id.ts";
import type { RaftActorMessage } from "./raft-actor-protocol.ts";
import type { RefusalReason } from "./refusals.ts";

export interface OwnIdentity {
  readonly member: string;
  readonly cluster: string;
}

/** A name of a user, a node or a tool; it stays in the log, and in every snapshot until the next change. */
const ASKED_BY_LENGTH_MAX = 256;

type PeerMessage = Extract<RaftActorMessage, { readonly type: "peer" }>;
type Fields = Readonly<Record<string, unknown>>;

/** Whether another node may send it: the rest is between this actor, its stores and the actors of its node. */
export function isFromPeer(message: unknown): message is RaftActorMessage {
  if (!isObject(message)) return false;
  switch (message["type"]) {
    case "peer":
      return isText(message["cluster"]) && isText(message["from"]) && isText(message["to"]);
    case "propose":
      return message["payload"] instanceof Uint8Array;
    case "change-membership":
      return isChange(message["change"]);
    case "transfer":
      return message["to"] === null || isText(message["to"]);
    case "status":
      return isObject(message["replyTo"]);
    case "hello":
      return isText(message["from"]) && areTexts(message["voters"]);
    case "hello-answer":
      return (
        isText(message["from"]) &&
        isText(message["to"]) &&
        areTexts(message["voters"]) &&
        isBelonging(message["belongs"])
      );
    default:
      return false;
  }
}

/**
 * Whether a message speaks in the name of another node's member. `sender` is the node that the link is with, which the transport has proven, so
 * no node can vote, acknowledge or lead as another; null for what comes from this node, which nothing could keep from it.
 */
export function isForged(from: string, sender: string | null): boolean {
  return sender !== null && !isOfNode(from, sender);
}

/** Why a message between members is refused, or null. `sender`: the node that it came from, null for this one. */
export function peerFault(
  { cluster, from, to, message }: PeerMessage,
  own: OwnIdentity,
  sender: string | null,
): RefusalReason | null {
  if (isForged(from, sender)) return "forged";
  if (cluster !== own.cluster) return "other-cluster";
  if (to !== own.member) return "other-incarnation";
  if (from === own.member) return "own-name";
  return hasShape(message) ? null : "malformed";
}

function hasShape(message: unknown): boolean {
  if (!isObject(message)) return false;
  switch (message["type"]) {
    case "append":
    case "log-part": {
      const entries = message["entries"];
      return Array.isArray(entries) && entries.every(isObject);
    }
    case "snapshot-offer":
      return (
        isObject(message["snapshot"]) &&
        isText(message["snapshot"]["id"]) &&
        isConfiguration(message["snapshot"]["configuration"])
      );
    case "snapshot-part":
      return isText(message["id"]) && message["bytes"] instanceof Uint8Array;
    case "snapshot-report":
      return isText(message["id"]);
    default:
      return isText(message["type"]);
  }
}

function isChange(value: unknown): boolean {
  if (!isObject(value) || !isText(value["type"]) || !isText(value["member"])) return false;
  const { address, askedBy } = value;
  if (address !== undefined && !isText(address)) return false;
  return askedBy === undefined || (isText(askedBy) && askedBy.length <= ASKED_BY_LENGTH_MAX);
}

function isBelonging(value: unknown): boolean {
  if (value === null) return true;
  if (!isObject(value) || !isText(value["cluster"]) || !(value["configuration"] instanceof Uint8Array)) return false;
  return value["birth"] === null || value["birth"] instanceof Uint8Array;
}

function isConfiguration(value: unknown): boolean {
  if (!(value instanceof Uint8Array)) return false;
  try {
    decodeConfiguration(value);
    return true;
  } catch {
    return false;
  }
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}
