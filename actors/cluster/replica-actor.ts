/**
 * The replica: this node's copy of the map. It applies what Raft commits, answers proposals and reads, and feeds watches.
 *
 *     committed entries ──▶ apply ──▶ feed and watchers ──▶ answers to proposals ──▶ reads that waited for the index
 *
 * Watchers are told before proposers are answered, so whoever does both sees the effect of a command before its outcome.
 * A crash in applying is a bug that every replica meets; the actor must not be restarted but escalate, see
 * `REPLICA_SPAWN_OPTIONS`. After a failed store it refuses everything but local reads.
 */
import type {
  AnyRef,
  Behavior,
  Context,
  Logger,
  LogEntry,
  PayloadCodec,
  Ref,
  SpawnOptions,
  StoreError,
} from "../../runtime/index.ts";
import { CoordinationWatchers } from "../coordination/coordination-watchers.ts";
import type { CoordinationTables } from "../coordination/coordination-tables.ts";
import type { RaftActorMessage, RaftEvent } from "../raft/raft-actor-protocol.ts";
import type { ConfigurationInForce } from "../raft/core/ready.ts";
import type { RaftActorStatus } from "../raft/raft-actor-status.ts";
import type { Kind, Resource } from "../resources/index.ts";
import { ChangeFeed, type VersionedChanges } from "./change-feed.ts";
import { ClusterState, type Applied } from "./cluster-state.ts";
import type { Proposal } from "./commands.ts";
import { Proposer } from "./proposer.ts";
import { Reader } from "./reader.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type {
  LeadershipChange,
  Query,
  ReadReply,
  ReplicaRequest,
  ReplicaStatus,
  Unavailable,
} from "./replica-protocol.ts";
import { replicaStatus } from "./replica-status.ts";
import { Watchers } from "./watchers.ts";

export interface ReplicaOptions {
  readonly raft: Ref<RaftActorMessage>;
  /** Encodes proposals for the log; all members must use the same. */
  readonly codec: PayloadCodec;
  readonly logger: Logger;
  /** Called after each index that was applied. For checkers. */
  onApply?(view: ClusterView): void;
  /** Called once when the log can no longer be kept, so that the process can end. Default: it lives on, refusing. */
  onStoreFailed?(error: StoreError): void;
  /** Called whenever another configuration is in force at this node: who belongs to the cluster, and where they are reached. */
  onConfiguration?(inForce: ConfigurationInForce): void;
}

/** A look at the map; valid as long as its replica. */
export interface ClusterView {
  readonly applied: number;
  readonly fingerprint: string;
  get(kind: Kind, name: string): Resource | undefined;
  list(kind: Kind): readonly Resource[];
  /** Sessions of nodes, leases and shards; for reading only. */
  readonly coordination: CoordinationTables;
}

/** A mailbox so large that Raft's entries are never dropped before proposals are refused. */
export const REPLICA_SPAWN_OPTIONS: SpawnOptions = {
  name: "replica",
  supervision: { onCrash: "escalate" },
  mailbox: { capacity: 1_000_000 },
  // A slow peer must not hold up what the others wait for.
  onPressure: "ignore",
};

const STATUS_MS = 1000;

/** What a node is to its cluster when nobody has to do anything about it. */
const IN_SERVICE: ReadonlySet<RaftActorStatus["membership"]> = new Set(["member", "learner", "forming"]);

export function replicaActor(options: ReplicaOptions): Behavior<Replica, ReplicaMessage> {
  return {
    name: "replica",
    init: (ctx) => new Replica(options, ctx),
    receive: (replica, message) => {
      replica.handle(message);
      return replica;
    },
    onSignal: (replica, signal) => {
      if (signal.type === "terminated") replica.forget(signal.ref);
      return replica;
    },
  };
}

class Replica {
  readonly #options: ReplicaOptions;
  readonly #ctx: Context<ReplicaMessage>;
  readonly #state = new ClusterState();
  readonly #feed = new ChangeFeed();
  readonly #proposer: Proposer;
  readonly #reader: Reader;
  readonly #watchers: Watchers<ReplicaMessage>;
  readonly #coordinationWatchers: CoordinationWatchers<ReplicaMessage>;
  readonly #leadershipWatchers = new Map<string, Ref<LeadershipChange>>();
  #leadership: Extract<RaftEvent, { readonly type: "leadership" }> | null = null;
  #leading: LeadershipChange = { type: "leadership", isLeader: false, term: 0 };
  #failure: Unavailable | null = null;
  #readOnly = false;

