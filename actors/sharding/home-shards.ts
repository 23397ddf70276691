/**
 * The shards that are at home on one node, and how they leave it.
 *
 *     open ──asked to hand off──▶ flushing ──every front has sent its last──▶ draining ──entities ended──▶ given
 *
 * `flushing` ends after `FLUSH_MS` in any case: a front whose node hangs must not keep a shard from moving. What it sends later
 * goes back to the front of this node and on to the new home.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import { propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { ShardRecord } from "../coordination/coordination-record.ts";
import { Tenure, type SessionTerm } from "../coordination/tenure.ts";
import type { EntityHome } from "./entity-table.ts";
import type { ShardRules } from "./shard-options.ts";
import type { HandOffMessage, ShardHostMessage } from "./shard-protocol.ts";

/** How long a home waits for fronts to say that they have sent their last. */
const FLUSH_MS = 3000;

const PROPOSE_MS = 1500;

/** Pause before a proposal that got no answer is made again. */
const RETRY_MS = 250;

export class Home implements EntityHome {
  readonly shard: number;
  readonly tenure: Tenure;
  readonly session: number;
  readonly entities = new Set<string>();
  /** Nodes whose fronts have sent their last. */
  readonly flushed = new Set<string>();
  phase: "open" | "flushing" | "draining" | "given" | "gone" = "open";

  constructor(shard: number, fence: number, term: SessionTerm) {
    this.shard = shard;
    this.session = term.session;
    this.tenure = new Tenure(fence, term);
  }

  get fence(): number {
    return this.tenure.fence;
  }

  /** Whether a message for an entity of it may still come. */
  get isOpen(): boolean {
    return this.phase === "open" || this.phase === "flushing";
  }

  get isDraining(): boolean {
    return this.phase === "draining";
  }

  get isGone(): boolean {
    return this.phase === "gone";
  }
}

export interface HomeShardsOptions {
  readonly ctx: Context<ShardHostMessage>;
  readonly replica: Ref<ReplicaRequest>;
  readonly shardType: string;
  readonly rules: ShardRules;
  /** Nodes that take part now. */
  readonly fronts: () => readonly string[];
  readonly onOpened: (home: Home) => void;
  /** It is at home here no more, and nothing of it may act. */
  readonly onClosed: (home: Home) => void;
  /** Its entities are to be stopped when they have handled what waits. */
  readonly onDrain: (home: Home) => void;
}

export class HomeShards {
  readonly #options: HomeShardsOptions;
  readonly #homes = new Map<number, Home>();

  constructor(options: HomeShardsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#homes.size;
  }

  get(shard: number): Home | undefined {
    return this.#homes.get(shard);
  }

  /** The map shows the shard like this; this node's session is `term`. */
  see(record: ShardRecord, term: SessionTerm | null): void {
    const { node } = this.#options.ctx;
    const isMine = term !== null && record.home?.node === node && record.home.session === term.session;
    const known = this.#homes.get(record.shard);
    if (known !== undefined && (!isMine || known.fence !== record.fence)) this.#close(known);
    if (!isMine) return;
    const home = this.#homes.get(record.shard) ?? this.#open(record, term);
    if (record.handingOff && home.phase === "open") this.#flush(home);
  }

  /** The front of `node` has sent its last. */
  flushed(shard: number, fence: number, node: string): void {
    const home = this.#homes.get(shard);
    if (home?.fence !== fence) return;
    home.flushed.add(node);
    this.#drainIfFlushed(home);
  }

  /** Nodes came or went. */
  frontsChanged(): void {
    for (const home of this.#homes.values()) this.#drainIfFlushed(home);
  }

  /** An entity of it has ended. */
  entityEnded(home: EntityHome): void {
    const known = this.#homes.get(home.shard);
    if (known === home) this.#giveIfEmpty(known);
  }

  handle(message: HandOffMessage): void {
    const home = this.#homes.get(message.shard);
    if (home?.fence !== message.fence) return;
    switch (message.type) {
      case "flush-due":
        if (home.phase === "flushing") this.#drain(home);
        return;
      case "give-due":
        this.#give(home);
        return;
      case "given":
        if (!isCarriedOut(message.reply)) this.#giveAgain(home);
        return;
      default:
        message satisfies never;
    }
  }

  /** The session is lost: none of them is at home here any more. */
  clear(): void {
    for (const home of [...this.#homes.values()]) this.#close(home);
  }

  #open({ shard, fence }: ShardRecord, term: SessionTerm): Home {
    const home = new Home(shard, fence, term);
    this.#homes.set(shard, home);
    this.#options.onOpened(home);
    return home;
  }

  #close(home: Home): void {
    this.#homes.delete(home.shard);
    for (const timer of ["flush", "give"]) this.#options.ctx.cancelTimer(`${timer}:${home.shard}`);
    home.phase = "gone";
    home.tenure.end();
    this.#options.onClosed(home);
  }

  #flush(home: Home): void {
    home.phase = "flushing";
    const { shard, fence } = home;
    this.#options.ctx.setTimer(`flush:${shard}`, FLUSH_MS, { type: "flush-due", shard, fence });
    this.#drainIfFlushed(home);
  }

  #drainIfFlushed(home: Home): void {
    if (home.phase === "flushing" && this.#options.fronts().every((node) => home.flushed.has(node))) this.#drain(home);
  }

  #drain(home: Home): void {
    home.phase = "draining";
    this.#options.ctx.cancelTimer(`flush:${home.shard}`);
    if (this.#options.rules.entitiesEndFirst) this.#options.onDrain(home);
    this.#giveIfEmpty(home);
  }

  #giveIfEmpty(home: Home): void {
    if (home.phase !== "draining") return;
    if (home.entities.size > 0 && this.#options.rules.entitiesEndFirst) return;
    home.phase = "given";
    this.#give(home);
  }

  #give(home: Home): void {
    const { ctx, replica, shardType } = this.#options;
    const { shard, fence, session } = home;
    propose(ctx, {
      replica,
      command: { type: "hand-off-shard", shardType, shard, node: ctx.node, session, fence },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): ShardHostMessage => ({ type: "given", shard, fence, reply }),
    });
  }

  #giveAgain({ shard, fence }: Home): void {
    this.#options.ctx.setTimer(`give:${shard}`, RETRY_MS, { type: "give-due", shard, fence });
  }
}

function isCarriedOut(reply: ProposeReply): boolean {
  return reply.ok && reply.outcome.ok;
}
