/**
 * The answers that an actor waits for ahead of its messages, counted, so that a graceful stop ends no actor between a write
 * and what it owes for it.
 */
import { Answer, type Deferred } from "./deferred.ts";
import { StopRequest } from "./stop-request.ts";

export class AwaitedAnswers {
  readonly #receiveAhead: (message: Deferred) => void;
  #count = 0;
  #end: (() => void) | null = null;

  constructor(receiveAhead: (message: Deferred) => void) {
    this.#receiveAhead = receiveAhead;
  }

  /** The actor ends when its last answer is handled. */
  get isEnding(): boolean {
    return this.#end !== null;
  }

  open<Value>(adapt: (value: Value) => unknown, isWanted: () => boolean): (value: Value) => void {
    let isOpen = true;
    this.#count += 1;
    const take = (value: Value): unknown => {
      if (isOpen) this.#answered();
      isOpen = false;
      return adapt(value);
    };
    return (value) => {
      if (isWanted()) this.#receiveAhead(new Answer(value, take, isWanted));
    };
  }

  /** Runs `end` when no answer is awaited; at once if none is. */
  whenNone(end: () => void): void {
    if (this.#count === 0) end();
    else this.#end = end;
  }

  #answered(): void {
    this.#count -= 1;
    const end = this.#end;
    if (this.#count > 0 || end === null) return;
    // Behind the handler that begins now, which may wait for more.
    this.#receiveAhead(new StopRequest(() => this.whenNone(end)));
  }
}
