/**
 * The coordinator: speaks for one node where leases and shards are held. It keeps the node's session while something needs
 * one, competes for leases on behalf of actors of the node, and tells them in time when to stop.
 *
 *     claim ──▶ session open? ──▶ lease free? ──▶ acquire ──▶ map shows it ──▶ granted(tenure) ──▶ … ──▶ lost | released
 *
 * Its parts: `held-session.ts`, `lease-claims.ts`; its children: `session-keeper-actor.ts`, and the shard allocator. A crash
 * of it ends the node's process: the next coordinator would open a session that ends this one for all others, while what
 * was granted under it still acts here.
 */
import type { AnyRef, Behavior, Context, Ref, Signal, SpawnOptions } from "../../runtime/index.ts";
import { LEASE_RULE, type LeaseRule } from "../cluster/lease.ts";
import type { ReplicaRequest } from "../cluster/replica-protocol.ts";
import { CoordinationMirror } from "./coordination-mirror.ts";
import type { CoordinationNews } from "./coordination-news.ts";
import type { CoordinatorMessage } from "./coordinator-message.ts";
import type { LeaseHolder, MajorityLost, SessionEvent } from "./coordinator-protocol.ts";
import { HeldSession } from "./held-session.ts";
import { LeaseClaims } from "./lease-claims.ts";
import { KnownVoters } from "../cluster/known-voters.ts";
import { PresentMembers } from "./present-members.ts";
import { sessionKeeperActor } from "./session-keeper-actor.ts";
import { shardAllocatorActor } from "./shard-allocator-actor.ts";
import { HOLD_RULE, type HoldRule, type SessionTerm } from "./tenure.ts";

export interface CoordinatorOptions {
  readonly replica: Ref<ReplicaRequest>;
  /** Which nodes vote. Default: this one alone. */
  readonly voters?: KnownVoters;
  /** Default: HOLD_RULE. Only the simulator gives another, to plant a fault. */
  readonly holdRule?: HoldRule;
  /** Default: LEASE_RULE. Only the simulator gives another, to plant a fault. */
  readonly leaseRule?: LeaseRule;
}

/** Where it is on every node. */
export const COORDINATOR_PATH = "coordinator";

export const COORDINATOR_SPAWN_OPTIONS: SpawnOptions = {
  name: COORDINATOR_PATH,
  supervision: { onCrash: "escalate" },
};

export function coordinatorActor(options: CoordinatorOptions): Behavior<Coordinator, CoordinatorMessage> {
  return {
    name: "coordinator",
    // Nothing of another node: a tenure is an object that coordinator and holder share. No message is undefined.
    accepts: (message): message is CoordinatorMessage => message === undefined,
    init: (ctx) => new Coordinator(options, ctx),
    receive: (coordinator, message) => {
      coordinator.handle(message);
      return coordinator;
    },
    onSignal: (coordinator, signal) => {
      if (signal.type === "terminated") coordinator.forget(signal);
      return coordinator;
    },
  };
}

/** An actor that wants the node's session. */
interface SessionHolder {
  readonly ref: Ref<SessionEvent>;
  /** The session it was told of and has not given back; 0 for none. */
  holds: number;
}

class Coordinator {
  readonly #ctx: Context<CoordinatorMessage>;
  readonly #mirror = new CoordinationMirror();
  readonly #session: HeldSession;
  readonly #claims: LeaseClaims;
  readonly #holders = new Map<string, SessionHolder>();
  /** By name of a lease, then by ref. */
  readonly #leaseWatchers = new Map<string, Map<string, Ref<LeaseHolder>>>();
  readonly #present: PresentMembers<CoordinatorMessage>;
  /** Who leaves, and gives up when no majority is there. */
  readonly #majorityWatchers = new Map<string, Ref<MajorityLost>>();
  /** The replica has said what stands. */
  #synced = false;

