/** Publish and subscribe: functions over a context, each one message to the `topics` actor of the node. */
import type { Context } from "../context.ts";
import type { Ref } from "../ref.ts";
import type { Subscription, TopicsMessage } from "./topic-message.ts";
import type { Topic } from "./topic.ts";
import { TOPICS_PATH } from "./topics-actor.ts";

/** How an actor subscribes to a topic. */
export interface SubscribeOptions<Own> {
  /**
   * Most messages of the topic that wait in this actor's mailbox; more are lost for it, as dead letters. They are not counted
   * against the mailbox's own capacity. Default: 10,000.
   */
  readonly pendingMax?: number;
  /** Told when the node knows 5,000 topics already, or its memberships are used up. Default: the attempt is a dead letter. */
  refused?(code: "too-many-topics"): Own;
}

const PENDING_MAX = 10_000;

/**
 * Tells this actor each message of the topic that is published from a moment later on, until it stops, restarts or calls
 * `unsubscribe`. Subscribing again replaces `adapt`.
 *
 * At most once: what is published before the publisher's node has heard of the first subscriber here, while the link is down, or
 * faster than this actor handles it, is lost. Messages of one publisher come in its order; those of several in any.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as `Own`, literals in what `adapt` gives would widen
export function subscribe<Own, M, const Adapted extends Own = Own, const Refused extends Own = Own>(
  ctx: Context<Own>,
  topic: Topic<M>,
  adapt: (message: M) => Adapted,
  options: SubscribeOptions<Refused> = {},
): void {
  const deliver = ctx.callback<unknown>((message) => {
    subscription.pending -= 1;
    return adapt(message as M);
  });
  const refuse = options.refused?.bind(options);
  const refused = refuse === undefined ? undefined : ctx.callback(() => refuse("too-many-topics"));
  const subscription: Subscription = {
    pending: 0,
    pendingMax: options.pendingMax ?? PENDING_MAX,
    accepts: (message) => topic.accepts?.(message) ?? true,
    deliver,
    refused: () => {
      if (refused === undefined) ctx.tell(ctx.refAt({ node: ctx.node, path: `${TOPICS_PATH}/refused` }), topic.id);
      else refused(null);
    },
  };
  ctx.tell(topicsOf(ctx), { type: "subscribe", topic: topic.id, subscriber: ctx.self, subscription });
}

/** Ends this actor's subscription; messages on their way still come. */
export function unsubscribe<Own, M>(ctx: Context<Own>, topic: Topic<M>): void {
  ctx.tell(topicsOf(ctx), { type: "unsubscribe", topic: topic.id, subscriber: ctx.self });
}

/** A context, or an actor system. */
export type Publisher = Pick<Context<never>, "node" | "refAt" | "tell">;

/** Sends `message` to all subscribers of the topic on this node and on linked ones: one copy a node. Nobody answers. */
export function publish<M>(from: Publisher, topic: Topic<M>, message: NoInfer<M>): void {
  from.tell(topicsOf(from), { type: "publish", topic: topic.id, message });
}

function topicsOf(from: Publisher): Ref<TopicsMessage> {
  return from.refAt({ node: from.node, path: TOPICS_PATH });
}
