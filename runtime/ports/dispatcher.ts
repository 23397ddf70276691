/**
 * The dispatcher port: decides when a runnable actor gets its turn.
 *
 * Production drains runnable actors in batches on macrotasks; the simulator drains them in an order drawn from the seed.
 * An actor is never scheduled twice before its turn has run; the kernel sees to that.
 */
export interface Dispatcher {
  /** Queues one turn. The turn runs later, never during this call. */
  schedule(turn: Turn): void;
}

/** One actor's right to drain its mailbox. */
export interface Turn {
  /** Handles at most the actor's throughput budget of messages. Never throws. */
  run(): void;
  /** Whose turn it is, for people: an actor's path. */
  describe?(): string;
}
