/**
 * The numbers of one stream at its receiver, and the messages that the consumer has not confirmed.
 *
 *     … confirmed | unconfirmed, at the consumer … received | limit = confirmed + window
 *
 * Invariants: confirmed ≤ received ≤ limit, none of them ever goes back; each number is taken at most once in a life.
 */
import type { Ref } from "../ref.ts";
import type { SenderFrame } from "./delivery-frame.ts";

/** What to make of a message that came. */
export type Taken =
  | "new"
  /** It was sent again, and had arrived. */
  | "duplicate"
  /** One before it is missing. */
  | "gap"
  /** Past what was allowed; a sender that keeps to the protocol does not send it. */
  | "over-limit";

export interface Unconfirmed<M> {
  readonly seq: number;
  readonly message: M;
  /** It is not for the consumer, and counts as confirmed when those before it are. */
  readonly rejected: boolean;
}

export class Incoming<M> {
  readonly stream: string;
  readonly producer: string;
  from: Ref<SenderFrame>;
  heardAtMs: number;
  #received: number;
  #confirmed: number;
  #unconfirmed: Unconfirmed<M>[] = [];
  readonly #window: number;
  /** The gap that was told already. */
  #gapToldAt = -1;

  constructor(
    open: { readonly stream: string; readonly producer: string; readonly from: Ref<SenderFrame> },
    numbers: { readonly confirmed: number; readonly window: number; readonly nowMs: number },
  ) {
    this.stream = open.stream;
    this.producer = open.producer;
    this.from = open.from;
    this.heardAtMs = numbers.nowMs;
    this.#confirmed = numbers.confirmed;
    this.#received = numbers.confirmed;
    this.#window = numbers.window;
  }

  get received(): number {
    return this.#received;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  get limit(): number {
    return this.#confirmed + this.#window;
  }

  get unconfirmed(): readonly Unconfirmed<M>[] {
    return this.#unconfirmed;
  }

  /** What the number comes to, before the message is looked at. */
  judge(seq: number): Taken {
    if (seq <= this.#received) return "duplicate";
    if (seq > this.limit) return "over-limit";
    return seq > this.#received + 1 ? "gap" : "new";
  }

  /** Takes a message that is `new`. */
  take(one: Unconfirmed<M>): void {
    this.#received = one.seq;
    this.#unconfirmed.push(one);
    this.#passRejected();
  }

  /** Whether the sender should hear of the gap after `received`: once, until something came. */
  tellGap(): boolean {
    if (this.#gapToldAt === this.#received) return false;
    this.#gapToldAt = this.#received;
    return true;
  }

  /** All up to `seq` are confirmed, by the consumer or, in an earlier life, at the sender. Whether that is news. */
  confirm(seq: number): boolean {
    if (seq <= this.#confirmed) return false;
    this.#confirmed = seq;
    this.#received = Math.max(this.#received, seq);
    const first = this.#unconfirmed.findIndex((one) => one.seq > seq);
    this.#unconfirmed = first === -1 ? [] : this.#unconfirmed.slice(first);
    this.#passRejected();
    return true;
  }

  #passRejected(): void {
    while (this.#unconfirmed[0]?.rejected === true) {
      this.#unconfirmed.shift();
      this.#confirmed += 1;
    }
  }
}
