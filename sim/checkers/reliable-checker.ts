/**
 * Reliable delivery: what a sender took is recorded by its consumer, once, in the order in which it was sent, whatever
 * happens to either process in between.
 *
 * A message whose send was never answered may be recorded or not; but not twice, and not out of order.
 */
import type { Timeline } from "../timeline/timeline.ts";

/** Numbers are unique, and those of one producer grow in the order in which they are sent. */
export interface ReliableMessage {
  readonly producer: number;
  readonly number: number;
}

export class ReliableChecker {
  taken = 0;
  recorded = 0;
  readonly #timeline: Timeline;
  /** By producer: numbers that were taken and are not recorded yet. */
  readonly #open = new Map<number, Set<number>>();
  /** By producer: the number that was recorded last. */
  readonly #last = new Map<number, number>();
  readonly #recorded = new Set<number>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** The sender answered that it has taken the message. It may have been recorded before the answer. */
  onTaken({ producer, number }: ReliableMessage): void {
    this.taken += 1;
    if (this.#recorded.has(number)) return;
    const open = this.#open.get(producer) ?? new Set<number>();
    this.#open.set(producer, open);
    open.add(number);
  }

  onRecorded({ producer, number }: ReliableMessage): void {
    this.recorded += 1;
    this.#timeline.note(`record ${producer} ${number}`);
    const last = this.#last.get(producer) ?? 0;
    if (this.#recorded.has(number)) {
      this.#timeline.fail("reliable-once", `Message ${number} of node ${producer} is recorded twice`);
    } else if (number < last) {
      this.#timeline.fail("reliable-in-order", `Message ${number} of node ${producer} is recorded after ${last}`);
    }
    this.#last.set(producer, number);
    this.#recorded.add(number);
    const open = this.#open.get(producer);
    open?.delete(number);
    const passed = [...(open ?? [])].find((taken) => taken < number);
    if (passed === undefined) return;
    this.#timeline.fail(
      "reliable-never-lost",
      `Message ${passed} of node ${producer} was taken, and ${number} is recorded without it`,
    );
  }

  /** What was taken of these producers and has not arrived; null when everything has. */
  missing(isAsked: (producer: number) => boolean = () => true): string | null {
    for (const [producer, open] of this.#open) {
      if (!isAsked(producer)) continue;
      for (const number of open) return `message ${number} of node ${producer} was taken and is not recorded`;
    }
    return null;
  }
}
