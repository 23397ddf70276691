/**
 * What the machine actor holds: the replicated machine, what waits for it, and the way between them and Raft. See `machine-actor.ts`.
 */
import { StoreError, type AskResult, type Context, type LogEntry, type Ref } from "../../../runtime/index.ts";
import type { RaftActorMessage, RaftEvent, RaftProposeReply } from "../raft-actor-protocol.ts";
import { BATCH_BYTES_TARGET } from "./command-batch.ts";
import { BlockPace } from "./block-pace.ts";
import { CommandBlocks, type Block, type Part } from "./command-blocks.ts";
import type { MachineActorOptions } from "./machine-actor.ts";
import { encodeTime, isSession } from "./machine-entry.ts";
import type { MachineMessage } from "./machine-message.ts";
import type { ExecuteBatch, MachineCommand, MachineFailure, MachineReply, QueryBatch } from "./machine-protocol.ts";
import { READ_TICK_MS, ReadQueue } from "./read-queue.ts";
import type { RecordChunks } from "./record-stream.ts";
import { ReplicatedMachine, type CommandResult } from "./replicated-machine.ts";
import { ReplyBasket } from "./reply-basket.ts";
import { TIME_STEP_MS, TimeKeeper } from "./time-keeper.ts";

/** Commands that wait at one node; past it they are refused as overloaded: the queue would only be delay. */
const COMMANDS_WAITING_MAX = 100_000;

/** Queries that wait at one node, by batches; past it they are refused as overloaded. */
const QUERY_BATCHES_MAX = 10_000;

/** Raft answers a block at once or not at all; a message that crosses two nodes and is not answered by then is lost. */
const ANSWER_MS = 1000;

interface WaitingQuery {
  readonly batch: QueryBatch;
  readonly deadlineMs: number;
}

type EventOf<Type extends RaftEvent["type"]> = Extract<RaftEvent, { readonly type: Type }>;

export class MachineHost {
  readonly #options: MachineActorOptions;
  readonly #ctx: Context<MachineMessage>;
  readonly #raft: Ref<RaftActorMessage>;
  readonly #machine: ReplicatedMachine;
  readonly #blocks: CommandBlocks;
  readonly #pace: BlockPace;
  readonly #reads: ReadQueue<WaitingQuery>;
  readonly #time = new TimeKeeper();
  readonly #basket = new ReplyBasket();
  /** By the number of Raft's request. */
  readonly #snapshots = new Map<number, RecordChunks>();
  #leader: string | null = null;
  #leads = false;
  /** Of the leader that was heard of last. */
  #term = 0;
  #failed = false;
  #ticking = false;

