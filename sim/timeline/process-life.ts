/**
 * One life of a node's process, from start to crash.
 *
 * Everything that reaches the process from outside (timers, messages, answers of the disk and the hypervisor) goes through
 * `enter`: a paused process gets it when it goes on, in the same order; a dead one never. Whatever a driver would do for a
 * dead process it must ask `alive` first.
 */
export class ProcessLife {
  /** Counts the lives of a node, from 1. */
  readonly number: number;
  /** Set when something entered since the checkers last looked. */
  touched = true;
  #alive = true;
  #paused = false;
  #parked: (() => void)[] = [];
  readonly #onTouched: () => void;

  /** @param onTouched called whenever `touched` becomes true, also as the life begins. */
  constructor(number: number, onTouched: () => void = () => {}) {
    this.number = number;
    this.#onTouched = onTouched;
    onTouched();
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  enter(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) {
      this.#parked.push(run);
      return;
    }
    if (!this.touched) {
      this.touched = true;
      this.#onTouched();
    }
    run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const parked = this.#parked;
    this.#parked = [];
    for (const run of parked) this.enter(run);
  }

  /** From here on nothing enters and nothing leaves. */
  end(): void {
    this.#alive = false;
    this.#parked = [];
  }
}
