/**
 * The proxy of a singleton: on every node the ref by which it is told. It forwards to the manager of the node that holds the
 * lease as far as this node knows, and keeps messages, so many, while nobody does, or this node has no link to the one that does.
 *
 * Order is kept for each sender while the holder stays the same. A message that is on its way is lost when the holder's node is,
 * or the link to it; use reliable delivery where that matters. Its own news come as instances of `News`, which no message from
 * outside is.
 */
import type { Behavior, Context, LinkEvent, Ref, SpawnOptions } from "../../runtime/index.ts";
import type { CoordinatorRequest, LeaseHolder } from "../coordination/coordinator-protocol.ts";
import { spawnInbox } from "../coordination/inbox.ts";
import { LinkedNodes } from "../coordination/linked-nodes.ts";
import { RouteBuffer } from "../coordination/route-buffer.ts";
import { SINGLETON_BUFFER_MAX } from "./singleton-manager.ts";
import { managerPath, proxyPath, type Returned, type SingletonManagerMessage } from "./singleton-protocol.ts";

export interface SingletonProxyOptions<Message> {
  readonly name: string;
  readonly coordinator: Ref<CoordinatorRequest>;
  /** Messages that wait while nobody within reach holds the lease, past which they are dead letters. Default: 1,000. */
  readonly bufferMax?: number;
  /** Asked for each message of another node; what it refuses is a dead letter. Default: all are taken. */
  accepts?(message: unknown): message is Message;
}

class News {
  readonly news: LeaseHolder | LinkEvent | ({ readonly type: "returned" } & Returned);

  constructor(news: News["news"]) {
    this.news = news;
  }
}

/** A sender that is faster than the link to the holder is held back. */
export function proxySpawnOptions(name: string): SpawnOptions {
  return {
    name: proxyPath(name),
    supervision: { onCrash: "restart" },
    mailbox: { capacity: 10_000, overflow: "back-pressure" },
  };
}

export function singletonProxy<Message>(
  options: SingletonProxyOptions<Message>,
): Behavior<SingletonProxy<Message>, Message> {
  return {
    name: "singleton-proxy",
    accepts: (message): message is Message => options.accepts?.(message) ?? true,
    init: (ctx) => new SingletonProxy(options, ctx),
    receive: (proxy, message) => {
      if (message instanceof News) proxy.hear(message.news);
      else proxy.route(message);
      return proxy;
    },
  };
}

class SingletonProxy<Message> {
  readonly #options: SingletonProxyOptions<Message>;
  readonly #ctx: Context<Message>;
  readonly #waiting: RouteBuffer<typeof WAITING, unknown>;
  readonly #linked: LinkedNodes;
  #holder: LeaseHolder["holder"] = null;
  /** A manager said that nothing acts under this fence, or an earlier one, any more. */
  #endedFence = 0;

  constructor(options: SingletonProxyOptions<Message>, ctx: Context<Message>) {
    this.#options = options;
    this.#ctx = ctx;
    this.#waiting = new RouteBuffer(options.bufferMax ?? SINGLETON_BUFFER_MAX);
    this.#linked = new LinkedNodes(ctx.node);
    const { coordinator, name } = options;
    const adapt = (news: News["news"]): Message => new News(news) as Message;
    const subscriber = spawnInbox<LeaseHolder, Message>(ctx, "holder", adapt);
    spawnInbox<Returned, Message>(ctx, "returned", (returned) => adapt({ type: "returned", ...returned }));
    ctx.watchLinks(adapt);
    ctx.tell(coordinator, { type: "watch-lease", name, subscriber });
  }

  hear(news: News["news"]): void {
    if (news.type === "returned") {
      this.#endedFence = Math.max(this.#endedFence, news.fence);
      this.route(news.message);
      return;
    }
    if (news.type === "lease-holder") this.#holder = news.holder;
    else this.#linked.take(news);
    if (this.#target() !== null) for (const message of this.#waiting.take(WAITING)) this.route(message);
  }

  route(message: unknown): void {
    const target = this.#target();
    const { node, self } = this.#ctx;
    if (target !== null) {
      const manager = { node: target.node, path: managerPath(this.#options.name) };
      this.#ctx.tell(this.#ctx.refAt<SingletonManagerMessage>(manager), {
        type: "deliver",
        fence: target.fence,
        message,
      });
    } else if (!this.#waiting.push(WAITING, message)) {
      // To a place where nobody is: it becomes a dead letter that says why.
      this.#ctx.tell(this.#ctx.refAt({ node, path: `${self.path}/buffer-full` }), message);
    }
  }

  /** Where a message goes now; null when it has to wait. */
  #target(): LeaseHolder["holder"] {
    const holder = this.#holder;
    if (holder === null || holder.fence <= this.#endedFence) return null;
    return this.#linked.has(holder.node) ? holder : null;
  }
}

/** All wait for the same. */
const WAITING = 0;
