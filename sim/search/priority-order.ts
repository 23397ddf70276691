/**
 * Whose turn it is, by priorities drawn from the seed instead of evenly among all who are runnable: seeded priority scheduling.
 *
 *     an epoch: a priority for each actor ─▶ the highest one first, always ─┬─ a point of change: who is first becomes the last
 *                                                                           └─ the epoch is over: new priorities, new points
 *
 * Evenly drawn turns nearly never let one actor wait while another takes many; an ordering fault that needs k turns in one order has then a
 * chance that falls exponentially with k. With n priorities and d − 1 points of change a fault of depth d, one that d ordered events bring about, is met with a
 * chance of at least 1 / (n · k^(d−1)): Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of
 * Finding Bugs", ASPLOS 2010, §2. There k is the length of a test; a run here is as long as people like, so it is cut into epochs of a k that is
 * drawn for the run. Only choices count as steps: turns where somebody else could have come first.
 */
import type { Random, Turn } from "../../runtime/index.ts";
import type { TurnOrder } from "../timeline/timeline.ts";

/** Depths are from one (priorities alone) to this. */
const DEPTH_MAX = 4;

/** Choices for which priorities last: from those of one event to those of some hundred. */
const EPOCH_MIN = 8;
const EPOCH_RANGE = 200;

export class PriorityOrder implements TurnOrder {
  /** How many orderings a fault may need that this run looks for. */
  readonly depth: number;
  /** How often priorities changed. */
  changes = 0;
  readonly #random: Random;
  readonly #epoch: number;
  /** Larger goes first; those that became the last are negative. */
  #priorities = new WeakMap<Turn, number>();
  /** Choices of this epoch so far. */
  #choices: number;
  /** At which of them who is first becomes the last. */
  #points: readonly number[] = [];
  #lowest = 0;

  constructor(random: Random) {
    this.#random = random;
    this.depth = 1 + random.integer(DEPTH_MAX);
    this.#epoch = Math.round(EPOCH_MIN * EPOCH_RANGE ** random.next());
    this.#choices = this.#epoch;
  }

  pick(runnable: readonly Turn[]): number {
    if (this.#choices === this.#epoch) this.#begin();
    const best = this.#best(runnable);
    const isPoint = this.#points.includes(this.#choices);
    this.#choices += 1;
    if (!isPoint) return best;
    this.#lowest -= 1;
    this.changes += 1;
    this.#priorities.set(runnable[best] as Turn, this.#lowest);
    return this.#best(runnable);
  }

  /** Who goes first has what he puts in come first, too; who has become the last has it come last. */
  rank(turn: Turn): number {
    const priority = this.#priorityOf(turn);
    return priority < 0 ? 1 : 1 - priority;
  }

  #begin(): void {
    this.#priorities = new WeakMap();
    this.#lowest = 0;
    this.#choices = 0;
    this.#points = Array.from({ length: this.depth - 1 }, () => this.#random.integer(this.#epoch));
  }

  #best(runnable: readonly Turn[]): number {
    let best = 0;
    let highest = -Infinity;
    for (let at = 0; at < runnable.length; at++) {
      const priority = this.#priorityOf(runnable[at] as Turn);
      if (priority <= highest) continue;
      best = at;
      highest = priority;
    }
    return best;
  }

  #priorityOf(turn: Turn): number {
    const known = this.#priorities.get(turn);
    if (known !== undefined) return known;
    const drawn = this.#random.next();
    this.#priorities.set(turn, drawn);
    return drawn;
  }
}
