/** Lets what concerns one key happen one after the other, and different keys at once. What waits for nothing begins during the call. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `run` when all earlier turns of `key` are over, failed or not. */
  take<Value>(key: string, run: () => Promise<Value>): Promise<Value> {
    const before = this.#last.get(key);
    const turn = before === undefined ? run() : before.then(run, run);
    this.#last.set(key, turn);
    const forget = (): void => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  }
}
