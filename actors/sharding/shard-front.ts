/**
 * The front of a kind of shards: on every node the ref by which entities are told. It knows the home of each shard as this
 * node's replica shows it, forwards to the host there, and keeps messages, so many, while a shard has no home, is being
 * handed off, or has its home on a node that this one is not linked to.
 *
 * Order from this front to an entity is kept over a hand-off: it tells the old home that it has sent its last, and the home
 * gives the shard away when it has heard that of every front and its entities have handled everything. Kept no more when
 * the old home is lost, or a front is silent for too long.
 */
import type { Behavior, Context, LinkEvent, SpawnOptions } from "../../runtime/index.ts";
import { CoordinationMirror } from "../coordination/coordination-mirror.ts";
import type { CoordinationNews } from "../coordination/coordination-news.ts";
import type { ShardRecord } from "../coordination/coordination-record.ts";
import { spawnInbox } from "../coordination/inbox.ts";
import { LinkedNodes } from "../coordination/linked-nodes.ts";
import { RouteBuffer } from "../coordination/route-buffer.ts";
import { entityName, hashShard } from "./entity-name.ts";
import { shardsIn } from "./shard-news.ts";
import type { ShardRegionSetup } from "./shard-options.ts";
import { frontPath, hostPath, type ShardHostMessage, type ShardLetter } from "./shard-protocol.ts";

/** What it hears beside messages for entities; no message from outside is an instance of it. */
class News {
  readonly news:
    | CoordinationNews
    | { readonly type: "link"; readonly event: LinkEvent }
    | { readonly type: "returned"; readonly letter: ShardLetter };

  constructor(news: News["news"]) {
    this.news = news;
  }
}

/**
 * A sender that is faster than the link to a home is held back. What `entityOf` or `shardOf` throws costs one message, not
 * those that wait.
 */
export function frontSpawnOptions(shardType: string): SpawnOptions {
  return {
    name: frontPath(shardType),
    supervision: { onCrash: "resume" },
    mailbox: { capacity: 10_000, overflow: "back-pressure" },
  };
}

export function shardFront<State, Message>(
  setup: ShardRegionSetup<State, Message>,
): Behavior<ShardFront<State, Message>, Message> {
  return {
    name: "shard-front",
    accepts: (message): message is Message => setup.accepts(message),
    init: (ctx) => new ShardFront(setup, ctx),
    receive: (front, message) => {
      if (message instanceof News) front.hear(message.news);
      else front.tell(message);
      return front;
    },
  };
}

type Waiting = Pick<ShardLetter, "entity" | "message">;

class ShardFront<State, Message> {
  readonly #setup: ShardRegionSetup<State, Message>;
  readonly #ctx: Context<Message>;
  readonly #mirror = new CoordinationMirror();
  readonly #waiting: RouteBuffer<number, Waiting>;
  readonly #linked: LinkedNodes;
  /** By shard: the newest fence under which its home takes nothing any more, as the host of this node was told. */
  readonly #ended = new Map<number, number>();
  /** By shard: the fence whose home was told that nothing more will come. */
  readonly #flushed = new Map<number, number>();

  constructor(setup: ShardRegionSetup<State, Message>, ctx: Context<Message>) {
    this.#setup = setup;
    this.#ctx = ctx;
    this.#waiting = new RouteBuffer(setup.bufferMax);
    this.#linked = new LinkedNodes(ctx.node);
    const adapt = (news: News["news"]): Message => new News(news) as Message;
    const subscriber = spawnInbox<CoordinationNews, Message>(ctx, "map", adapt);
    spawnInbox<ShardLetter, Message>(ctx, "returned", (letter) => adapt({ type: "returned", letter }));
    const selection = { kinds: ["shard-type", "shard"], subject: setup.type } as const;
    ctx.watchLinks((event) => adapt({ type: "link", event }));
    this.#mirror.subscribe(ctx, { replica: setup.replica, subscriber, selection });
  }

  hear(news: News["news"]): void {
    if (news.type === "returned") {
      const { shard, fence } = news.letter;
      this.#ended.set(shard, Math.max(fence, this.#ended.get(shard) ?? 0));
      this.#route(shard, news.letter);
      return;
    }
    if (news.type === "link") {
      this.#relink(news.event);
      return;
    }
    this.#mirror.take(news);
    for (const shard of shardsIn(news)) {
      const record = this.#mirror.tables.shard(this.#setup.type, shard);
      if (record !== undefined) this.#see(record);
    }
  }

  tell(message: Message): void {
    const setup = this.#setup;
    const entity = setup.entityOf(message);
    if (entityName(entity) === undefined) {
      this.#refuse("no-entity", message);
      return;
    }
    const shard = setup.shardOf?.(entity) ?? hashShard(entity, setup.shards);
    if (!Number.isInteger(shard) || shard < 0 || shard >= setup.shards) {
      throw new RangeError(`Cannot route to entity "${entity}": shard ${shard} is none of ${setup.shards}`);
    }
    this.#route(shard, { entity, message });
  }

  #relink(event: LinkEvent): void {
    this.#linked.take(event);
    if (event.type === "down") return;
    for (const record of this.#mirror.tables.shardsOf(this.#setup.type)) {
      if (record.home?.node !== event.node) continue;
      // What was said over an earlier link may be lost with it; to hear it twice does no harm.
      this.#flushed.delete(record.shard);
      this.#see(record);
    }
  }

  #see(shard: ShardRecord): void {
    const { home, handingOff, fence } = shard;
    const isAsked = home !== null && handingOff && this.#linked.has(home.node);
    if (isAsked && this.#flushed.get(shard.shard) !== fence) {
      this.#flushed.set(shard.shard, fence);
      this.#tellHost(home.node, { type: "flushed", shard: shard.shard, fence, node: this.#ctx.node });
    }
    if (this.#isOpen(shard)) {
      for (const waiting of this.#waiting.take(shard.shard)) this.#route(shard.shard, waiting);
    }
  }

  #route(shard: number, { entity, message }: Waiting): void {
    const record = this.#mirror.tables.shard(this.#setup.type, shard);
    if (record !== undefined && record.home !== null && this.#isOpen(record)) {
      this.#tellHost(record.home.node, { type: "deliver", shard, fence: record.fence, entity, message });
    } else if (!this.#waiting.push(shard, { entity, message })) {
      this.#refuse("buffer-full", message);
    }
  }

  #isOpen({ shard, home, handingOff, fence }: ShardRecord): boolean {
    return home !== null && !handingOff && fence > (this.#ended.get(shard) ?? 0) && this.#linked.has(home.node);
  }

  #tellHost(node: string, message: ShardHostMessage): void {
    this.#ctx.tell(this.#ctx.refAt<ShardHostMessage>({ node, path: hostPath(this.#setup.type) }), message);
  }

  /** To a place where nobody is: it becomes a dead letter that says why. */
  #refuse(why: string, message: unknown): void {
    this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${this.#ctx.self.path}/${why}` }), message);
  }
}
