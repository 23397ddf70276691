/**
 * The one queue of everything that will happen: a binary heap by time, ties in an order drawn from the seed.
 *
 * Time is a whole number of microseconds since the run began, so that sums are exact. A cancelled entry stays in the heap
 * until its time; that is cheaper than to look for it.
 */
import type { Random } from "../../runtime/index.ts";

export interface QueueEntry {
  readonly atUs: number;
  /** Orders entries of the same time. */
  readonly tie: number;
  /** Orders entries of the same time and tie: by when they were put in, whatever else is in the queue. */
  readonly number: number;
  /** Null when cancelled. */
  run: (() => void) | null;
}

/** Who decides upon something aside: a replay in which that is given does without the events in which it was decided. */
export type TieTaker = "faults" | "load";

/** Ties beyond this range repeat. */
const TIE_RANGE = 2 ** 30;

/** Ties of one rank. */
const RANK_RANGE = 2 ** 10;

export class TimeQueue {
  readonly #aside: Readonly<Record<TieTaker, number[]>> = { faults: [], load: [] };
  readonly #heap: QueueEntry[] = [];
  readonly #random: Random;
  /** Numbers of ties that nobody gets, ascending. */
  readonly #passedOver: readonly number[];
  #passed = 0;
  #drawn = 0;

  /** @param passedOver numbers of ties that a recorded run gave to who decides upon faults or load, and that are not given to others in its replay */
  constructor(random: Random, passedOver: readonly number[] = []) {
    this.#random = random;
    this.#passedOver = passedOver;
  }

  /** @param rank from 0 to 1: where it comes among those of its time; among those of one rank, and with null, chance says */
  push(atUs: number, run: () => void, rank: number | null = null): QueueEntry {
    this.#passOver();
    const drawn = this.#drawTie();
    const tie = rank === null ? drawn : Math.floor(rank * (TIE_RANGE - RANK_RANGE)) + (drawn % RANK_RANGE);
    return this.#add({ atUs, tie, number: this.#drawn, run });
  }

  /** As `push`, for who decides upon faults or load: a replay of the same does without. */
  pushAside(atUs: number, run: () => void, taker: TieTaker): QueueEntry {
    this.#passOver();
    this.#aside[taker].push(this.#drawn);
    const tie = this.#drawTie();
    return this.#add({ atUs, tie, number: this.#drawn, run });
  }

  /** Which ties, counted from 0, these have taken, or would have in a run that this one repeats; ascending. */
  tiesOf(takers: readonly TieTaker[]): readonly number[] {
    return [...this.#passedOver, ...takers.flatMap((taker) => this.#aside[taker])].toSorted(
      (one, other) => one - other,
    );
  }

  /** Puts in an entry whose tie is known. */
  place({ atUs, tie, run }: Pick<QueueEntry, "atUs" | "tie" | "run">): QueueEntry {
    return this.#add({ atUs, tie, number: 0, run });
  }

  #add(entry: QueueEntry): QueueEntry {
    this.#siftUp(entry);
    return entry;
  }

  #passOver(): void {
    for (; this.#drawn === this.#passedOver[this.#passed]; this.#passed++) this.#drawTie();
  }

  #drawTie(): number {
    this.#drawn += 1;
    return this.#random.integer(TIE_RANGE);
  }

  /** The earliest entry that is not cancelled, taken out; undefined when there is none at or before `untilUs`. */
  pop(untilUs: number): QueueEntry | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (first.run !== null && first.atUs > untilUs)) return undefined;
      const last = this.#heap.pop() as QueueEntry;
      if (this.#heap.length > 0) this.#siftDown(last);
      if (first.run !== null) return first;
    }
  }

  #siftUp(entry: QueueEntry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as QueueEntry;
      if (!before(entry, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  /** Puts `entry` in at the top. */
  #siftDown(entry: QueueEntry): void {
    const heap = this.#heap;
    const half = heap.length >> 1;
    let at = 0;
    while (at < half) {
      let childAt = 2 * at + 1;
      let child = heap[childAt] as QueueEntry;
      const right = heap[childAt + 1];
      if (right !== undefined && before(right, child)) {
        childAt += 1;
        child = right;
      }
      if (!before(child, entry)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = entry;
  }
}

function before(a: QueueEntry, b: QueueEntry): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  return a.tie === b.tie ? a.number < b.number : a.tie < b.tie;
}
