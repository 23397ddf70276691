/** What ends a node: SIGTERM or SIGINT, or a failure that it cannot go on after. A second signal ends the process at once. */
export class StopSignal {
  readonly #stopped = Promise.withResolvers<void>();
  readonly #onSignal = (): void => this.#stopped.resolve();

  constructor() {
    // A failure may come before anybody waits; it must not end the process on its own.
    this.#stopped.promise.catch(() => {});
    process.once("SIGTERM", this.#onSignal);
    process.once("SIGINT", this.#onSignal);
  }

  /** Resolves at the first signal, also at one that came before. Rejects when the node cannot go on. */
  wait(): Promise<void> {
    return this.#stopped.promise;
  }

  fail(error: unknown): void {
    this.#stopped.reject(error);
  }

  release(): void {
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGINT", this.#onSignal);
  }
}
