/** The timers that a behaviour in isolation has set, and its receive timeout; the test says when they fire. */
interface RecordedTimer<Message> {
  readonly atMs: number;
  /** Of two that are due at once, the one that was set first fires first. */
  readonly order: number;
  readonly message: Message;
}

/** The key of the receive timeout; a user's keys are strings. */
const RECEIVE_TIMEOUT: unique symbol = Symbol("receive timeout");

type Key = string | typeof RECEIVE_TIMEOUT;

export class RecordedTimers<in out Message> {
  readonly #timers = new Map<Key, RecordedTimer<Message>>();
  #timeout: { readonly delayMs: number; readonly message: Message } | null = null;
  #set = 0;

  set(key: Key, atMs: number, message: Message): void {
    this.#timers.set(key, { atMs, order: ++this.#set, message });
  }

  cancel(key: string): void {
    this.#timers.delete(key);
  }

  setReceiveTimeout(nowMs: number, delayMs: number, message: Message): void {
    this.#timeout = { delayMs, message };
    this.rearm(nowMs);
  }

  cancelReceiveTimeout(): void {
    this.#timeout = null;
    this.#timers.delete(RECEIVE_TIMEOUT);
  }

  /** A message was handled: the receive timeout counts anew. */
  rearm(nowMs: number): void {
    if (this.#timeout !== null) this.set(RECEIVE_TIMEOUT, nowMs + this.#timeout.delayMs, this.#timeout.message);
  }

  /** Takes a timer out; undefined when none of that key is set. */
  take(key: Key): RecordedTimer<Message> | undefined {
    const timer = this.#timers.get(key);
    this.#timers.delete(key);
    return timer;
  }

  takeReceiveTimeout(): RecordedTimer<Message> | undefined {
    return this.take(RECEIVE_TIMEOUT);
  }

  /** Takes the timer out that is due first, at or before `untilMs`. */
  takeNext(untilMs: number): RecordedTimer<Message> | undefined {
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= untilMs);
    const [first] = due.toSorted(([, one], [, other]) => one.atMs - other.atMs || one.order - other.order);
    return first && this.take(first[0]);
  }

  /** The users' keys. */
  keys(): readonly string[] {
    return [...this.#timers.keys()].filter((key) => typeof key === "string");
  }
}
