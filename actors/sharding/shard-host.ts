/**
 * The host of a kind of shards on one node: has the entities of the shards that are at home here.
 *
 *     fronts ──deliver──▶ home? ──▶ entity's actor          session lost ──▶ all entities end ──▶ session given back
 *                          └─ no ──▶ back to the front of this node, which knows or learns where it goes
 *
 * Its parts: `region-membership.ts` (taking part), `home-shards.ts` (shards that come and go), `entity-table.ts` (actors),
 * `entity-memory.ts` (which of them are remembered). It holds the node's session; entities act under it and under the fence
 * of their shard, and have ended before either is given away.
 */
import type { AnyRef, Behavior, Context, SpawnOptions } from "../../runtime/index.ts";
import type { CoordinatorRequest, SessionEvent } from "../coordination/coordinator-protocol.ts";
import { CoordinationMirror } from "../coordination/coordination-mirror.ts";
import type { CoordinationNews } from "../coordination/coordination-news.ts";
import type { ShardRecord } from "../coordination/coordination-record.ts";
import { RouteBuffer } from "../coordination/route-buffer.ts";
import type { SessionTerm } from "../coordination/tenure.ts";
import { EntityMemory } from "./entity-memory.ts";
import { EntityTable, type EntityEnd, type EntityHome } from "./entity-table.ts";
import { HomeShards, type Home } from "./home-shards.ts";
import { RegionMembership } from "./region-membership.ts";
import type { ShardRegionSetup } from "./shard-options.ts";
import { shardsIn } from "./shard-news.ts";
import { frontPath, hostPath, isShardWord, type ShardHostMessage, type ShardLetter } from "./shard-protocol.ts";

/** A remembered entity that crashed past its supervision is made again after this. */
const REVIVE_MS = 10_000;

/** How often idle entities are looked for, as a share of the time that makes them idle. */
const IDLE_LOOKS = 4;

/** Never muted by an entity: it must hear in time that its session is lost. */
export function hostSpawnOptions(shardType: string): SpawnOptions {
  return {
    name: hostPath(shardType),
    supervision: { onCrash: "restart" },
    mailbox: { capacity: 10_000, overflow: "back-pressure" },
    onPressure: "ignore",
  };
}

export function shardHost<State, Message>(
  setup: ShardRegionSetup<State, Message>,
): Behavior<ShardHost<State, Message>, ShardHostMessage> {
  return {
    name: "shard-host",
    accepts: isShardWord,
    init: (ctx) => new ShardHost(setup, ctx),
    receive: (host, message) => {
      host.handle(message);
      return host;
    },
    onSignal: (host, signal) => {
      if (signal.type === "terminated") host.ended(signal.ref, signal.reason === "crashed");
      return host;
    },
  };
}

class ShardHost<State, Message> {
  readonly #setup: ShardRegionSetup<State, Message>;
  readonly #ctx: Context<ShardHostMessage>;
  readonly #mirror = new CoordinationMirror();
  readonly #membership: RegionMembership;
  readonly #homes: HomeShards;
  readonly #entities: EntityTable<State, Message>;
  readonly #memory: EntityMemory;
  /** By shard: letters under a fence that this node's replica does not show yet, or whose session is not held here yet. */
  readonly #early: RouteBuffer<number, ShardLetter>;
  #term: SessionTerm | null = null;
  /** A session that was lost, until the last entity has ended. */
  #losing = 0;
  /** The last session that was lost, or given up. */
  #lost = 0;

