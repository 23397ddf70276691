/**
 * What the Raft actor holds: the core, and the carrying out of what it decides. It decides nothing itself, but for one
 * thing: a proposal at a follower goes on to the leader's Raft actor.
 *
 * The store answers by a message, so no handler waits; meanwhile proposals gather for the next write. After a failed write
 * or load it answers nothing but refusals, since it could not keep its word (faults 3 and 22).
 */
import type { Context } from "../../runtime/context.ts";
import type { LogStore } from "../../runtime/ports/log-store.ts";
import { StoreError } from "../../runtime/ports/store-error.ts";
import type { Ref } from "../../runtime/ref.ts";
import { createConfiguration } from "./core/configuration.ts";
import type { RaftActorMessage, RaftEvent, RaftPropose, RaftProposeReply } from "./raft-actor-protocol.ts";
import { RaftCore, type RaftView } from "./core/raft-core.ts";
import type { RaftLimits, RaftTiming } from "./core/raft-options.ts";
import type { RaftRules } from "./core/raft-rules.ts";
import type { ProposeResult, ReadOutcome, Ready } from "./core/ready.ts";

export interface RaftActorOptions {
  /** Names of the nodes that vote, this one among them; the same at all of them. */
  readonly voters: readonly string[];
  readonly store: LogStore;
  /** Gets every `RaftEvent`. */
  readonly subscriber: Ref<RaftEvent>;
  /** Path of the Raft actor at every node. Default "raft". */
  readonly path?: string;
  readonly timing?: Partial<RaftTiming>;
  readonly limits?: Partial<RaftLimits>;
  /** Only to plant a fault; see `planted-faults.ts`. */
  readonly rules?: RaftRules;
  /** Called once the log is loaded, with a look at the core that stays valid. For checkers. */
  onStart?(view: RaftView): void;
}

/** A proposal that was forwarded more often meets members that disagree on the leader; it is refused, to be retried. */
const FORWARDS_MAX = 3;

type RaftContext = Context<RaftActorMessage>;

export class RaftHost {
  readonly #options: RaftActorOptions;
  readonly #peers = new Map<string, Ref<RaftActorMessage>>();
  /** Null when the log could not be loaded. */
  #core: RaftCore | null = null;
  #failed = false;
  /** When the timer that is set will fire. The core's deadline mostly moves on; the timer follows only when it fires. */
  #timerAtMs = Infinity;
  /** The leader whose link is watched; null when it was lost, until the leader is heard again. */
  #watched: string | null = null;

  constructor(options: RaftActorOptions) {
    this.#options = options;
  }