  constructor(options: CoordinatorOptions, ctx: Context<CoordinatorMessage>) {
    const { replica } = options;
    this.#ctx = ctx;
    this.#session = new HeldSession({
      ctx,
      replica,
      rule: options.holdRule ?? HOLD_RULE,
      isNeeded: () => this.#holders.size > 0 || !this.#claims.isEmpty,
      isInUse: () => this.#claims.isInUse || [...this.#holders.values()].some(({ holds }) => holds > 0),
      onHeld: (term) => this.#onHeld(term),
      onLost: (term) => this.#onLost(term),
      onOver: () => {
        this.#claims.clear();
        for (const holder of this.#holders.values()) holder.holds = 0;
      },
    });
    this.#present = new PresentMembers(ctx, options.voters ?? new KnownVoters([ctx.node]));
    this.#claims = new LeaseClaims({
      ctx,
      replica,
      tables: this.#mirror.tables,
      term: () => this.#session.term,
      isMajority: () => this.#present.isMajority,
    });
    ctx.watchLinks((event) => ({ type: "link", event }));
    const selection = { kinds: ["session", "lease"] } as const;
    this.#mirror.subscribe(ctx, { replica, subscriber: ctx.self, selection });
    const keeper = sessionKeeperActor({ replica, rule: options.leaseRule ?? LEASE_RULE });
    ctx.spawn(keeper, { name: "session-keeper", supervision: { onCrash: "restart" } });
    ctx.spawn(shardAllocatorActor(replica), { name: "shard-allocator", supervision: { onCrash: "restart" } });
  }

  handle(message: CoordinatorMessage): void {
    this.#handle(message);
    this.#session.update();
  }

  /** An actor that spoke to it has ended. */
  forget({ ref, reason }: Extract<Signal, { readonly type: "terminated" }>): void {
    this.#present.ended(ref, reason);
    this.#majorityWatchers.delete(ref.toString());
    this.#checkMajority();
    this.#holders.delete(ref.toString());
    this.#claims.forget(ref);
    for (const watchers of this.#leaseWatchers.values()) watchers.delete(ref.toString());
    this.#session.update();
  }

  #handle(message: CoordinatorMessage): void {
    switch (message.type) {
      case "claim-lease":
        this.#claims.claim(message.name, message.holder);
        return;
      case "release-lease":
        this.#claims.release(message.name, message.holder, message);
        return;
      case "drop-claim":
        this.#present.watchEnds();
        this.#claims.drop(message.name, message.holder);
        return;
      case "hold-session":
        this.#holdSession(message.holder);
        return;
      case "release-session":
        this.#releaseSession(message.holder, message.session);
        return;
      case "drop-session":
        this.#holders.delete(message.holder.toString());
        return;
      case "watch-majority":
        this.#present.watchEnds();
        this.#ctx.watch(message.subscriber);
        this.#majorityWatchers.set(message.subscriber.toString(), message.subscriber);
        this.#checkMajority();
        return;
      case "link":
        this.#present.take(message.event);
        this.#checkMajority();
        return;
      case "watch-lease":
        this.#watchLease(message.name, message.subscriber);
        return;
      case "coordination-synced":
      case "coordination-changed":
        this.#onNews(message);
        return;
      case "session-opened":
      case "session-renewed":
      case "session-closed":
      case "session-due":
      case "session-ending":
      case "session-over":
        this.#session.handle(message);
        return;
      case "lease-answered":
      case "lease-due":
        this.#claims.handle(message);
        return;
      default:
        message satisfies never;
    }
  }

  /** Those who leave wait for nothing that cannot be. */
  #checkMajority(): void {
    if (this.#present.isMajority) return;
    this.#claims.settleAll();
    for (const watcher of this.#majorityWatchers.values()) this.#ctx.tell(watcher, { type: "majority-lost" });
    this.#majorityWatchers.clear();
  }

  #holdSession(ref: Ref<SessionEvent>): void {
    const key = ref.toString();
    // One that was restarted says it again, and is told again.
    const holder = this.#holders.get(key) ?? { ref, holds: 0 };
    this.#ctx.watch(ref);
    this.#holders.set(key, holder);
    const { term } = this.#session;
    if (term !== null) this.#tellHeld(holder, term);
  }

  #releaseSession(ref: AnyRef, session: number): void {
    const holder = this.#holders.get(ref.toString());
    if (holder?.holds === session) holder.holds = 0;
  }

  #onHeld(term: SessionTerm): void {
    for (const holder of this.#holders.values()) this.#tellHeld(holder, term);
    this.#claims.reconcileAll();
  }

  #tellHeld(holder: SessionHolder, term: SessionTerm): void {
    holder.holds = term.session;
    this.#ctx.tell(holder.ref, { type: "session-held", term });
  }

  #onLost({ session }: SessionTerm): void {
    for (const { ref, holds } of this.#holders.values()) {
      if (holds > 0) this.#ctx.tell(ref, { type: "session-lost", session });
    }
    this.#claims.lose();
  }

  #watchLease(name: string, subscriber: Ref<LeaseHolder>): void {
    const watchers = this.#leaseWatchers.get(name) ?? new Map<string, Ref<LeaseHolder>>();
    this.#leaseWatchers.set(name, watchers);
    watchers.set(subscriber.toString(), subscriber);
    this.#ctx.watch(subscriber);
    if (this.#synced) this.#ctx.tell(subscriber, this.#holderOf(name));
  }

  #onNews(news: CoordinationNews): void {
    this.#mirror.take(news);
    this.#synced = true;
    this.#session.seen(this.#mirror.tables.session(this.#ctx.node));
    this.#claims.reconcileAll();
    const changed =
      news.type === "coordination-synced"
        ? this.#leaseWatchers.keys()
        : news.changes.flatMap(({ record }) => leaseName(record));
    for (const name of new Set(changed)) {
      for (const watcher of this.#leaseWatchers.get(name)?.values() ?? [])
        this.#ctx.tell(watcher, this.#holderOf(name));
    }
  }

  #holderOf(name: string): LeaseHolder {
    const record = this.#mirror.tables.lease(name);
    const holder = record === undefined ? null : { node: record.node, fence: record.fence };
    return { type: "lease-holder", name, holder };
  }
}

function leaseName(record: { readonly kind: string; readonly name?: string }): readonly string[] {
  return record.kind === "lease" && record.name !== undefined ? [record.name] : [];
}
