/**
 * The shard allocator: proposes the plan of `plan-shards.ts`, for each kind of shards, while its node leads. It plans a
 * moment after something has changed, so that nodes which start together share the shards at once. That two nodes
 * believe to lead is harmless: each move names the fence that it was planned for.
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import { propose } from "../cluster/propose.ts";
import type { LeadershipChange, ReplicaRequest } from "../cluster/replica-protocol.ts";
import { CoordinationMirror } from "./coordination-mirror.ts";
import type { CoordinationNews } from "./coordination-news.ts";
import { planShards } from "./plan-shards.ts";

type ShardAllocatorMessage =
  | CoordinationNews
  | LeadershipChange
  | { readonly type: "plan-due" }
  | { readonly type: "plan-answered"; readonly shardType: string };

/** From a change to the plan: a few round trips of those who come at the same time. */
const PLAN_AFTER_MS = 250;

const PROPOSE_MS = 1000;

export function shardAllocatorActor(replica: Ref<ReplicaRequest>): Behavior<ShardAllocator, ShardAllocatorMessage> {
  return {
    name: "shard-allocator",
    init: (ctx) => new ShardAllocator(replica, ctx),
    receive: (allocator, message) => {
      allocator.handle(message);
      return allocator;
    },
  };
}

class ShardAllocator {
  readonly #replica: Ref<ReplicaRequest>;
  readonly #ctx: Context<ShardAllocatorMessage>;
  readonly #mirror = new CoordinationMirror();
  /** Kinds of shards whose plan is on its way. */
  readonly #asked = new Set<string>();
  #leading = false;
  #due = false;

  constructor(replica: Ref<ReplicaRequest>, ctx: Context<ShardAllocatorMessage>) {
    this.#replica = replica;
    this.#ctx = ctx;
    const selection = { kinds: ["shard-type", "region", "shard"] } as const;
    this.#mirror.subscribe(ctx, { replica, subscriber: ctx.self, selection });
    ctx.tell(replica, { type: "watch-leadership", subscriber: ctx.self });
  }

  handle(message: ShardAllocatorMessage): void {
    switch (message.type) {
      case "coordination-synced":
      case "coordination-changed":
        this.#mirror.take(message);
        this.#planSoon();
        return;
      case "leadership":
        this.#leading = message.isLeader;
        this.#planSoon();
        return;
      case "plan-due":
        this.#due = false;
        if (this.#leading) this.#plan();
        return;
      case "plan-answered":
        this.#asked.delete(message.shardType);
        this.#planSoon();
        return;
      default:
        message satisfies never;
    }
  }

  #planSoon(): void {
    if (!this.#leading || this.#due) return;
    this.#due = true;
    this.#ctx.setTimer("plan", PLAN_AFTER_MS, { type: "plan-due" });
  }

  #plan(): void {
    const { tables } = this.#mirror;
    for (const { shardType } of tables.list("shard-type")) {
      if (this.#asked.has(shardType)) continue;
      const moves = planShards({ shards: tables.shardsOf(shardType), regions: tables.regionsOf(shardType) });
      if (moves.length === 0) continue;
      this.#asked.add(shardType);
      propose(this.#ctx, {
        replica: this.#replica,
        command: { type: "move-shards", shardType, moves },
        timeoutMs: PROPOSE_MS,
        adapt: (): ShardAllocatorMessage => ({ type: "plan-answered", shardType }),
      });
    }
  }
}
