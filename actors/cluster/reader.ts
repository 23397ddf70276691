/**
 * The reader: answers linearizable reads through Raft's read index, many with one question.
 *
 *     queued ──asked──▶ in question ──index──▶ confirmed ──applied──▶ answered
 *
 * A read may only use an index that was asked for after the read began. So while a question is out new reads queue for the
 * next one, and a load of reads costs one question a round trip, however many they are (Ongaro's dissertation, §6.4).
 */
import type { Context, Ref } from "../../runtime/index.ts";
import type { RaftActorMessage } from "../raft/raft-actor-protocol.ts";
import type { ReplicaMessage } from "./replica-message.ts";
import type { Query, ReadReply, Unavailable } from "./replica-protocol.ts";

/** Reads that wait at one node; past it they are refused as overloaded: the queue would only be delay. */
export const READS_MAX = 10_000;

/** How often waiting reads are looked after: deadlines are that exact, and a lost question costs that much. */
const TICK_MS = 100;

/** A question without an answer is asked again after so many ticks. */
const PATIENCE_TICKS = 5;

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
  readonly #raft: Ref<RaftActorMessage>;
  readonly #answer: (query: Query) => ReadReply;
  /** Tells this life of the replica from an earlier one: an answer to that one would be too old. */
  readonly #life: string;
  #queued: Read[] = [];
  #question: { readonly id: string; readonly reads: Read[]; ticks: number } | null = null;
  #confirmed: { readonly index: number; readonly reads: Read[] }[] = [];
  #questions = 0;
  #waiting = 0;

  constructor(options: ReaderOptions) {
    this.#ctx = options.ctx;
    this.#raft = options.raft;
    this.#answer = options.answer;
    this.#life = options.ctx.random.integer(2 ** 32).toString(36);
  }

  read(query: Query, replyTo: Ref<ReadReply>, timeoutMs: number): void {
    if (this.#waiting >= READS_MAX) {
      const message = `${READS_MAX} reads wait at this node; try again later`;
      this.#ctx.tell(replyTo, { ok: false, code: "overloaded", message });
      return;
    }
    if (this.#waiting === 0) this.#ctx.setTimer("reads", TICK_MS, { type: "reads-due" });
    this.#waiting += 1;
    this.#queued.push({ query, replyTo, timeoutMs, deadlineMs: this.#ctx.now() + timeoutMs });
    if (this.#question === null) this.#ask();
  }

  ready(id: string, index: number, applied: number): void {
    if (this.#question?.id !== id) return;
    this.#confirmed.push({ index, reads: this.#question.reads });
    this.#question = null;
    this.applied(applied);
    if (this.#queued.length > 0) this.#ask();
  }

  /** Refused: those reads are in the next question, at the next tick or when a leader is found. */
  failed(id: string): void {
    if (this.#question?.id === id) this.#withdraw();
  }

  leaderFound(): void {
    this.#withdraw();
    if (this.#queued.length > 0) this.#ask();
  }

  /** Answers what was waiting for the map to get so far. */
  applied(index: number): void {
    if (this.#confirmed.length === 0) return;
    const due = this.#confirmed.filter((confirmed) => confirmed.index <= index);
    this.#confirmed = this.#confirmed.filter((confirmed) => confirmed.index > index);
    for (const { reads } of due) for (const { query, replyTo } of reads) this.#finish(replyTo, this.#answer(query));
  }

  tick(leader: string | null): void {
    this.#expire(leader);
    if (this.#question !== null && ++this.#question.ticks >= PATIENCE_TICKS) this.#withdraw();
    if (this.#question === null && this.#queued.length > 0) this.#ask();
    if (this.#waiting > 0) this.#ctx.setTimer("reads", TICK_MS, { type: "reads-due" });
  }

  failAll(failure: Unavailable): void {
    this.#withdraw();
    for (const { replyTo } of this.#take(() => true)) this.#finish(replyTo, failure);
  }

  #ask(): void {
    const id = `${this.#life}-${++this.#questions}`;
    this.#question = { id, reads: this.#queued, ticks: 0 };
    this.#queued = [];
    this.#ctx.tell(this.#raft, { type: "read", id });
  }

  #withdraw(): void {
    if (this.#question === null) return;
    this.#queued = [...this.#question.reads, ...this.#queued];
    this.#question = null;
  }

  #expire(leader: string | null): void {
    const nowMs = this.#ctx.now();
    const why = leader === null ? "no leader is known" : `leader "${leader}" did not confirm that it still leads`;
    for (const read of this.#take(({ deadlineMs }) => deadlineMs <= nowMs)) {
      const message = `The read is not confirmed after ${read.timeoutMs} ms: ${why}`;
      this.#finish(read.replyTo, { ok: false, code: "no-leader", message });
    }
  }

  /** Takes the reads of all stages out that fit. */
  #take(fits: (read: Read) => boolean): Read[] {
    const stages = [this.#queued, this.#question?.reads ?? [], ...this.#confirmed.map(({ reads }) => reads)];
    const taken: Read[] = [];
    for (const reads of stages) {
      if (!reads.some(fits)) continue;
      const kept = reads.filter((read) => !fits(read));
      taken.push(...reads.filter(fits));
      reads.splice(0, reads.length, ...kept);
    }
    return taken;
  }

  #finish(replyTo: Ref<ReadReply>, reply: ReadReply): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#ctx.cancelTimer("reads");
    this.#ctx.tell(replyTo, reply);
  }
}
