/**
 * What a watchdog sees of the event loop's thread: which turn it is in, in memory that both threads share.
 *
 * A turn costs two reads and two writes here, about a nanosecond: no clock. The watchdog's thread counts ticks into the
 * shared memory; a turn during which many went by was slow, and a turn that does not end is seen from the other thread.
 */
import type { Turn } from "../ports/dispatcher.ts";

/** Indices into the shared memory. */
export const CELL = {
  /** Ticks that went by; the watchdog's thread counts them. */
  ticks: 0,
  /** The number of the running turn; 0 between turns. */
  turn: 1,
} as const;

/** Numbers of turns are kept within 30 bits, which every engine holds without a box; they start again at 1. */
const TURN_MASK = 2 ** 30 - 1;

export class TurnMeter {
  readonly shared: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(8));
  readonly #ticksMax: number;
  readonly #slow: (turn: Turn, ticks: number) => void;
  #turns = 0;

  /** @param slow is told of each turn that took `ticksMax` or more, when it has returned. */
  constructor(ticksMax: number, slow: (turn: Turn, ticks: number) => void) {
    this.#ticksMax = ticksMax;
    this.#slow = slow;
  }

  /** Runs `turn`. Its name and that of its parameter are what the watchdog looks for on a stack that stands still. */
  measure(turn: Turn): void {
    const { shared } = this;
    const began = shared[CELL.ticks] as number;
    this.#turns = (this.#turns & TURN_MASK) + 1;
    shared[CELL.turn] = this.#turns;
    try {
      turn.run();
    } finally {
      shared[CELL.turn] = 0;
    }
    const ticks = (shared[CELL.ticks] as number) - began;
    if (ticks >= this.#ticksMax) this.#slow(turn, ticks);
  }
}
