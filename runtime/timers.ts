/** Keyed timers of one actor, on the world's clock. A timer that was replaced or cancelled never reaches the behaviour. */
import { checkDelay } from "./check-delay.ts";
import { Deferred } from "./deferred.ts";
import type { Clock, TimerHandle } from "./ports/clock.ts";
import type { AnyRef } from "./ref.ts";

/** What a timer puts into the mailbox; compared with the running timers when its turn comes. */
class TimerFired<Message> extends Deferred {
  readonly key: string;
  readonly #timers: Timers<Message>;

  constructor(key: string, timers: Timers<Message>) {
    super();
    this.key = key;
    this.#timers = timers;
  }

  override get timer(): string {
    return this.key;
  }

  override take(): { readonly message: Message } | undefined {
    return this.#timers.take(this);
  }
}

interface TimerRequest<Message> {
  readonly delayMs: number;
  readonly message: Message;
  /** What it follows from, when inspected. */
  readonly setBy: AnyRef | null;
}

interface RunningTimer<Message> {
  readonly fired: Deferred;
  readonly handle: TimerHandle;
  readonly message: Message;
}

export class Timers<Message> {
  readonly #running = new Map<string, RunningTimer<Message>>();
  readonly #clock: Clock;
  readonly #deliver: (fired: Deferred, setBy: AnyRef | null) => void;

  constructor(clock: Clock, deliver: (fired: Deferred, setBy: AnyRef | null) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  set(key: string, { delayMs, message, setBy }: TimerRequest<Message>): void {
    checkDelay(`timer "${key}"`, delayMs);
    this.cancel(key);
    const fired = new TimerFired(key, this);
    const handle = this.#clock.setTimer(delayMs, () => this.#deliver(fired, setBy));
    this.#running.set(key, { fired, handle, message });
  }

  cancel(key: string): void {
    const timer = this.#running.get(key);
    if (timer === undefined) return;
    this.#clock.clearTimer(timer.handle);
    this.#running.delete(key);
  }

  /** The timer's message if it is still the current one of its key; forgets it. */
  take(fired: TimerFired<Message>): { readonly message: Message } | undefined {
    const timer = this.#running.get(fired.key);
    if (timer?.fired !== fired) return undefined;
    this.#running.delete(fired.key);
    return timer;
  }

  cancelAll(): void {
    for (const timer of this.#running.values()) this.#clock.clearTimer(timer.handle);
    this.#running.clear();
  }
}
