/** What the replica actor holds: the map, and all who wait for it or watch it. See `replica-actor.ts`. */
import { StoreError, type AnyRef, type Context, type LogEntry, type Ref } from "../../runtime/index.ts";
import { CoordinationWatchers } from "../coordination/coordination-watchers.ts";
import type { RaftActorMessage, RaftEvent } from "../raft/raft-actor-protocol.ts";
import type { RaftActorStatus } from "../raft/raft-actor-status.ts";
import { TIME_STEP_MS, TimeKeeper } from "../raft/machine/time-keeper.ts";
import { ChangeFeed, type VersionedChanges } from "./change-feed.ts";
import { ClusterState, type Applied } from "./cluster-state.ts";
import { refuseLevel } from "./cluster-level.ts";
import type { Proposal } from "./commands.ts";
import { LevelDesk } from "./level-desk.ts";
import { LeadershipNews } from "./leadership-news.ts";
import { MembershipDesk } from "./membership-desk.ts";
import { propose } from "./propose.ts";
import { Proposer } from "./proposer.ts";
import { logRaftNews } from "./raft-news.ts";
import { Reader } from "./reader.ts";
import type { ReplicaOptions } from "./replica-actor.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type { Query, ReadReply, ReplicaRequest, ReplicaStatus, Unavailable } from "./replica-protocol.ts";
import { ReplicaSnapshots } from "./replica-snapshots.ts";
import { replicaStatus } from "./replica-status.ts";
import { StandAside } from "./stand-aside.ts";
import { Watchers } from "./watchers.ts";

const STATUS_MS = 1000;

/** How long a step of replicated time is tried; the next one holds what it held. */
const TIME_PROPOSE_MS = 5000;

type EventOf<Type extends RaftEvent["type"]> = Extract<RaftEvent, { readonly type: Type }>;
type RequestOf<Type extends ReplicaRequest["type"]> = Extract<ReplicaRequest, { readonly type: Type }>;

