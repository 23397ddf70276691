/** What fronts and hosts of shards say to each other, and what a host hears of its own node. */
import type { Ref } from "../../runtime/index.ts";
import type { ProposeReply } from "../cluster/replica-protocol.ts";
import type { CoordinationNews } from "../coordination/coordination-news.ts";
import type { MajorityLost, SessionEvent } from "../coordination/coordinator-protocol.ts";

export type ShardHostMessage =
  | ShardWord
  | SessionEvent
  | MajorityLost
  | CoordinationNews
  | HandOffMessage
  | EntityMessage
  /** Takes no more shards, gives those it has to other nodes, and answers when it has none. */
  | { readonly type: "leave"; readonly replyTo: Ref<RegionLeft> }
  | { readonly type: "region-answered"; readonly session: number; readonly reply: ProposeReply }
  | { readonly type: "region-dropped"; readonly reply: ProposeReply }
  /** Time to say again that this node takes part, or does no more. */
  | { readonly type: "region-due" };

/** What comes from fronts, also of other nodes. */
export type ShardWord =
  | ({ readonly type: "deliver" } & ShardLetter)
  /** The front of `node` sends nothing more to the home that the shard has under `fence`. */
  | { readonly type: "flushed"; readonly shard: number; readonly fence: number; readonly node: string };

/** A message for an entity of a shard that is, or was, at home somewhere under `fence`. */
export interface ShardLetter {
  readonly shard: number;
  readonly fence: number;
  readonly entity: string;
  readonly message: unknown;
}

export type HandOffMessage =
  /** Fronts had time to say that they have sent everything. */
  | { readonly type: "flush-due"; readonly shard: number; readonly fence: number }
  | { readonly type: "give-due"; readonly shard: number; readonly fence: number }
  | { readonly type: "given"; readonly shard: number; readonly fence: number; readonly reply: ProposeReply };

export type EntityMessage =
  /** An entity wants to be stopped when it has handled what waits. */
  | { readonly type: "passivate"; readonly entity: string }
  /** Time to look for idle ones. */
  | { readonly type: "idle-due" }
  /** A remembered entity that has crashed is made again. */
  | { readonly type: "revive-due"; readonly shard: number; readonly entity: string }
  | { readonly type: "remembered"; readonly shard: number; readonly reply: ProposeReply }
  | { readonly type: "remember-due"; readonly shard: number };

export interface RegionLeft {
  readonly type: "left";
}

/** Where the front of a kind of shards is on every node. */
export function frontPath(shardType: string): string {
  return `shards-${shardType}`;
}

/** Where its host is. */
export function hostPath(shardType: string): string {
  return `shards-${shardType}.host`;
}

/** What a host takes from other nodes. */
export function isShardWord(message: unknown): message is ShardHostMessage {
  if (typeof message !== "object" || message === null || !("type" in message)) return false;
  if (
    !("shard" in message && Number.isInteger(message.shard) && "fence" in message && Number.isInteger(message.fence))
  ) {
    return false;
  }
  if (message.type === "flushed") return "node" in message && typeof message.node === "string";
  return (
    message.type === "deliver" && "entity" in message && typeof message.entity === "string" && "message" in message
  );
}
