/** A journal in memory whose answers come when the test says so, and which fails when it says so. */
import {
  CheckedJournal,
  JournalMachine,
  memoryBodies,
  MemoryTable,
  StoreError,
  type Journal,
  type NewEvent,
  type StoreErrorCode,
} from "../../../runtime/index.ts";

export class GatedJournal {
  readonly journal: Journal;
  /** What was called, in order: the type and the stream. */
  readonly calls: string[] = [];
  /** Every event that was kept, also those that were deleted since. */
  readonly kept: NewEvent[] = [];
  /** While true, answers wait for `answer`. */
  isGated = false;
  #failure: StoreErrorCode | null = null;
  #answers: (() => void)[] = [];

  constructor(schedule: (run: () => void) => void) {
    const machine = new JournalMachine(new MemoryTable());
    this.journal = new CheckedJournal({
      path: "gated",
      ...memoryBodies,
      submit: (call, done) => {
        const size = call.type === "append" ? ` ${call.bodies.length}` : "";
        this.calls.push(`${call.type}${size}`);
        const failure = this.#failure;
        const answer = failure === null ? machine.run(call) : error(failure);
        if (call.type === "append" && "lastSequence" in answer) this.kept.push(...call.bodies);
        this.#answers.push(() => done(answer));
        if (!this.isGated) schedule(() => this.answer(1));
      },
      later: schedule,
      close: schedule,
    });
  }

  /** Every later call fails, with nothing written. */
  fail(code: StoreErrorCode | null): void {
    this.#failure = code;
  }

  /** Lets answers out that wait, the oldest first. */
  answer(count: number = Number.POSITIVE_INFINITY): void {
    for (const done of this.#answers.splice(0, count)) done();
  }
}

function error(code: StoreErrorCode): StoreError {
  return new StoreError(code, { message: `it failed with ${code}`, path: "gated", hint: "none" });
}