interface AppliedProposal {
  readonly proposal: Proposal;
  readonly applied: Applied;
  readonly index: number;
}

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #ctx: Context<ReplicaMessage>;
  readonly #state: ClusterState;
  readonly #feed = new ChangeFeed();
  readonly #proposer: Proposer;
  readonly #reader: Reader;
  readonly #watchers: Watchers<ReplicaMessage>;
  readonly #coordinationWatchers: CoordinationWatchers<ReplicaMessage>;
  readonly #leadership: LeadershipNews<ReplicaMessage>;
  readonly #snapshots: ReplicaSnapshots;
  readonly #desk: MembershipDesk;
  readonly #levels: LevelDesk;
  readonly #aside: StandAside;
  readonly #time = new TimeKeeper();
  /** Of the last entry that was applied. */
  #term = 0;
  #failure: Unavailable | null = null;
  #readOnly = false;

  constructor(options: ReplicaOptions, ctx: Context<ReplicaMessage>) {
    const { raft, codec } = options;
    this.#options = options;
    this.#ctx = ctx;
    this.#state = new ClusterState(options.limits);
    this.#watchers = new Watchers({ ctx, state: this.#state, feed: this.#feed });
    this.#coordinationWatchers = new CoordinationWatchers(ctx);
    this.#leadership = new LeadershipNews(ctx);
    this.#snapshots = new ReplicaSnapshots({ ctx, raft, codec });
    this.#desk = new MembershipDesk(ctx, raft);
    this.#aside = new StandAside(ctx, raft);
    this.#levels = new LevelDesk(ctx);
    this.#proposer = new Proposer({ ctx, raft, codec });
    this.#reader = new Reader({ ctx, raft, answer: (query) => this.#answer(query) });
  }

  forget(ref: AnyRef): void {
    this.#watchers.remove(ref);
    this.#coordinationWatchers.remove(ref);
    this.#leadership.remove(ref);
  }

  handle(message: ReplicaMessage): void {
    switch (message.type) {
      case "propose":
        return this.#propose(message);
      case "read":
        return this.#read(message);
      case "subscribe":
        return this.#watchers.add(message.subscriber, message.selection, message.since);
      case "unsubscribe":
        return this.#watchers.remove(message.subscriber);
      case "subscribe-coordination": {
        const { subscriber: ref, selection } = message;
        return this.#coordinationWatchers.add({ ref, selection }, this.#state.coordination, this.#state.applied);
      }
      case "watch-leadership":
        return this.#leadership.add(message.subscriber);
      case "status":
        return this.#askStatus(message.replyTo);
      case "change-membership":
        return this.#operate(message, () => this.#desk.change(message, this.#leadership.leader));
      case "transfer-leadership": {
        const { to, force, replyTo } = message;
        const transfer: RaftActorMessage = { type: "transfer", to, force, replyTo };
        return this.#operate(message, () => this.#ctx.tell(this.#options.raft, transfer));
      }
      case "snapshot-now":
        return this.#operate(message, () => this.#ctx.tell(this.#options.raft, message));
      case "committed":
        return this.#commit(message.entries);
      case "leadership":
        return this.#onLeadership(message);
      case "read-ready":
        return this.#reader.ready(message.id, message.index, this.#state.applied);
      case "read-failed":
        return this.#reader.failed(message.id);
      case "take-snapshot":
        return this.#snapshots.take(message.request, { view: this.#state.view(), term: this.#term });
      case "next-chunk":
        return this.#snapshots.nextChunk(message);
      case "drop-snapshot":
        return this.#snapshots.drop(message.request);
      case "restore":
        return this.#restore(message);
      case "configuration":
        this.#desk.inForce(message);
        this.#note();
        this.#options.onConfiguration?.(message);
        return;
      case "read-only":
        this.#readOnly = message.readOnly;
        return logRaftNews(this.#options.logger, this.#ctx.node, message);
      case "alarm":
      case "store-repaired":
      case "store-damaged":
      case "membership":
      case "peer-refused":
      case "snapshot":
      case "snapshot-refused":
        return logRaftNews(this.#options.logger, this.#ctx.node, message);
      case "store-failed":
        return this.#fail(message.error);
      case "proposal-answered":
        return this.#proposer.answered(message.session, message.attempt, message.result, this.#state.applied);
      case "proposal-due":
        return this.#proposer.retry(message.session);
      case "held-due":
        return this.#proposer.heldDue();
      case "proposal-expired":
        return this.#proposer.expire(message.session, this.#leadership.leader);
      case "membership-answered":
        return this.#desk.answered(message.replyTo, message.result);
      case "members-noted":
        this.#desk.noted();
        // What did not get through is tried again with the next step of time.
        if (message.done) this.#note();
        return;
      case "software-told":
        return this.#levels.answered(message.node, message.level, this.#state.level);
      case "level-raised":
        return;
      case "time-due":
        return this.#stepTime();
      case "time-stepped":
        if (this.#leadership.isLeading) this.#stepLater();
        return;
      case "reads-due":
        return this.#reader.tick(this.#leadership.leader);
      case "raft-status":
        return this.#tellStatus(message.replyTo, message.result.ok ? message.result.answer : null);
      default:
        message satisfies never;
    }
  }

  #propose(request: RequestOf<"propose">): void {
    if (this.#failure !== null) return this.#ctx.tell(request.replyTo, this.#failure);
    const refusal = refuseLevel(request.command, this.#state);
    if (refusal === null) this.#proposer.propose(request, this.#state.applied);
    else this.#ctx.tell(request.replyTo, { ok: true, outcome: refusal });
  }

  #read({ query, replyTo, timeoutMs }: RequestOf<"read">): void {
    if (query.consistency === "local") this.#ctx.tell(replyTo, this.#answer(query));
    else if (this.#failure === null) this.#reader.read(query, replyTo, timeoutMs);
    else this.#ctx.tell(replyTo, this.#failure);
  }

  #answer({ kind, name }: Query): ReadReply {
    const one = name === undefined ? undefined : this.#state.get(kind, name);
    const resources = name === undefined ? this.#state.list(kind) : one === undefined ? [] : [one];
    return { ok: true, version: this.#state.applied, resources };
  }

  #operate({ replyTo }: { readonly replyTo: Ref<Unavailable> }, carryOut: () => void): void {
    if (this.#failure === null) carryOut();
    else this.#ctx.tell(replyTo, this.#failure);
  }

  // ── What Raft hands over ──────────────────────────────────────────────────────────────────────────────────────────

  #commit(entries: readonly LogEntry[]): void {
    const proposals: AppliedProposal[] = [];
    for (const entry of entries) {
      const { index } = entry;
      if (index <= this.#state.applied) continue;
      // Without its state a replica applies nothing.
      if (this.#failure !== null) break;
      if (index > this.#state.applied + 1) {
        // A batch got lost on the way, which takes a mailbox that overflowed.
        this.#replay();
        break;
      }
      const proposal = entry.type === "command" ? this.#apply(entry) : null;
      if (this.#failure !== null) break;
      if (proposal === null) this.#state.skip(index);
      else proposals.push(proposal);
      this.#term = entry.term;
      this.#options.onApply?.(this.#state);
    }
    this.#publish(proposals);
    for (const { proposal, applied, index } of proposals) this.#proposer.applied(proposal, applied, index);
    this.#reader.applied(this.#state.applied);
    this.#announce();
  }

  /** Null when it is of a newer version than this, and the replica has failed over it. */
  #apply({ index, payload }: LogEntry): AppliedProposal | null {
    const proposal = this.#options.codec.decode(payload) as Proposal;
    try {
      const applied = this.#state.apply(index, proposal);
      if (proposal.command.type === "advance-time") this.#time.moved(this.#state.timeMs, this.#ctx.now());
      else this.#time.stir();
      return { proposal, applied, index };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#fail(error);
      return null;
    }
  }

  #publish(proposals: readonly AppliedProposal[]): void {
    const published: VersionedChanges[] = proposals.map(({ index, applied }) => ({
      version: index,
      changes: applied.changes,
    }));
    for (const changes of published) this.#feed.push(changes);
    this.#watchers.publish(published);
    const coordination = proposals.flatMap(({ applied }) => applied.coordination);
    this.#coordinationWatchers.publish(coordination, this.#state.applied);
  }

  #replay(): void {
    this.#ctx.tell(this.#options.raft, { type: "replay", fromIndex: this.#state.applied + 1 });
  }

  #restore(part: EventOf<"restore">): void {
    if (part.index <= this.#state.applied || this.#failure !== null) return;
    try {
      const restored = this.#snapshots.restore(part);
      if (restored === "lost") return this.#replay();
      if (restored === null) return;
      this.#state.restore(restored.view);
      this.#term = restored.term;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return this.#fail(error);
    }
    this.#options.onApply?.(this.#state);
    const { applied, coordination, timeMs } = this.#state;
    this.#time.moved(timeMs, this.#ctx.now());
    this.#feed.jump(applied);
    this.#watchers.jump(applied);
    this.#coordinationWatchers.jump(coordination, applied);
    this.#proposer.jumped((proposal) => this.#state.recall(proposal));
    this.#reader.applied(applied);
    this.#announce();
  }

  #onLeadership(leadership: EventOf<"leadership">): void {
    const found = this.#leadership.hear(leadership);
    if (!this.#leadership.isLeading) {
      this.#time.end();
      this.#levels.end();
    }
    if (!found) return;
    this.#proposer.leaderFound();
    this.#reader.leaderFound();
  }

  /** Once an entry of the leader's own term is applied, the map holds all that was committed before it. */
  #announce(): void {
    this.#aside.look(this.#state);
    if (!this.#leadership.applied(this.#term)) return;
    this.#time.begin(this.#state.timeMs, this.#ctx.now());
    this.#stepLater();
    this.#note();
  }

  #fail(error: StoreError): void {
    const message = `The store of node "${this.#ctx.node}" failed: ${error.message}; ${error.hint}`;
    this.#failure = { ok: false, code: "store-failed", message };
    this.#options.onStoreFailed?.(error);
    this.#options.logger.log("error", message, { code: error.code, path: error.path, cause: error });
    this.#leadership.cease();
    this.#time.end();
    this.#proposer.failAll(this.#failure);
    this.#reader.failAll(this.#failure);
  }

  // ── What the leader says of the cluster ───────────────────────────────────────────────────────────────────────────

  #note(): void {
    if (!this.#leadership.isLeading) return;
    this.#desk.note(this.#state.members);
    this.#levels.tend(this.#state.level, this.#desk.configuration);
  }

  #stepLater(): void {
    this.#ctx.setTimer("time", TIME_STEP_MS, { type: "time-due" });
  }

  #stepTime(): void {
    this.#note();
    const toMs = this.#time.due(this.#ctx.now());
    if (toMs === null) return this.#leadership.isLeading ? this.#stepLater() : undefined;
    propose(this.#ctx, {
      replica: this.#ctx.self,
      command: { type: "advance-time", toMs },
      timeoutMs: TIME_PROPOSE_MS,
      adapt: (): ReplicaMessage => ({ type: "time-stepped" }),
    });
  }

  // ── Status ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #askStatus(replyTo: Ref<ReplicaStatus>): void {
    this.#ctx.ask<RaftActorMessage, RaftActorStatus>(this.#options.raft, {
      make: (raftReplyTo) => ({ type: "status", replyTo: raftReplyTo }),
      timeoutMs: STATUS_MS,
      adapt: (result) => ({ type: "raft-status", replyTo, result }),
    });
  }

  #tellStatus(replyTo: Ref<ReplicaStatus>, raft: RaftActorStatus | null): void {
    const facts = {
      node: this.#ctx.node,
      applied: this.#state.applied,
      term: this.#leadership.term,
      storeError: this.#failure?.message ?? "",
      readOnly: this.#readOnly,
      level: this.#state.level,
      nowMs: this.#ctx.now(),
    };
    this.#ctx.tell(replyTo, replicaStatus(facts, raft));
  }
}