  constructor(setup: ShardRegionSetup<State, Message>, ctx: Context<ShardHostMessage>) {
    const { replica, type: shardType, rules, hosts, shards } = setup;
    this.#setup = setup;
    this.#ctx = ctx;
    this.#early = new RouteBuffer(setup.bufferMax);
    this.#membership = new RegionMembership({ ctx, replica, shardType, shards, hosts });
    this.#homes = new HomeShards({
      ctx,
      replica,
      shardType,
      rules,
      fronts: () => this.#mirror.tables.regionsOf(shardType).map(({ node }) => node),
      onOpened: (home) => this.#startRemembered(home),
      onClosed: (home) => this.#entities.end(home),
      onDrain: (home) => this.#entities.drain(home),
    });
    this.#entities = new EntityTable({
      ctx,
      setup,
      onStarted: ({ shard }, entity) => {
        if (setup.remember) this.#memory.put(shard, entity, true);
      },
      onEnded: (home, entity, end) => this.#onEntityEnded(home, entity, end),
      onRefused: (message) => this.#refuse("buffer-full", message),
      onHomeless: ({ shard, tenure }, entity, message) => this.#return({ shard, fence: tenure.fence, entity, message }),
    });
    this.#memory = new EntityMemory({
      ctx,
      replica,
      shardType,
      homeOf: (shard) => {
        const home = this.#homes.get(shard);
        return home === undefined ? null : { session: home.session, fence: home.fence };
      },
      onRefused: (entity) => this.#refuse("not-remembered", { entity }),
    });
    const selection = { kinds: ["shard-type", "region", "shard", "entity"], subject: shardType } as const;
    this.#mirror.subscribe(ctx, { replica, subscriber: ctx.self, selection });
    this.#tellCoordinator({ type: "hold-session", holder: ctx.self });
    this.#lookForIdle();
  }

  handle(message: ShardHostMessage): void {
    switch (message.type) {
      case "deliver":
        this.#deliver(message);
        return;
      case "flushed":
        this.#homes.flushed(message.shard, message.fence, message.node);
        return;
      case "session-held":
      case "session-lost":
        this.#onSession(message);
        return;
      case "coordination-synced":
      case "coordination-changed":
        this.#onNews(message);
        return;
      case "flush-due":
      case "give-due":
      case "given":
        this.#homes.handle(message);
        return;
      case "passivate":
        this.#entities.passivate(message.entity);
        return;
      case "idle-due":
        this.#entities.passivateIdle();
        this.#lookForIdle();
        return;
      case "revive-due":
        this.#revive(message.shard, message.entity);
        return;
      case "remembered":
        this.#memory.answered(message.shard, message.reply);
        return;
      case "remember-due":
        this.#memory.send(message.shard);
        return;
      case "leave":
        this.#membership.leave(message.replyTo);
        this.#tellCoordinator({ type: "watch-majority", subscriber: this.#ctx.self });
        this.#leaveIfEmpty();
        return;
      case "majority-lost":
        this.#membership.giveUp();
        return;
      case "region-answered":
        if (message.session === this.#term?.session) this.#membership.answered(message.reply);
        this.#leaveIfEmpty();
        return;
      case "region-dropped":
        if (this.#membership.dropped(message.reply)) this.#dropSession();
        return;
      case "region-due":
        this.#membership.say();
        return;
      default:
        message satisfies never;
    }
  }

  /** The actor of an entity has ended. */
  ended(ref: AnyRef, isCrash: boolean): void {
    this.#entities.ended(ref, isCrash);
    this.#giveSessionBack();
  }

  #deliver({ shard, fence, entity, message }: ShardLetter): void {
    if (!this.#accepts(message)) {
      this.#refuse("wrong-type", message);
      return;
    }
    const home = this.#homes.get(shard);
    if (home?.fence === fence && home.isOpen) {
      this.#entities.deliver(home, entity, message);
    } else if (this.#isEarly(shard, fence)) {
      if (!this.#early.push(shard, { shard, fence, entity, message })) this.#refuse("buffer-full", message);
    } else {
      this.#return({ shard, fence, entity, message });
    }
  }

  /** A check that throws has not accepted; all other entities must not hear of it. */
  #accepts(message: unknown): message is Message {
    try {
      return this.#setup.accepts(message);
    } catch {
      return false;
    }
  }

  #isEarly(shard: number, fence: number): boolean {
    const record = this.#mirror.tables.shard(this.#setup.type, shard);
    if (record === undefined || fence > record.fence) return true;
    const { home } = record;
    const isAwaited = home !== null && home.node === this.#ctx.node && home.session > this.#lost;
    return fence === record.fence && isAwaited && this.#homes.get(shard)?.fence !== fence;
  }

  #onSession(event: SessionEvent): void {
    if (event.type === "session-held") {
      this.#term = event.term;
      this.#membership.held(event.term);
      for (const shard of this.#mirror.tables.shardsOf(this.#setup.type)) this.#see(shard);
      return;
    }
    if (this.#term?.session !== event.session) return;
    this.#term = null;
    this.#losing = event.session;
    this.#lost = event.session;
    this.#homes.clear();
    this.#membership.lost();
    this.#giveSessionBack();
  }

  #giveSessionBack(): void {
    if (this.#losing === 0 || this.#entities.size > 0) return;
    this.#tellCoordinator({ type: "release-session", holder: this.#ctx.self, session: this.#losing });
    this.#losing = 0;
  }

  #onNews(news: CoordinationNews): void {
    this.#mirror.take(news);
    for (const shard of shardsIn(news)) {
      const record = this.#mirror.tables.shard(this.#setup.type, shard);
      if (record !== undefined) this.#see(record);
    }
    this.#homes.frontsChanged();
    this.#leaveIfEmpty();
  }

  #see(shard: ShardRecord): void {
    this.#homes.see(shard, this.#term);
    for (const letter of this.#early.take(shard.shard)) this.#deliver(letter);
  }

  #startRemembered(home: Home): void {
    if (!this.#setup.remember) return;
    for (const { shard, shardType, entity } of this.#mirror.tables.list("entity")) {
      if (shard === home.shard && shardType === this.#setup.type) this.#entities.start(home, entity);
    }
  }

  #onEntityEnded(home: EntityHome, entity: string, end: EntityEnd): void {
    this.#homes.entityEnded(home);
    if (!this.#setup.remember || end === "moved") return;
    const { shard } = home;
    if (end === "passivated") this.#memory.put(shard, entity, false);
    else this.#ctx.setTimer(`revive:${entity}`, REVIVE_MS, { type: "revive-due", shard, entity });
  }

  #revive(shard: number, entity: string): void {
    const home = this.#homes.get(shard);
    if (home?.isOpen === true) this.#entities.start(home, entity);
  }

  #lookForIdle(): void {
    const { passivateAfterMs } = this.#setup;
    if (passivateAfterMs === Infinity) return;
    this.#ctx.setTimer("idle", Math.max(1, passivateAfterMs / IDLE_LOOKS), { type: "idle-due" });
  }

  #leaveIfEmpty(): void {
    if (!this.#membership.isLeaving) return;
    const { node } = this.#ctx;
    const { tables } = this.#mirror;
    const isHome = tables.shardsOf(this.#setup.type).some(({ home }) => home?.node === node);
    if (!isHome) this.#membership.isEmpty();
    else if (!tables.regionsOf(this.#setup.type).some((region) => region.hosts && region.node !== node)) {
      this.#membership.giveUp();
    }
  }

  #dropSession(): void {
    this.#lost = this.#term?.session ?? this.#lost;
    this.#term = null;
    this.#tellCoordinator({ type: "drop-session", holder: this.#ctx.self });
  }

  #return(letter: ShardLetter): void {
    const front = { node: this.#ctx.node, path: `${frontPath(this.#setup.type)}/returned` };
    this.#ctx.tell(this.#ctx.refAt<ShardLetter>(front), letter);
  }

  /** To a place where nobody is: it becomes a dead letter that says why. */
  #refuse(why: string, message: unknown): void {
    this.#ctx.tell(this.#ctx.refAt({ node: this.#ctx.node, path: `${this.#ctx.self.path}/${why}` }), message);
  }

  #tellCoordinator(request: CoordinatorRequest): void {
    this.#ctx.tell(this.#setup.coordinator, request);
  }
}