  start(ctx: RaftContext): void {
    const { store, voters, timing, limits, rules } = this.#options;
    try {
      const loaded = store.load();
      if (loaded.repairs.length > 0) this.#tell({ type: "store-repaired", repairs: loaded.repairs }, ctx);
      this.#core = new RaftCore({
        self: ctx.node,
        configuration: createConfiguration(voters),
        loaded,
        random: ctx.random,
        nowMs: ctx.now(),
        ...(timing && { timing }),
        ...(limits && { limits }),
        ...(rules && { rules }),
      });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#fail(error, ctx);
      return;
    }
    this.#options.onStart?.(this.#core);
    this.#flush(this.#core, ctx);
  }

  handle(message: RaftActorMessage, ctx: RaftContext): void {
    const core = this.#core;
    if (core === null || this.#failed) return this.#refuse(message, ctx);
    const nowMs = ctx.now();
    if (message.type === "timeout" || nowMs >= this.#timerAtMs) {
      this.#timerAtMs = Infinity;
      core.step({ type: "timeout" }, nowMs);
    }
    switch (message.type) {
      case "peer":
        core.step({ type: "message", from: message.from, message: message.message }, nowMs);
        if (message.from === core.leader) this.#watch(message.from, ctx);
        break;
      case "propose":
        this.#propose(core, message, ctx);
        break;
      case "read":
        core.step({ type: "read", id: message.id }, nowMs);
        break;
      case "replay":
        this.#replay(core, message.fromIndex, ctx);
        break;
      case "status":
        ctx.tell(message.replyTo, core.status());
        break;
      case "persisted":
        if (message.error) return this.#fail(message.error, ctx);
        core.step({ type: "persisted", token: message.token }, nowMs);
        break;
      case "timeout":
        break;
      default:
        message satisfies never;
    }
    this.#flush(core, ctx);
  }

  /** An actor of another node that was watched is gone, with its node or by itself. */
  lost(node: string, ctx: RaftContext): void {
    if (node !== this.#watched) return;
    this.#watched = null;
    if (this.#core === null || this.#failed) return;
    this.#core.step({ type: "link-lost", member: node }, ctx.now());
    this.#flush(this.#core, ctx);
  }

  #watch(leader: string, ctx: RaftContext): void {
    if (leader === this.#watched) return;
    if (this.#watched !== null) ctx.unwatch(this.#peer(this.#watched, ctx));
    this.#watched = leader;
    ctx.watch(this.#peer(leader, ctx));
  }

  #flush(core: RaftCore, ctx: RaftContext): void {
    const ready = core.takeReady();
    for (const { to, message } of ready.messages) {
      ctx.tell(this.#peer(to, ctx), { type: "peer", from: ctx.node, message });
    }
    if (ready.write) this.#write(ready.write, ctx);
    if (ready.leadership) this.#tell({ type: "leadership", ...ready.leadership }, ctx);
    if (ready.committed.length > 0) this.#tell({ type: "committed", entries: ready.committed }, ctx);
    for (const read of ready.reads) this.#tell(readEvent(read), ctx);
    for (const alarm of ready.alarms) this.#tell({ type: "alarm", alarm }, ctx);
    this.#setTimer(core.nextDeadlineMs(), ctx);
  }

  #write({ token, write }: NonNullable<Ready["write"]>, ctx: RaftContext): void {
    const done = ctx.callback<StoreError | undefined>((error) => ({
      type: "persisted",
      token,
      ...(error && { error }),
    }));
    this.#options.store.append(write, done);
  }

  #setTimer(atMs: number, ctx: RaftContext): void {
    if (atMs >= this.#timerAtMs) return;
    this.#timerAtMs = atMs;
    ctx.setTimer("deadline", Math.max(0, atMs - ctx.now()), { type: "timeout" });
  }

  #propose(core: RaftCore, message: RaftPropose, ctx: RaftContext): void {
    const result = core.propose([message.payload], ctx.now());
    const hops = message.hops ?? 0;
    if (!result.ok && result.code === "not-leader" && result.leader !== null && hops < FORWARDS_MAX) {
      ctx.tell(this.#peer(result.leader, ctx), { ...message, hops: hops + 1 });
    } else if (message.replyTo) {
      ctx.tell(message.replyTo, proposeReply(result, core.leader));
    }
  }

  /** What has been handed over already; the rest follows by itself. */
  #replay(core: RaftCore, fromIndex: number, ctx: RaftContext): void {
    const entries = core.entries(fromIndex, core.status().applied);
    if (entries.length > 0) this.#tell({ type: "committed", entries }, ctx);
  }

  #fail(error: StoreError, ctx: RaftContext): void {
    this.#failed = true;
    ctx.cancelTimer("deadline");
    this.#tell({ type: "store-failed", error }, ctx);
  }

  #refuse(message: RaftActorMessage, ctx: RaftContext): void {
    if (message.type === "propose" && message.replyTo) {
      ctx.tell(message.replyTo, { type: "propose-refused", code: "store-failed", leader: null });
    } else if (message.type === "read") {
      this.#tell({ type: "read-failed", id: message.id, code: "store-failed" }, ctx);
    } else if (message.type === "status" && this.#core) {
      ctx.tell(message.replyTo, this.#core.status());
    }
  }

  #peer(node: string, ctx: RaftContext): Ref<RaftActorMessage> {
    const known = this.#peers.get(node);
    if (known) return known;
    const ref = ctx.refAt<RaftActorMessage>({ node, path: this.#options.path ?? "raft" });
    this.#peers.set(node, ref);
    return ref;
  }

  #tell(event: RaftEvent, ctx: RaftContext): void {
    ctx.tell(this.#options.subscriber, event);
  }
}

function readEvent(read: ReadOutcome): RaftEvent {
  if (read.ok) return { type: "read-ready", id: read.id, index: read.index };
  return { type: "read-failed", id: read.id, code: read.code };
}

function proposeReply(result: ProposeResult, leader: string | null): RaftProposeReply {
  if (result.ok) return { type: "proposed", index: result.firstIndex, term: result.term };
  return { type: "propose-refused", code: result.code === "not-leader" ? "no-leader" : result.code, leader };
}
