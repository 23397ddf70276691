/**
 * Asks that wait for an answer: each has a ref of its own, which takes one answer and then is gone.
 *
 * Its path holds a number drawn when the system started: an answer from another node to an ask of before a restart must
 * not be taken for the answer to one of after it.
 */
import type { AskResult } from "./context.ts";
import type { Clock } from "./ports/clock.ts";
import { Ref, type AnyRef, type Recipient } from "./ref.ts";
import type { World } from "./world.ts";

/** The first part of the path of every reply ref; no actor can have this name. */
const ASK_PATH = "$ask";

export class PendingAsks {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #life: string;
  readonly #late: (to: AnyRef, message: unknown, sender: AnyRef | null) => void;
  readonly #pending = new Map<string, Recipient<unknown>>();
  #opened = 0;

  /** @param late receives answers to asks that are over. */
  constructor(node: string, world: World, late: (to: AnyRef, message: unknown, sender: AnyRef | null) => void) {
    this.#node = node;
    this.#clock = world.clock;
    this.#life = world.random.integer(2 ** 32).toString(36);
    this.#late = late;
  }

  /** Calls `done` once: with the first answer, or after `timeoutMs`. */
  open<Answer>(timeoutMs: number, done: (result: AskResult<Answer>) => void): Ref<Answer> {
    const path = `${ASK_PATH}/${this.#life}-${++this.#opened}`;
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
