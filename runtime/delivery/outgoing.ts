/**
 * The numbers of a sender: what waits, what was sent, what may be sent. Decides only; `reliable-sender.ts` sends.
 *
 *     base ─── confirmed by the receiver, forgotten ─┐
 *       [ base … received … sent … durable … last ]  │   sent ≤ limit, which the receiver gave
 *
 * Invariants: base − 1 ≤ received ≤ sent ≤ durable ≤ last; sent ≤ max(limit, received); a message is forgotten only when
 * the receiver says that it is confirmed.
 */

export interface AckNumbers {
  readonly received: number;
  readonly confirmed: number;
  readonly limit: number;
  readonly resend: boolean;
}

export class Outgoing<M> {
  readonly stream: string;
  /** All up to here are in the store; without a store, all. */
  durable: number;
  sent: number;
  received: number;
  #base: number;
  #limit = 0;
  /** Of `base` and on; those before `#head` are forgotten. */
  #messages: (M | undefined)[];
  #head = 0;

  constructor(stream: string, base: number, messages: readonly M[]) {
    this.stream = stream;
    this.#base = base;
    this.#messages = [...messages];
    this.durable = this.last;
    this.sent = base - 1;
    this.received = base - 1;
  }

  /** The first message that is not confirmed. */
  get base(): number {
    return this.#base;
  }

  get last(): number {
    return this.#base + this.waiting - 1;
  }

  /** Messages that are not confirmed. */
  get waiting(): number {
    return this.#messages.length - this.#head;
  }

  /** Sent, and not known to have arrived. */
  get inFlight(): number {
    return this.sent - this.received;
  }

  /** Returns the message's number. */
  push(message: M): number {
    this.#messages.push(message);
    return this.last;
  }

  /** The next messages that are not in the store, at most `max` of them. */
  undurable(max: number): readonly M[] {
    const from = this.#head + this.durable - this.#base + 1;
    return this.#messages.slice(from, from + max) as M[];
  }

  /** The receiver began a new life, or this is the first one heard of: nothing is known of it but what is confirmed. */
  reset(): void {
    this.received = this.#base - 1;
    this.sent = this.received;
    this.#limit = 0;
  }

  /** Returns how many messages it newly confirms; undefined when it speaks of messages that never were. */
  acked({ received, confirmed, limit, resend }: AckNumbers): number | undefined {
    if (received > this.durable) return undefined;
    const newly = Math.max(0, confirmed - this.#base + 1);
    for (let i = 0; i < newly; i++) this.#messages[this.#head + i] = undefined;
    this.#head += newly;
    this.#base += newly;
    this.#compact();
    this.received = Math.max(this.received, received, this.#base - 1);
    this.sent = resend ? this.received : Math.max(this.sent, this.received);
    this.#limit = Math.max(this.#limit, limit);
    return newly;
  }

  /** The next message to send, if one may be sent. */
  next(): { readonly seq: number; readonly message: M } | undefined {
    if (this.sent >= this.durable || this.sent >= this.#limit) return undefined;
    this.sent += 1;
    return { seq: this.sent, message: this.#messages[this.#head + this.sent - this.#base] as M };
  }

  /** Moves what is left to the front when half is forgotten: each message moves once on average. */
  #compact(): void {
    if (this.#head < 64 || this.#head * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#head);
    this.#head = 0;
  }
}
