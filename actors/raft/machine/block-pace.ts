/**
 * When what is queued makes a block: at the end of a turn, so that all requests of a turn go together; and while a block of this node is on
 * its way, not before that is applied, or many clients would settle into many small blocks, each of which costs the disks and every
 * link as much as a large one. It is Nagle's algorithm (RFC 896), with an end to the wait.
 */
import type { Context } from "../../../runtime/index.ts";
import type { MachineMessage } from "./machine-message.ts";

/**
 * Five milliseconds: longer than a block takes between machines of one place, and short beside the round trip between places, where
 * waiting for the block before would double it.
 */
const GATHER_MS = 5;

const TIMER = "gathered";

export class BlockPace {
  readonly #ctx: Context<MachineMessage>;
  readonly #gatherMs: number;
  #flushing = false;
  /** Whether the timer of what gathers is set. */
  #gathering = false;

  /** @param gatherMs the longest wait for the block before; 0: none. */
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
  mayFlush(isUnderWay: boolean): boolean {
    this.#flushing = false;
    if (!isUnderWay || this.#gatherMs === 0) return true;
    if (!this.#gathering) this.#ctx.setTimer(TIMER, this.#gatherMs, { type: "gathered" });
    this.#gathering = true;
    return false;
  }

  /** `gathered` has come: it has waited for long enough. */
  gathered(): void {
    this.#gathering = false;
  }

  /** Entries were applied: what was gathered goes as soon as nothing is on its way any more. */
  applied(isUnderWay: boolean): void {
    if (!this.#gathering || isUnderWay) return;
    this.#gathering = false;
    this.#ctx.cancelTimer(TIMER);
    this.flushSoon();
  }
}
