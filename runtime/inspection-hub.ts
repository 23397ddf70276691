/** Publishes the inspection stream; while nobody listens no event object is made and no message carries its cause. */
import { Observable, type Subscriber } from "rxjs";
import type { DeadLetter, InspectionDetail, InspectionEvent, InspectOptions } from "./inspection.ts";
import type { Envelope } from "./ports/remoting.ts";
import type { AnyRef } from "./ref.ts";
import type { Directive } from "./supervision.ts";
import { causeOf, senderOf, Traced, type Cause } from "./traced.ts";

/** One subscription. */
interface Tap {
  readonly subscriber: Subscriber<InspectionEvent>;
  readonly messageRate: number;
  /** Grows by the rate with each message; a whole one is told. */
  due: number;
}

export class InspectionHub {
  /** Whether anybody listens; hot paths look at it before they call. */
  on = false;
  /** The event that is being handled, which causes what happens now; 0 outside of handlers. */
  current: Cause = 0;
  readonly #node: string;
  readonly #taps = new Set<Tap>();
  /** Each actor's last crash: what its restart follows from. */
  readonly #crashes = new WeakMap<AnyRef, Cause>();
  #events = 0;
  #completed = false;

  constructor(node: string) {
    this.#node = node;
  }

  /** @throws RangeError for a rate that is none. */
  observe({ messageRate = 1 }: InspectOptions = {}): Observable<InspectionEvent> {
    if (!(messageRate >= 0 && messageRate <= 1)) {
      throw new RangeError(`Cannot inspect ${messageRate} of the messages: the rate is a number from 0 to 1`);
    }
    return new Observable((subscriber) => {
      if (this.#completed) {
        subscriber.complete();
        return undefined;
      }
      const tap: Tap = { subscriber, messageRate, due: 0 };
      this.#taps.add(tap);
      this.on = true;
      return () => {
        this.#taps.delete(tap);
        this.on = this.#taps.size > 0;
      };
    });
  }

  /** For the sender's slot of a message that is told now. Only when `on`. */
  trace(sender: AnyRef | null): AnyRef {
    return sender instanceof Traced ? sender : new Traced(this.#node, sender, this.current);
  }

  /** The envelope of a message to another node, with its cause if it has one. Only when `on`. */
  withCause(envelope: Envelope, sender: AnyRef | null): Envelope {
    const cause = this.#name(causeOf(sender));
    return cause === null ? envelope : { ...envelope, cause };
  }

  /** Runs `init` as what follows from the spawn of `ref`. Only when `on`. */
  spawning(ref: AnyRef, behavior: string, init: () => void): void {
    const outer = this.current;
    this.current = this.#tell({ type: "spawned", ref, behavior });
    try {
      init();
    } finally {
      this.current = outer;
    }
  }

  /** What happens from now on follows from this message. `timer` is the key of the timer that it comes from. Only when `on`. */
  message(
    ref: AnyRef,
    sender: AnyRef | null,
    { message, timer }: { readonly message: unknown; readonly timer: string | null },
  ): void {
    this.current = causeOf(sender);
    if (timer !== null) this.current = this.#tell({ type: "timer", ref, key: timer });
    const cause = this.current;
    this.current = ++this.#events;
    let event: InspectionEvent | null = null;
    for (const tap of this.#taps) {
      tap.due += tap.messageRate;
      if (tap.due < 1) continue;
      tap.due -= 1;
      event ??= { ...this.#causal(cause), type: "message", ref, sender: senderOf(sender), message };
      tap.subscriber.next(event);
    }
  }

  crashed(ref: AnyRef, error: unknown, directive: Directive): void {
    if (this.on) this.#crashes.set(ref, this.#tell({ type: "crashed", ref, error, directive }));
  }

  /** Runs `init` as what follows from the restart of `ref`. Only when `on`. */
  restarting(ref: AnyRef, init: () => void): void {
    this.current = this.#crashes.get(ref) ?? this.current;
    this.current = this.#tell({ type: "restarted", ref });
    try {
      init();
    } finally {
      this.current = 0;
    }
  }

  stopped(ref: AnyRef): void {
    if (this.on) this.#tell({ type: "stopped", ref });
  }

  /** The letter's sender is as it stood in the mailbox. */
  deadLetter(letter: DeadLetter): void {
    if (!this.on) return;
    const outer = this.current;
    // One that crashed its actor follows from its own handling, every other one from where it was told.
    if (letter.reason !== "crashed") this.current = causeOf(letter.sender) || outer;
    this.#tell({ type: "dead-letter", letter: { ...letter, sender: senderOf(letter.sender) } });
    this.current = outer;
  }

  complete(): void {
    this.#completed = true;
    for (const { subscriber } of this.#taps) subscriber.complete();
  }

  #tell(detail: InspectionDetail): Cause {
    const cause = this.current;
    const number = ++this.#events;
    const event: InspectionEvent = { ...this.#causal(cause), ...detail };
    for (const { subscriber } of this.#taps) subscriber.next(event);
    return number;
  }

  /** For the event that was counted last. */
  #causal(cause: Cause): { readonly id: string; readonly cause: string | null } {
    return { id: `${this.#node}-${this.#events}`, cause: this.#name(cause) };
  }

  #name(cause: Cause): string | null {
    if (cause === 0) return null;
    return typeof cause === "string" ? cause : `${this.#node}-${cause}`;
  }
}
