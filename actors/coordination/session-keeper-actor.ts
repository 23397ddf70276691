/**
 * The session keeper: ends the session of a node that was silent for longer than `LeaseRule` says, as the lease keeper does
 * with the leases of nodes (`../controller/lease-keeper-actor.ts`). Runs on every node, proposes only while its node leads.
 */
import type { Behavior, Context, Ref } from "../../runtime/index.ts";
import { LeaseDeadlines } from "../cluster/lease-deadlines.ts";
import type { LeaseRule } from "../cluster/lease.ts";
import { propose } from "../cluster/propose.ts";
import type { LeadershipChange, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { CoordinationNews } from "./coordination-news.ts";
import type { CoordinationRecord } from "./coordination-record.ts";

export interface SessionKeeperOptions {
  readonly replica: Ref<ReplicaRequest>;
  readonly rule: LeaseRule;
}

type SessionKeeperMessage =
  | CoordinationNews
  | LeadershipChange
  /** The deadline of a session, or time to propose its end again. */
  | { readonly type: "session-due"; readonly node: string }
  | { readonly type: "expire-answered"; readonly node: string; readonly carriedOut: boolean };

const PROPOSE_MS = 1000;

export function sessionKeeperActor(options: SessionKeeperOptions): Behavior<SessionKeeper, SessionKeeperMessage> {
  return {
    name: "session-keeper",
    init: (ctx) => new SessionKeeper(options, ctx),
    receive: (keeper, message) => {
      keeper.handle(message);
      return keeper;
    },
  };
}

class SessionKeeper {
  readonly #replica: Ref<ReplicaRequest>;
  readonly #ctx: Context<SessionKeeperMessage>;
  readonly #deadlines: LeaseDeadlines<SessionKeeperMessage>;

  constructor({ replica, rule }: SessionKeeperOptions, ctx: Context<SessionKeeperMessage>) {
    this.#replica = replica;
    this.#ctx = ctx;
    this.#deadlines = new LeaseDeadlines({ ctx, rule, due: (node) => ({ type: "session-due", node }) });
    ctx.tell(replica, { type: "subscribe-coordination", subscriber: ctx.self, selection: { kinds: ["session"] } });
    ctx.tell(replica, { type: "watch-leadership", subscriber: ctx.self });
  }

  handle(message: SessionKeeperMessage): void {
    switch (message.type) {
      case "coordination-synced":
        this.#deadlines.keepOnly(new Set(message.records.flatMap(nodeOf)));
        for (const record of message.records) this.#see(record);
        return;
      case "coordination-changed":
        for (const { type, record } of message.changes) {
          if (type === "put") this.#see(record);
          else for (const node of nodeOf(record)) this.#deadlines.forget(node);
        }
        return;
      case "leadership":
        this.#deadlines.lead(message.isLeader);
        return;
      case "session-due":
        this.#expire(message.node);
        return;
      case "expire-answered":
        if (!message.carriedOut) this.#deadlines.retry(message.node);
        return;
      default:
        message satisfies never;
    }
  }

  #see(record: CoordinationRecord): void {
    if (record.kind !== "session") return;
    this.#deadlines.see(record.node, { epoch: record.session, renewedAt: record.renewedAt });
  }

  #expire(node: string): void {
    const seen = this.#deadlines.get(node);
    if (seen === undefined) return;
    propose(this.#ctx, {
      replica: this.#replica,
      command: { type: "expire-session", node, session: seen.epoch, renewedAt: seen.renewedAt },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): SessionKeeperMessage => ({
        type: "expire-answered",
        node,
        carriedOut: reply.ok && reply.outcome.ok,
      }),
    });
  }
}

function nodeOf(record: CoordinationRecord): readonly string[] {
  return record.kind === "session" ? [record.node] : [];
}
