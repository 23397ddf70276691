/** What the `topics` actor of a node is told: by actors of its node (`topic-functions.ts`) and by those of other nodes. */
import type { AnyRef, Ref } from "../ref.ts";
import { isTopicId } from "./topic.ts";

export type TopicsMessage =
  | Published
  | { readonly type: "publish"; readonly topic: string; readonly message: unknown }
  | {
      readonly type: "subscribe";
      readonly topic: string;
      readonly subscriber: AnyRef;
      readonly subscription: Subscription;
    }
  | { readonly type: "unsubscribe"; readonly topic: string; readonly subscriber: AnyRef }
  /** Which nodes have subscribers now. */
  | { readonly type: "members"; readonly topic: string; readonly members: readonly Ref<Published>[] }
  /** The receptionist refused to say that this node has subscribers. */
  | { readonly type: "join-refused"; readonly topic: string }
  | { readonly type: "sweep" };

/** From another node's `topics` actor, once a node. */
export interface Published {
  readonly type: "published";
  readonly topic: string;
  readonly message: unknown;
}

/** One subscriber's end: how many messages are on their way to it, and how to send one. */
export interface Subscription {
  pending: number;
  readonly pendingMax: number;
  accepts(message: unknown): boolean;
  deliver(message: unknown): void;
  refused(): void;
}

/** Whether another node may tell this to a `topics` actor. */
export function isPublished(value: unknown): value is Published {
  if (typeof value !== "object" || value === null) return false;
  const { type, topic } = value as Partial<Published>;
  return type === "published" && isTopicId(topic) && "message" in value;
}
