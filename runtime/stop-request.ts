/**
 * A graceful stop's place in the mailbox: what was told before it is handled before the end (Akka's `PoisonPill`). Being
 * `Deferred`, a full mailbox takes it all the same.
 */
import { Deferred } from "./deferred.ts";

export class StopRequest extends Deferred {
  readonly #stop: () => void;

  constructor(stop: () => void) {
    super();
    this.#stop = stop;
  }

  override take(): undefined {
    this.#stop();
  }
}
