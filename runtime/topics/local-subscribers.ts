/** The subscribers of one topic on this node. A message that one cannot take in time is lost for that one alone. */
import type { AnyRef } from "../ref.ts";
import type { Subscription } from "./topic-message.ts";

export class LocalSubscribers {
  readonly #byPath = new Map<string, Subscription>();
  readonly #lost: (message: unknown) => void;

  /** @param lost accounts for a message that a subscriber did not get. */
  constructor(lost: (message: unknown) => void) {
    this.#lost = lost;
  }

  get size(): number {
    return this.#byPath.size;
  }

  /** Replaces an earlier subscription of the same actor. */
  add({ path }: AnyRef, subscription: Subscription): void {
    this.#byPath.set(path, subscription);
  }

  /** Whether there was one. */
  remove(path: string): boolean {
    return this.#byPath.delete(path);
  }

  refuseAll(): void {
    for (const subscription of this.#byPath.values()) subscription.refused();
    this.#byPath.clear();
  }

  /** @param foreign whether it comes from another node, and its type is to be asked for. */
  deliver(message: unknown, foreign: boolean): void {
    for (const subscription of this.#byPath.values()) {
      if (subscription.pending >= subscription.pendingMax || (foreign && !subscription.accepts(message))) {
        this.#lost(message);
        continue;
      }
      subscription.pending += 1;
      subscription.deliver(message);
    }
  }
}
