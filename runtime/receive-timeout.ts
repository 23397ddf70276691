/**
 * Receive timeout: a message to an actor that has handled none for a while (Akka's `setReceiveTimeout`).
 *
 * One timer is set at a time, however many messages come: handling one only notes the time, and a timer that is due too
 * early is set again for the rest. Of actors without a receive timeout nothing is asked.
 */
import { Deferred } from "./deferred.ts";
import type { Clock, TimerHandle } from "./ports/clock.ts";

export class ReceiveTimeout<Message> extends Deferred {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #message: Message;
  readonly #deliver: (timeout: Deferred) => void;
  #handle: TimerHandle | null = null;
  #lastMs: number;
  #cancelled = false;

  /** @param deliver puts it into the mailbox; whether it is still wanted shows when its turn comes. */
  constructor(clock: Clock, delayMs: number, message: Message, deliver: (timeout: Deferred) => void) {
    super();
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#message = message;
    this.#deliver = deliver;
    this.#lastMs = clock.monotonicMs();
    this.#arm(delayMs);
  }

  /** A message has been handled. */
  touch(): void {
    this.#lastMs = this.#clock.monotonicMs();
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#handle !== null) this.#clock.clearTimer(this.#handle);
    this.#handle = null;
  }

  override get timer(): string {
    return "receive-timeout";
  }

  /** The message, unless others were handled while this one waited; either way the next period begins. */
  override take(): { readonly message: Message } | undefined {
    if (this.#cancelled) return undefined;
    const leftMs = this.#leftMs();
    this.#arm(leftMs > 0 ? leftMs : this.#delayMs);
    return leftMs > 0 ? undefined : { message: this.#message };
  }

  #leftMs(): number {
    return this.#lastMs + this.#delayMs - this.#clock.monotonicMs();
  }

  #arm(delayMs: number): void {
    this.#handle = this.#clock.setTimer(delayMs, () => {
      this.#handle = null;
      const leftMs = this.#leftMs();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#deliver(this);
    });
  }
}
