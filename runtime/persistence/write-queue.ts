/**
 * The writes of one event-sourced actor, and what waits for them.
 *
 *     decided ──▶ waiting ──one append at a time──▶ durable ──▶ steps, in order
 *
 * While one append is under way, further commands are decided on the state that it will lead to, and their events go together into the
 * next: an actor keeps as many events a second as come in the time of a write, not one for each write. Whatever a decision wants to
 * send waits until everything the decision has seen is durable, so nobody outside ever sees what a crash takes back.
 */
import type { NewEvent } from "../ports/journal.ts";

/** An append ends with the decision that reaches one of these, and so many may wait: then commands wait in the mailbox. */
const WINDOW_EVENTS = 1000;
const WINDOW_BYTES = 1_048_576;

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly bytes: number;
}

interface Owed {
  /** Everything up to here must be durable first. */
  readonly sequence: number;
  readonly run: () => void;
}

export class WriteQueue {
  /** The last event that is known to be durable. */
  durable: number;
  /** The last event that was decided. */
  decided: number;
  isWriting = false;
  #waiting: Waiting[] = [];
  #events = 0;
  #bytes = 0;
  #owed: Owed[] = [];

  constructor(sequence: number) {
    this.durable = sequence;
    this.decided = sequence;
  }

  /** So much waits that no further command should be decided. */
  get isFull(): boolean {
    return this.#events >= WINDOW_EVENTS || this.#bytes >= WINDOW_BYTES;
  }

  /** Events of one decision, which are kept together. */
  push(events: readonly NewEvent[]): void {
    if (events.length === 0) return;
    const bytes = events.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#waiting.push({ events, bytes });
    this.#events += events.length;
    this.#bytes += bytes;
    this.decided += events.length;
  }

  /** Runs behind everything that was owed before, once all that was decided by now is durable. */
  owe(run: () => void): void {
    this.#owed.push({ sequence: this.decided, run });
  }

  /** The events of the next append; empty when nothing waits or one is under way. */
  take(): readonly NewEvent[] {
    const taken: NewEvent[] = [];
    if (this.isWriting) return taken;
    let bytes = 0;
    let decisions = 0;
    for (const decision of this.#waiting) {
      if (taken.length >= WINDOW_EVENTS || bytes >= WINDOW_BYTES) break;
      // A large decision goes alone, so that no two together are over the journal's limit.
      if (decisions > 0 && bytes + decision.bytes > WINDOW_BYTES) break;
      if (decisions > 0 && taken.length + decision.events.length > WINDOW_EVENTS) break;
      for (const event of decision.events) taken.push(event);
      bytes += decision.bytes;
      decisions += 1;
    }
    this.#waiting = this.#waiting.slice(decisions);
    this.#events -= taken.length;
    this.#bytes -= bytes;
    this.isWriting = taken.length > 0;
    return taken;
  }

  /** The append that was under way is durable. */
  written(lastSequence: number): void {
    this.durable = lastSequence;
    this.isWriting = false;
  }

  /** Runs what is owed. One that throws keeps none of the others from running; the first error is thrown when all have. */
  settle(): void {
    let failed: { readonly error: unknown } | null = null;
    while (this.#owed.length > 0) {
      const count = this.#owed.findIndex(({ sequence }) => sequence > this.durable);
      const due = this.#owed.splice(0, count === -1 ? this.#owed.length : count);
      if (due.length === 0) break;
      for (const { run } of due) {
        try {
          run();
        } catch (error) {
          failed ??= { error };
        }
      }
    }
    if (failed !== null) throw failed.error as Error;
  }
}
