/**
 * When what is queued makes a block: at the end of a turn, so that all requests of a turn go together; and while a block of this node is on
 * its way, not before that is applied, or many clients would settle into many small blocks, each of which costs the disks and every
 * link as much as a large one. It is Nagle's algorithm (RFC 896), with an end to the wait.
 *
 *     queued ─▶ end of the turn ─┬─ nothing on its way ─────────────────────────────────────────▶ block
 *                                └─ gathers ─▶ applied ─▶ whoever was answered comes again ─▶ ┘
 *
 * Clients that wait for their answers would settle into two halves, of which one gathers while the other is on its way. So when a block of many
 * is applied, the next one waits a moment for those that were in it.
 */
import type { Context } from "../../../runtime/index.ts";
import type { MachineMessage } from "./machine-message.ts";

/**
 * Five milliseconds: longer than a block takes between machines of one place, and short beside the round trip between places, where
 * waiting for the block before would double it.
 */
const GATHER_MS = 5;

/** How long whoever was answered may take to ask again: longer than that does between machines of one place. */
const RETURN_MS = 1;

/** Commands in a block of many. A few more or less in the next one are not worth a wait. */
const MANY = 8;

/** The part of those that could come that is enough: a few always pause. */
const ENOUGH = 0.95;

const TIMER = "gathered";

/** What a node has to do. */
export interface BlockLoad {
  /** Whether a block was handed out that is not applied. */
  readonly isUnderWay: boolean;
  /** Commands that wait, those of blocks under way counted. */
  readonly size: number;
}

export class BlockPace {
  readonly #ctx: Context<MachineMessage>;
  readonly #gatherMs: number;
  #flushing = false;
  /** Whether the timer of what gathers is set. */
  #gathering = false;
  /** With nothing on its way, so many commands end the wait. */
  #enough = 0;

  /** @param gatherMs the longest wait for the block before; 0: no block waits for anything. */
  constructor(ctx: Context<MachineMessage>, gatherMs: number = GATHER_MS) {
    this.#ctx = ctx;
    this.#gatherMs = gatherMs;
  }

  /** Commands were queued: `flush` comes behind what waits in the mailbox. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#ctx.tell(this.#ctx.self, { type: "flush" });
  }

  /** `flush` has come. False: what is queued goes on gathering. */
  mayFlush({ isUnderWay, size }: BlockLoad): boolean {
    this.#flushing = false;
    if (this.#gatherMs === 0) return true;
    if (isUnderWay) this.#gather(this.#gatherMs);
    else if (!this.#gathering || size >= this.#enough) this.gathered();
    return !this.#gathering;
  }

  /** It has waited for long enough, as when the message of that name has come. */
  gathered(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#enough = 0;
    this.#ctx.cancelTimer(TIMER);
  }

  /** Entries were applied, and with them so many commands of this node: what was gathered goes once nothing is on its way any more. */
  applied({ isUnderWay, size }: BlockLoad, commands: number): void {
    if (!this.#gathering || isUnderWay) return;
    this.gathered();
    if (commands < MANY) return this.flushSoon();
    this.#gather(RETURN_MS);
    this.#enough = ENOUGH * (size + commands);
  }

  #gather(ms: number): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#ctx.setTimer(TIMER, ms, { type: "gathered" });
  }
}
