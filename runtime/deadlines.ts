/**
 * Deadlines of many asks on few timers: one queue a distinct duration, in which whoever came first is due first, so only the
 * first needs a timer (Varghese and Lauck, "Hashed and hierarchical timing wheels", scheme 1, which one duration a queue
 * makes O(1)). Taking one out early is O(1) too, and sets no timer.
 *
 * A queue whose entries were all taken out keeps its timer until that fires, at most one duration later; then both are gone.
 */
import { checkDelay } from "./check-delay.ts";
import type { Clock, TimerHandle } from "./ports/clock.ts";

/** A timer that fires this much early by a rounding of floating-point sums is on time. In milliseconds. */
const ROUNDING_MS = 1e-6;

/** Something that is due at a time; a link of its queue's list. */
export abstract class Deadline {
  /** @internal */
  dueMs = 0;
  /** @internal */
  queue: DeadlineQueue | null = null;
  /** @internal */
  earlier: Deadline | null = null;
  /** @internal */
  later: Deadline | null = null;

  /** Its time has come; it is in no queue any more. */
  abstract expire(): void;

  /** Its time will not come: the queues were closed; it is in none any more. */
  abstract abandon(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();
  /** The queue of the last `add`: most callers use one duration. */
  #last: DeadlineQueue | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `deadline.expire` is called once, `durationMs` from now, unless it is removed before. @throws RangeError: `checkDelay`. */
  add(deadline: Deadline, durationMs: number): void {
    let queue = this.#last;
    if (queue === null || queue.durationMs !== durationMs) {
      queue = this.#queues.get(durationMs) ?? this.#open(durationMs);
      this.#last = queue;
    }
    queue.add(deadline);
  }

  /** Does nothing when it is in no queue. */
  remove(deadline: Deadline): void {
    deadline.queue?.remove(deadline);
  }

  /** Abandons everything that waits; nothing expires any more. */
  close(): void {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    this.#last = null;
    for (const queue of queues) queue.close();
  }

  #open(durationMs: number): DeadlineQueue {
    checkDelay("a timeout", durationMs);
    const queue = new DeadlineQueue(this.#clock, durationMs, () => {
      this.#queues.delete(durationMs);
      if (this.#last === queue) this.#last = null;
    });
    this.#queues.set(durationMs, queue);
    return queue;
  }
}

class DeadlineQueue {
  readonly durationMs: number;
  readonly #clock: Clock;
  readonly #idle: () => void;
  #timer: TimerHandle | null = null;
  #first: Deadline | null = null;
  #last: Deadline | null = null;

  /** @param idle is told when a timer fires and nothing is in the queue. */
  constructor(clock: Clock, durationMs: number, idle: () => void) {
    this.#clock = clock;
    this.durationMs = durationMs;
    this.#idle = idle;
  }

  add(deadline: Deadline): void {
    deadline.dueMs = this.#clock.monotonicMs() + this.durationMs;
    deadline.queue = this;
    deadline.earlier = this.#last;
    if (this.#last === null) this.#first = deadline;
    else this.#last.later = deadline;
    this.#last = deadline;
    this.#timer ??= this.#arm(this.durationMs);
  }

  remove(deadline: Deadline): void {
    const { earlier, later } = deadline;
    if (earlier === null) this.#first = later;
    else earlier.later = later;
    if (later === null) this.#last = earlier;
    else later.earlier = earlier;
    deadline.queue = null;
    deadline.earlier = null;
    deadline.later = null;
  }

  close(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    for (let first = this.#first; first !== null; first = this.#first) {
      this.remove(first);
      first.abandon();
    }
  }

  #arm(delayMs: number): TimerHandle {
    return this.#clock.setTimer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#timer = null;
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#first; first !== null; first = this.#first) {
      const leftMs = first.dueMs - nowMs;
      if (leftMs > ROUNDING_MS) {
        // One that expired may have set it by an ask of its own, for later: what waits here is due before.
        if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
        this.#timer = this.#arm(leftMs);
        return;
      }
      this.remove(first);
      first.expire();
    }
    if (this.#timer === null) this.#idle();
  }
}