  constructor(options: ReplicaOptions, ctx: Context<ReplicaMessage>) {
    const { raft, codec } = options;
    this.#options = options;
    this.#ctx = ctx;
    this.#watchers = new Watchers({ ctx, state: this.#state, feed: this.#feed });
    this.#coordinationWatchers = new CoordinationWatchers(ctx);
    this.#proposer = new Proposer({ ctx, raft, codec });
    this.#reader = new Reader({ ctx, raft, answer: (query) => this.#answer(query) });
  }

  forget(ref: AnyRef): void {
    this.#watchers.remove(ref);
    this.#coordinationWatchers.remove(ref);
    this.#leadershipWatchers.delete(ref.toString());
  }

  handle(message: ReplicaMessage): void {
    switch (message.type) {
      case "propose":
        this.#propose(message);
        return;
      case "read":
        this.#read(message);
        return;
      case "subscribe":
        this.#watchers.add(message.subscriber, message.selection, message.since);
        return;
      case "unsubscribe":
        this.#watchers.remove(message.subscriber);
        return;
      case "subscribe-coordination": {
        const { subscriber: ref, selection } = message;
        this.#coordinationWatchers.add({ ref, selection }, this.#state.coordination, this.#state.applied);
        return;
      }
      case "watch-leadership":
        this.#leadershipWatchers.set(message.subscriber.toString(), message.subscriber);
        this.#ctx.watch(message.subscriber);
        this.#ctx.tell(message.subscriber, this.#leading);
        return;
      case "status":
        this.#askStatus(message.replyTo);
        return;
      case "committed":
        this.#commit(message.entries);
        return;
      case "leadership":
        this.#onLeadership(message);
        return;
      case "read-ready":
        this.#reader.ready(message.id, message.index, this.#state.applied);
        return;
      case "read-failed":
        this.#reader.failed(message.id);
        return;
      case "alarm":
        this.#options.logger.log("error", "Raft alarm", { ...message.alarm });
        return;
      case "store-repaired":
        for (const repair of message.repairs) this.#options.logger.log("warn", `The log store was repaired: ${repair}`);
        return;
      case "membership":
        this.#options.logger.log(IN_SERVICE.has(message.membership) ? "info" : "warn", message.message, {
          membership: message.membership,
          cluster: message.cluster,
        });
        return;
      case "peer-refused":
        this.#options.logger.log("warn", message.message, { reason: message.reason, from: message.from });
        return;
      case "snapshot": {
        const { index, sizeBytes, origin } = message;
        this.#options.logger.log("info", `A snapshot as of index ${index} was ${origin}`, { sizeBytes });
        return;
      }
      case "store-damaged":
        this.#options.logger.log("error", message.message, { fromIndex: message.fromIndex });
        return;
      case "store-failed":
        this.#onStoreFailed(message);
        return;
      case "read-only":
        this.#readOnly = message.readOnly;
        return;
      case "configuration":
        this.#options.onConfiguration?.(message);
        return;
      case "take-snapshot":
      case "next-chunk":
      case "drop-snapshot":
      case "restore":
        return;
      case "change-membership":
        this.#ctx.tell(this.#options.raft, {
          type: "change-membership",
          change: message.change,
          replyTo: message.replyTo,
        });
        return;
      case "transfer-leadership": {
        const { to, force, replyTo } = message;
        this.#ctx.tell(this.#options.raft, { type: "transfer", to, force, replyTo });
        return;
      }
      case "snapshot-now":
        this.#ctx.tell(this.#options.raft, message);
        return;
      case "proposal-answered":
        this.#proposer.answered(message.session, message.attempt, message.result, this.#state.applied);
        return;
      case "proposal-due":
        this.#proposer.retry(message.session);
        return;
      case "proposal-expired":
        this.#proposer.expire(message.session, this.#leader());
        return;
      case "reads-due":
        this.#reader.tick(this.#leader());
        return;
      case "raft-status":
        this.#tellStatus(message.replyTo, message.result.ok ? message.result.answer : null);
        return;
      default:
        message satisfies never;
    }
  }

  #propose(request: Extract<ReplicaRequest, { readonly type: "propose" }>): void {
    if (this.#failure === null) this.#proposer.propose(request, this.#state.applied);
    else this.#ctx.tell(request.replyTo, this.#failure);
  }

  #read({ query, replyTo, timeoutMs }: Extract<ReplicaRequest, { readonly type: "read" }>): void {
    if (query.consistency === "local") this.#ctx.tell(replyTo, this.#answer(query));
    else if (this.#failure === null) this.#reader.read(query, replyTo, timeoutMs);
    else this.#ctx.tell(replyTo, this.#failure);
  }

  #answer({ kind, name }: Query): ReadReply {
    const one = name === undefined ? undefined : this.#state.get(kind, name);
    const resources = name === undefined ? this.#state.list(kind) : one === undefined ? [] : [one];
    return { ok: true, version: this.#state.applied, resources };
  }

  #commit(entries: readonly LogEntry[]): void {
    const published: VersionedChanges[] = [];
    const answers: { readonly proposal: Proposal; readonly applied: Applied; readonly index: number }[] = [];
    let appliedTerm = 0;
    for (const entry of entries) {
      const { index } = entry;
      if (index <= this.#state.applied) continue;
      if (index > this.#state.applied + 1) {
        // A batch got lost on the way, which takes a mailbox that overflowed.
        this.#ctx.tell(this.#options.raft, { type: "replay", fromIndex: this.#state.applied + 1 });
        break;
      }
      if (entry.type !== "command") {
        this.#state.skip(index);
      } else {
        const proposal = this.#options.codec.decode(entry.payload) as Proposal;
        const applied = this.#state.apply(index, proposal);
        published.push({ version: index, changes: applied.changes });
        answers.push({ proposal, applied, index });
      }
      appliedTerm = entry.term;
      this.#options.onApply?.(this.#state);
    }
    for (const changes of published) this.#feed.push(changes);
    this.#watchers.publish(published);
    const coordination = answers.flatMap(({ applied }) => applied.coordination);
    this.#coordinationWatchers.publish(coordination, this.#state.applied);
    for (const { proposal, applied, index } of answers) this.#proposer.applied(proposal, applied, index);
    this.#reader.applied(this.#state.applied);
    this.#announce(appliedTerm);
  }

  #onLeadership(leadership: Extract<RaftEvent, { readonly type: "leadership" }>): void {
    const before = this.#leadership;
    this.#leadership = leadership;
    const { isLeader, term } = this.#leading;
    if (isLeader && (!leadership.isLeader || leadership.term !== term)) this.#cease();
    if (leadership.leader === null) return;
    if (before?.leader === leadership.leader && before.term === leadership.term) return;
    this.#proposer.leaderFound();
    this.#reader.leaderFound();
  }

  /** An entry of the leader's own term is applied: the map holds all that was committed before it. */
  #announce(appliedTerm: number): void {
    const leadership = this.#leadership;
    if (leadership?.isLeader !== true || appliedTerm !== leadership.term || this.#leading.isLeader) return;
    this.#tellLeadership({ type: "leadership", isLeader: true, term: appliedTerm });
  }

  #cease(): void {
    this.#tellLeadership({ type: "leadership", isLeader: false, term: this.#leading.term });
  }

  #tellLeadership(change: LeadershipChange): void {
    this.#leading = change;
    for (const watcher of this.#leadershipWatchers.values()) this.#ctx.tell(watcher, change);
  }

  #onStoreFailed({ error }: Extract<RaftEvent, { readonly type: "store-failed" }>): void {
    const message = `The store of node "${this.#ctx.node}" failed: ${error.message}; ${error.hint}`;
    this.#failure = { ok: false, code: "store-failed", message };
    this.#options.onStoreFailed?.(error);
    this.#options.logger.log("error", message, { code: error.code, path: error.path, cause: error });
    if (this.#leading.isLeader) this.#cease();
    this.#proposer.failAll(this.#failure);
    this.#reader.failAll(this.#failure);
  }

  #leader(): string | null {
    return this.#leadership?.leader ?? null;
  }

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
      term: this.#leadership?.term ?? 0,
      storeError: this.#failure?.message ?? "",
      readOnly: this.#readOnly,
      nowMs: this.#ctx.now(),
    };
    this.#ctx.tell(replyTo, replicaStatus(facts, raft));
  }
}
