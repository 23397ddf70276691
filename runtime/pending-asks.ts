/** Asks that wait for an answer: each has a ref of its own, which takes one answer and then is gone. */
import type { AskResult } from "./context.ts";
import type { Clock } from "./ports/clock.ts";
import { Ref, type AnyRef, type Recipient } from "./ref.ts";

/** The first part of the path of every reply ref; no actor can have this name. */
const ASK_PATH = "$ask";

export class PendingAsks {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #late: (to: AnyRef, message: unknown, sender: AnyRef | null) => void;
  readonly #pending = new Map<string, Recipient<unknown>>();
  #opened = 0;

  /** @param late receives answers to asks that are over. */
  constructor(node: string, clock: Clock, late: (to: AnyRef, message: unknown, sender: AnyRef | null) => void) {
    this.#node = node;
    this.#clock = clock;
    this.#late = late;
  }

  /** Calls `done` once: with the first answer, or after `timeoutMs`. */
  open<Answer>(timeoutMs: number, done: (result: AskResult<Answer>) => void): Ref<Answer> {
    const path = `${ASK_PATH}/${++this.#opened}`;
    const recipient: Recipient<Answer> = {
      receive: (answer, sender) => {
        if (!this.#pending.delete(path)) {
          this.#late(ref, answer, sender);
          return;
        }
        this.#clock.clearTimer(timer);
        done({ ok: true, answer });
      },
    };
    const ref = new Ref<Answer>({ node: this.#node, path }, recipient);
    const timer = this.#clock.setTimer(timeoutMs, () => {
      if (this.#pending.delete(path)) done({ ok: false, code: "timeout" });
    });
    this.#pending.set(path, recipient as Recipient<unknown>);
    return ref;
  }

  find(path: string): Recipient<unknown> | undefined {
    return this.#pending.get(path);
  }
}