  constructor(options: MachineActorOptions, ctx: Context<MachineMessage>) {
    this.#options = options;
    this.#ctx = ctx;
    this.#raft = options.raft;
    this.#pace = new BlockPace(ctx, options.gatherMs);
    this.#machine = new ReplicatedMachine(options.machine, options.sessions);
    const life = ctx.random.integer(2 ** 16) * 2 ** 32 + ctx.random.integer(2 ** 32);
    this.#blocks = new CommandBlocks({ life, blockBytes: options.blockBytes ?? BATCH_BYTES_TARGET });
    this.#reads = new ReadQueue({
      life: life.toString(36),
      ask: (id) => ctx.tell(this.#raft, { type: "read", id }),
      answer: ({ batch }) => this.#answer(batch),
    });
  }

  handle(message: MachineMessage): void {
    this.#receive(message);
    this.#basket.send((to, replies) => this.#ctx.tell(to, replies));
  }

  #receive(message: MachineMessage): void {
    switch (message.type) {
      case "execute":
        return this.#execute(message);
      case "query":
        return this.#query(message);
      case "flush":
        if (this.#pace.mayFlush(this.#blocks)) this.#flush();
        return;
      case "gathered":
        this.#pace.gathered();
        return this.#flush();
      case "block-answered":
        return this.#onBlockAnswer(message.number, message.result);
      case "tick":
        return this.#onTick();
      case "time-due":
        return this.#onTimeDue();
      case "committed":
        return this.#onCommitted(message.entries);
      case "leadership":
        return this.#onLeadership(message);
      case "read-ready":
        return this.#reads.ready(message.id, message.index, this.#machine.applied);
      case "read-failed":
        return this.#reads.failed(message.id);
      case "take-snapshot":
        this.#snapshots.set(message.request, this.#machine.snapshot(this.#options.snapshotChunkBytes));
        this.#ctx.tell(this.#raft, {
          type: "snapshot-taken",
          request: message.request,
          index: this.#machine.applied,
        });
        return;
      case "next-chunk":
        return this.#nextChunk(message);
      case "drop-snapshot":
        this.#snapshots.delete(message.request);
        return;
      case "restore":
        return this.#onRestore(message);
      case "store-failed":
        return this.#onStoreFailed(message);
      case "alarm":
      case "configuration":
      case "read-only":
      case "membership":
      case "peer-refused":
      case "snapshot":
      case "snapshot-refused":
      case "store-damaged":
      case "store-repaired":
        this.#options.onEvent?.(message);
        return;
      default:
        message satisfies never;
    }
  }

  // ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #execute({ commands, timeoutMs, elsewhere, replyTo }: ExecuteBatch): void {
    const forward = elsewhere === "forward";
    const deadlineMs = this.#deadlineMs(timeoutMs);
    const part: Part = { commands, replyTo, forward, deadlineMs, refusal: null, answered: false };
    if (this.#failed) return this.#refuse(part, "store-failed");
    if (!forward && !this.#leads) return this.#refuse(part, "not-leader");
    if (this.#blocks.size + commands.length > COMMANDS_WAITING_MAX) return this.#refuse(part, "overloaded");
    const valid = commands.every(({ session }) => session === undefined || isSession(session));
    const taken = valid ? commands : this.#dropInvalid(part);
    if (taken.length === 0) return;
    this.#blocks.add({ ...part, commands: taken });
    this.#tickSoon();
    this.#pace.flushSoon();
  }

  #dropInvalid({ commands, replyTo }: Part): readonly MachineCommand[] {
    const isValid = ({ session }: MachineCommand): boolean => session === undefined || isSession(session);
    const invalid = commands.filter((command) => !isValid(command));
    for (const { id } of invalid) this.#basket.of(replyTo).push(this.#failure(id, "invalid-session"));
    return commands.filter(isValid);
  }

  #flush(): void {
    if (this.#leader === null || this.#failed) return;
    for (let block = this.#blocks.next(); block !== null; block = this.#blocks.next()) this.#propose(block);
  }

  #propose({ number, payload }: Block): void {
    this.#ctx.ask<RaftActorMessage, RaftProposeReply>(this.#raft, {
      make: (replyTo) => ({ type: "propose", payload, replyTo }),
      timeoutMs: ANSWER_MS,
      adapt: (result) => ({ type: "block-answered", number, result }),
    });
  }

  #onBlockAnswer(number: number, result: AskResult<RaftProposeReply>): void {
    const block = this.#blocks.get(number);
    if (block === undefined) return;
    // Without an answer nobody knows; it is known when it is applied, or not at all.
    if (!result.ok) return this.#repeat(block);
    const { answer } = result;
    if (answer.type === "proposed") {
      block.index = answer.index;
      if (answer.index <= this.#machine.applied) this.#onOvertaken();
    } else if (answer.code === "too-large" && commandCount(block) > 1) {
      for (const single of this.#blocks.split(block)) this.#propose(single);
    } else {
      this.#blocks.take(number);
      this.#onRefused(block, answer.code);
    }
  }

  /** None of the block's commands is in a log, nor ever will be by this attempt. */
  #onRefused(block: Block, code: Extract<RaftProposeReply, { readonly type: "propose-refused" }>["code"]): void {
    const isFinal = code === "overloaded" || code === "too-large";
    const refusal = isFinal || code === "read-only" ? code : "not-leader";
    for (const part of block.parts) {
      if (part.answered) continue;
      if (isFinal || !part.forward) this.#refuse(part, refusal);
      else this.#blocks.add({ ...part, refusal: part.refusal === "unknown" ? "unknown" : refusal });
    }
  }

  /** Sends again what sessions make harmless to repeat: of a block, or of all that were sent to a leader that leads no more. */
  #repeat(only?: Block): void {
    const parts = this.#blocks.takeRepeatable(only);
    if (parts.length === 0) return;
    for (const part of parts) this.#blocks.add(part);
    this.#flush();
  }

  #onOvertaken(): void {
    for (const block of this.#blocks.takeOvertaken(this.#machine.applied)) this.#onRefused(block, "no-leader");
  }

  #refuse({ commands, replyTo, refusal }: Part, code: MachineFailure): void {
    const replies = this.#basket.of(replyTo);
    for (const { id } of commands) replies.push(this.#failure(id, refusal === "unknown" ? refusal : code));
  }

  #failure(id: number, code: MachineFailure): MachineReply {
    return { id, ok: false, code, leader: this.#leader, index: this.#machine.applied };
  }

  #reply(id: number, result: CommandResult): MachineReply {
    return result.ok ? { id, ok: true, index: result.index, bytes: result.bytes } : this.#failure(id, result.code);
  }

  // ── Queries ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #query(batch: QueryBatch): void {
    if (batch.consistency === "stale") return this.#answer(batch);
    if (this.#failed) return this.#refuseQuery(batch, "store-failed");
    if (this.#reads.size >= QUERY_BATCHES_MAX) return this.#refuseQuery(batch, "overloaded");
    this.#reads.add({ batch, deadlineMs: this.#deadlineMs(batch.timeoutMs) });
    this.#tickSoon();
  }

  #answer({ queries, replyTo }: QueryBatch): void {
    const replies = this.#basket.of(replyTo);
    const index = this.#machine.applied;
    for (const { id, bytes } of queries) replies.push({ id, ok: true, index, bytes: this.#machine.query(bytes) });
  }

  #refuseQuery({ queries, replyTo }: QueryBatch, code: MachineFailure): void {
    const replies = this.#basket.of(replyTo);
    for (const { id } of queries) replies.push(this.#failure(id, code));
  }

  // ── What Raft says ────────────────────────────────────────────────────────────────────────────────────────────────

  #onCommitted(entries: readonly LogEntry[]): void {
    const { size } = this.#blocks;
    for (const entry of entries) {
      const { applied } = this.#machine;
      if (entry.index <= applied) continue;
      // Without its state a machine applies nothing.
      if (this.#failed) break;
      if (entry.index > applied + 1) {
        // A batch got lost on the way, which takes a mailbox that overflowed.
        this.#ctx.tell(this.#raft, { type: "replay", fromIndex: applied + 1 });
        break;
      }
      this.#apply(entry);
      this.#options.onApply?.(this.#machine);
    }
    this.#onOvertaken();
    this.#pace.applied(this.#blocks, size - this.#blocks.size);
    this.#reads.applied(this.#machine.applied);
  }

  #apply(logged: LogEntry): void {
    const { entry, results } = this.#machine.apply(logged, (life, number) => this.#blocks.isOwn(life, number));
    if (entry === null) return;
    if (entry.type === "time") return this.#time.moved(this.#machine.timeMs, this.#ctx.now());
    this.#time.stir();
    if (results !== null) this.#answerBlock(entry.number, results);
  }

  #answerBlock(number: number, results: readonly CommandResult[]): void {
    const block = this.#blocks.take(number);
    let at = 0;
    for (const { commands, replyTo, answered } of block?.parts ?? []) {
      const replies = this.#basket.of(replyTo);
      for (const { id } of commands) {
        if (!answered) replies.push(this.#reply(id, results[at] as CommandResult));
        at += 1;
      }
    }
  }

  #onLeadership(leadership: EventOf<"leadership">): void {
    const { leader, isLeader, term } = leadership;
    if (isLeader && !this.#leads) {
      this.#time.begin(this.#machine.timeMs, this.#ctx.now());
      this.#ctx.setTimer("time", TIME_STEP_MS, { type: "time-due" });
    } else if (!isLeader && this.#leads) {
      this.#time.end();
      this.#ctx.cancelTimer("time");
    }
    const isNews = leader !== this.#leader || term !== this.#term;
    this.#leader = leader;
    this.#term = term;
    this.#leads = isLeader;
    this.#options.onLeadership?.(leadership);
    if (leader === null) return;
    if (isNews) this.#repeat();
    this.#flush();
    this.#reads.leaderFound();
  }

  #nextChunk({ request, number }: EventOf<"next-chunk">): void {
    const chunks = this.#snapshots.get(request);
    if (chunks === undefined) return;
    const { bytes, last } = chunks.next();
    if (last) this.#snapshots.delete(request);
    this.#ctx.tell(this.#raft, { type: "snapshot-chunk", request, number, bytes, last });
  }

  #onRestore(part: EventOf<"restore">): void {
    if (part.index <= this.#machine.applied || this.#failed) return;
    try {
      this.#machine.restore(part);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return this.#onStoreFailed({ type: "store-failed", error });
    }
    if (!part.last) return;
    this.#time.moved(this.#machine.timeMs, this.#ctx.now());
    this.#options.onApply?.(this.#machine);
    this.#afterJump();
    this.#reads.applied(this.#machine.applied);
  }

  /** Entries were jumped over, and what they carried is not known here, but for what sessions remember. */
  #afterJump(): void {
    for (const { parts } of this.#blocks.takePending()) {
      for (const { commands, replyTo, answered } of parts) {
        if (answered) continue;
        const replies = this.#basket.of(replyTo);
        for (const { id, session } of commands) {
          const result = session === undefined ? null : this.#machine.recall(session);
          replies.push(result === null ? this.#failure(id, "unknown") : this.#reply(id, result));
        }
      }
    }
  }

  #onStoreFailed(event: EventOf<"store-failed">): void {
    this.#failed = true;
    this.#time.end();
    this.#ctx.cancelTimer("time");
    for (const part of this.#blocks.takeQueued()) this.#refuse(part, "store-failed");
    for (const { parts } of this.#blocks.takePending()) {
      for (const part of parts) if (!part.answered) this.#refuse(part, "unknown");
    }
    for (const { batch } of this.#reads.takeAll()) this.#refuseQuery(batch, "store-failed");
    this.#options.onEvent?.(event);
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is no positive number would never be over. */
  #deadlineMs(timeoutMs: number): number {
    return this.#ctx.now() + (timeoutMs > 0 ? timeoutMs : 0);
  }

  #tickSoon(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#ctx.setTimer("tick", READ_TICK_MS, { type: "tick" });
  }

  #onTick(): void {
    this.#ticking = false;
    const nowMs = this.#ctx.now();
    const { queued, pending } = this.#blocks.takeExpired(nowMs);
    for (const part of queued) this.#refuse(part, part.refusal ?? "not-leader");
    for (const part of pending) this.#refuse(part, "unknown");
    for (const { batch } of this.#reads.tick(nowMs)) this.#refuseQuery(batch, "unavailable");
    this.#flush();
    if (this.#blocks.size > 0 || this.#reads.size > 0) this.#tickSoon();
  }

  #onTimeDue(): void {
    const toMs = this.#time.due(this.#ctx.now());
    if (toMs !== null) this.#ctx.tell(this.#raft, { type: "propose", payload: encodeTime(toMs), urgency: "vital" });
    this.#ctx.setTimer("time", TIME_STEP_MS, { type: "time-due" });
  }
}

function commandCount({ parts }: Block): number {
  return parts.reduce((count, { commands }) => count + commands.length, 0);
}
