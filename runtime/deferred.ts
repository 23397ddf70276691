/**
 * A message that is made when its turn comes: what a timer or an answer puts into the mailbox of the actor that asked for it.
 *
 * Made then, so that one that was cancelled meanwhile, or asked for in an earlier life, never reaches the behaviour, and so
 * that what throws in making it is a crash of its own actor, not of whoever answers. A full mailbox takes it all the same:
 * an actor bounds these by what it asks for, and one that is lost would be waited for without end.
 */
export abstract class Deferred {
  /** The key of the timer that it comes from; null for anything else. */
  get timer(): string | null {
    return null;
  }

  /** What it is made of, for the dead letter when its making throws. */
  get content(): unknown {
    return undefined;
  }

  /** The message; undefined when it is no longer wanted. Called once. */
  abstract take(): { readonly message: unknown } | undefined;
}

/** What came back through a callback, for one life of an actor. */
export class Answer<Value, Message> extends Deferred {
  readonly #value: Value;
  readonly #adapt: (value: Value) => Message;
  readonly #isWanted: () => boolean;

  constructor(value: Value, adapt: (value: Value) => Message, isWanted: () => boolean) {
    super();
    this.#value = value;
    this.#adapt = adapt;
    this.#isWanted = isWanted;
  }

  override get content(): Value {
    return this.#value;
  }

  override take(): { readonly message: Message } | undefined {
    return this.#isWanted() ? { message: this.#adapt(this.#value) } : undefined;
  }
}
