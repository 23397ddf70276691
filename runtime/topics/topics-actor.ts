/**
 * The `topics` actor of a node: fans out what is published, first to nodes, then to subscribers.
 *
 *     publish ─▶ topics ─┬─▶ subscribers of this node
 *                        └─▶ topics of each node that has subscribers, one copy ─▶ its subscribers
 *
 * Which nodes those are is a group for each topic: a `topics` actor joins it with its first subscriber and leaves with its last.
 * A publisher's messages pass through the same two actors in order, so each subscriber sees them in order.
 */
import type { ActorSystem } from "../actor-system.ts";
import type { Behavior } from "../behavior.ts";
import type { Context } from "../context.ts";
import { joinGroup, leaveGroup, unwatchGroup, watchGroup } from "../groups/group-functions.ts";
import type { Ref } from "../ref.ts";
import { LocalSubscribers } from "./local-subscribers.ts";
import { groupOf } from "./topic.ts";
import { isPublished, type Published, type TopicsMessage } from "./topic-message.ts";

export const TOPICS_PATH = "topics";

/** Topics that a node knows at once, subscribed or published. Past it subscribing is refused, publishing a dead letter. */
const TOPICS_MAX = 5000;

/** Messages of one topic that wait for the first list of nodes, which takes a moment. Past it they are dead letters. */
const WAITING_MAX = 1000;

/** How long a topic without subscribers here is kept after it was last published to. */
const IDLE_MS = 300_000;

const SWEEP_MS = 60_000;

/**
 * Starts the top-level actor `topics` of this node, which `publish` and `subscribe` need. Once a system, after
 * `spawnReceptionist`.
 *
 * @throws when there is one already.
 */
export function spawnTopics(system: ActorSystem): void {
  system.spawn(topicsActor(), {
    name: TOPICS_PATH,
    // Its state is what others have told it once; a bug in one message must not cost them that.
    supervision: { onCrash: "resume" },
    // Who publishes faster than this node can fan out waits; a slow node only loses what is for it.
    mailbox: { overflow: "back-pressure" },
    onPressure: "ignore",
  });
}

function topicsActor(): Behavior<Topics, TopicsMessage> {
  return {
    name: "topics",
    accepts: isPublished,
    init: (ctx) => new Topics(ctx),
    receive: (state, message) => state.receive(message),
    onSignal: (state, signal) => (signal.type === "terminated" ? state.terminated(signal.ref.path) : state),
  };
}

interface KnownTopic {
  readonly id: string;
  readonly subscribers: LocalSubscribers;
  /** The `topics` actors of other nodes that have subscribers; null until the first list. */
  others: readonly Ref<Published>[] | null;
  /** What was published before the first list. */
  waiting: Published[];
  publishedAtMs: number;
}

class Topics {
  readonly #ctx: Context<TopicsMessage>;
  readonly #topics = new Map<string, KnownTopic>();

  constructor(ctx: Context<TopicsMessage>) {
    this.#ctx = ctx;
    ctx.setTimer("sweep", SWEEP_MS, { type: "sweep" });
  }

  receive(message: TopicsMessage): this {
    switch (message.type) {
      case "publish":
        this.#publish(message.topic, message.message);
        break;
      case "published":
        this.#topics.get(message.topic)?.subscribers.deliver(message.message, true);
        break;
      case "subscribe":
        this.#subscribe(message);
        break;
      case "unsubscribe":
        this.#unsubscribe(message.topic, message.subscriber.path);
        break;
      case "members":
        this.#useMembers(message.topic, message.members);
        break;
      case "join-refused":
        this.#topics.get(message.topic)?.subscribers.refuseAll();
        break;
      case "sweep":
        this.#ctx.setTimer("sweep", SWEEP_MS, { type: "sweep" });
        this.#sweep();
        break;
      default:
        message satisfies never;
    }
    return this;
  }

  terminated(path: string): this {
    for (const id of this.#topics.keys()) this.#unsubscribe(id, path);
    return this;
  }

  #publish(id: string, message: unknown): void {
    const topic = this.#know(id);
    if (topic === undefined) {
      this.#lost(message);
      return;
    }
    topic.publishedAtMs = this.#ctx.now();
    topic.subscribers.deliver(message, false);
    const published: Published = { type: "published", topic: id, message };
    if (topic.others !== null) for (const other of topic.others) this.#ctx.tell(other, published);
    else if (topic.waiting.length < WAITING_MAX) topic.waiting.push(published);
    else this.#lost(message);
  }

  #subscribe({ topic: id, subscriber, subscription }: TopicsMessage & { readonly type: "subscribe" }): void {
    const topic = this.#know(id);
    if (topic === undefined) {
      subscription.refused();
      return;
    }
    this.#ctx.watch(subscriber);
    topic.subscribers.add(subscriber, subscription);
    if (topic.subscribers.size === 1) this.#join(id);
  }

  #join(id: string): void {
    const refused = (): TopicsMessage => ({ type: "join-refused", topic: id });
    joinGroup(this.#ctx, groupOf<Published>(id), { scope: "cluster", refused });
  }

  #unsubscribe(id: string, path: string): void {
    const subscribers = this.#topics.get(id)?.subscribers;
    if (subscribers?.remove(path) === true && subscribers.size === 0) leaveGroup(this.#ctx, groupOf<Published>(id));
  }

  #useMembers(id: string, members: readonly Ref<Published>[]): void {
    const topic = this.#topics.get(id);
    if (topic === undefined) return;
    topic.others = members.filter(({ node }) => node !== this.#ctx.node);
    for (const published of topic.waiting) for (const other of topic.others) this.#ctx.tell(other, published);
    topic.waiting = [];
  }

  /** Undefined when there are too many topics. */
  #know(id: string): KnownTopic | undefined {
    const known = this.#topics.get(id);
    if (known !== undefined) return known;
    if (this.#topics.size >= TOPICS_MAX) return undefined;
    const subscribers = new LocalSubscribers((message) => this.#lost(message));
    const topic: KnownTopic = { id, subscribers, others: null, waiting: [], publishedAtMs: this.#ctx.now() };
    this.#topics.set(id, topic);
    watchGroup(this.#ctx, groupOf<Published>(id), (members) => ({
      type: "members",
      topic: id,
      members,
    }));
    return topic;
  }

  #sweep(): void {
    const beforeMs = this.#ctx.now() - IDLE_MS;
    for (const [id, { subscribers, publishedAtMs }] of this.#topics) {
      if (subscribers.size > 0 || publishedAtMs > beforeMs) continue;
      this.#topics.delete(id);
      unwatchGroup(this.#ctx, groupOf<Published>(id));
    }
  }

  /** A message that somebody should have got is counted as a dead letter. */
  #lost(message: unknown): void {
    this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${TOPICS_PATH}/lost` }), message);
  }
}
