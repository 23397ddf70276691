/**
 * What a host has to say to the replicated state about which entities live, one proposal a shard at a time.
 *
 * Kept there and not in a journal: a journal is on one node's disk, and the shard that goes to another node must find it
 * there. A message does not wait for it, so an entity that began just before its node was lost may not be remembered.
 */
import type { Context, Ref } from "../../runtime/index.ts";
import { propose } from "../cluster/propose.ts";
import type { ProposeReply, ReplicaRequest } from "../cluster/replica-protocol.ts";
import type { ShardHostMessage } from "./shard-protocol.ts";

const PROPOSE_MS = 1500;

/** Pause before a proposal that got no answer is made again. */
const RETRY_MS = 500;

/** Entities in one proposal, so that a shard full of them makes no command that the log would refuse. */
const BATCH_MAX = 500;

export interface EntityMemoryOptions {
  readonly ctx: Context<ShardHostMessage>;
  readonly replica: Ref<ReplicaRequest>;
  readonly shardType: string;
  /** Under which session and fence this node is the shard's home; null when it is not. */
  readonly homeOf: (shard: number) => { readonly session: number; readonly fence: number } | null;
  /** The cluster remembers no more entities: this one lives, and will not begin by itself elsewhere. */
  readonly onRefused: (entity: string) => void;
}

/** By entity: whether it lives. The last word counts. */
type Words = Map<string, boolean>;

export class EntityMemory {
  readonly #options: EntityMemoryOptions;
  readonly #waiting = new Map<number, Words>();
  readonly #sent = new Map<number, Words>();

  constructor(options: EntityMemoryOptions) {
    this.#options = options;
  }

  put(shard: number, entity: string, lives: boolean): void {
    const words = this.#waiting.get(shard) ?? new Map<string, boolean>();
    this.#waiting.set(shard, words);
    words.set(entity, lives);
    this.send(shard);
  }

  answered(shard: number, reply: ProposeReply): void {
    const sent = this.#sent.get(shard);
    this.#sent.delete(shard);
    if (sent === undefined || (reply.ok && (reply.outcome.ok || reply.outcome.code === "stale"))) {
      // Stale: the shard is not at home here any more, and its next home has its own word.
      this.send(shard);
      return;
    }
    if (reply.ok) {
      this.#tooMany(shard, sent);
      return;
    }
    this.#sayAgain(shard, sent);
    this.#options.ctx.setTimer(`remember:${shard}`, RETRY_MS, { type: "remember-due", shard });
  }

  send(shard: number): void {
    const { ctx, replica, shardType, homeOf } = this.#options;
    const waiting = this.#waiting.get(shard);
    if (waiting === undefined || waiting.size === 0 || this.#sent.has(shard)) return;
    const home = homeOf(shard);
    if (home === null) {
      this.#waiting.delete(shard);
      return;
    }
    const batch = [...waiting].slice(0, BATCH_MAX);
    for (const [entity] of batch) waiting.delete(entity);
    if (waiting.size === 0) this.#waiting.delete(shard);
    this.#sent.set(shard, new Map(batch));
    const started = batch.filter(([, lives]) => lives).map(([entity]) => entity);
    const ended = batch.filter(([, lives]) => !lives).map(([entity]) => entity);
    propose(ctx, {
      replica,
      command: { type: "remember-entities", shardType, shard, node: ctx.node, ...home, started, ended },
      timeoutMs: PROPOSE_MS,
      adapt: (reply): ShardHostMessage => ({ type: "remembered", shard, reply }),
    });
  }

  /** What has ended is said all the same, so that there is room again; what has begun lives on and is not remembered. */
  #tooMany(shard: number, sent: Words): void {
    const started = [...sent].filter(([, lives]) => lives);
    const ended = [...sent].filter(([, lives]) => !lives);
    if (started.length > 0) this.#sayAgain(shard, new Map(ended));
    for (const [entity] of started) this.#options.onRefused(entity);
    this.send(shard);
  }

  #sayAgain(shard: number, words: Words): void {
    this.#waiting.set(shard, new Map([...words, ...(this.#waiting.get(shard) ?? [])]));
  }
}
