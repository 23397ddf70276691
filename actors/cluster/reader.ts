/** The reader: answers linearizable reads of the map (`../raft/machine/read-queue.ts` says how), or says why it could not in time. */
import type { Context, Ref } from "../../runtime/index.ts";
import { READ_TICK_MS, ReadQueue } from "../raft/machine/read-queue.ts";
import type { RaftActorMessage } from "../raft/raft-actor-protocol.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type { Query, ReadReply, Unavailable } from "./replica-protocol.ts";

/** Reads that wait at one node; past it they are refused as overloaded: the queue would only be delay. */
export const READS_MAX = 10_000;

interface Read {
  readonly query: Query;
  readonly replyTo: Ref<ReadReply>;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
}

export interface ReaderOptions {
  readonly ctx: Context<ReplicaMessage>;
  readonly raft: Ref<RaftActorMessage>;
  /** The answer by the map as it is now. */
  readonly answer: (query: Query) => ReadReply;
}

export class Reader {
  readonly #ctx: Context<ReplicaMessage>;
  readonly #queue: ReadQueue<Read>;

  constructor({ ctx, raft, answer }: ReaderOptions) {
    this.#ctx = ctx;
    this.#queue = new ReadQueue({
      life: ctx.random.integer(2 ** 32).toString(36),
      ask: (id) => ctx.tell(raft, { type: "read", id }),
      answer: ({ query, replyTo }) => ctx.tell(replyTo, answer(query)),
    });
  }

  read(query: Query, replyTo: Ref<ReadReply>, timeoutMs: number): void {
    if (this.#queue.size >= READS_MAX) {
      const message = `${READS_MAX} reads wait at this node; try again later`;
      this.#ctx.tell(replyTo, { ok: false, code: "overloaded", message });
      return;
    }
    if (this.#queue.size === 0) this.#tickLater();
    this.#queue.add({ query, replyTo, timeoutMs, deadlineMs: this.#ctx.now() + timeoutMs });
  }

  ready(id: string, index: number, applied: number): void {
    this.#queue.ready(id, index, applied);
    this.#tickNoMore();
  }

  /** Refused: those reads are in the next question, at the next tick or when a leader is found. */
  failed(id: string): void {
    this.#queue.failed(id);
  }

  leaderFound(): void {
    this.#queue.leaderFound();
  }

  /** Answers what was waiting for the map to get so far. */
  applied(index: number): void {
    if (this.#queue.size === 0) return;
    this.#queue.applied(index);
    this.#tickNoMore();
  }

  tick(leader: string | null): void {
    const why = leader === null ? "no leader is known" : `leader "${leader}" did not confirm that it still leads`;
    for (const { replyTo, timeoutMs } of this.#queue.tick(this.#ctx.now())) {
      const message = `The read is not confirmed after ${timeoutMs} ms: ${why}`;
      this.#ctx.tell(replyTo, { ok: false, code: "no-leader", message });
    }
    if (this.#queue.size > 0) this.#tickLater();
  }

  failAll(failure: Unavailable): void {
    for (const { replyTo } of this.#queue.takeAll()) this.#ctx.tell(replyTo, failure);
    this.#tickNoMore();
  }

  #tickLater(): void {
    this.#ctx.setTimer("reads", READ_TICK_MS, { type: "reads-due" });
  }

  #tickNoMore(): void {
    if (this.#queue.size === 0) this.#ctx.cancelTimer("reads");
  }
}
