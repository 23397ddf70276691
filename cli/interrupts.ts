/**
 * Ctrl-C and its relatives. The first one asks to stop, the next one insists; what they mean is the command's business.
 *
 * npm passes a signal on to its script although the terminal has sent it to both, so one press of Ctrl-C can arrive
 * twice: what follows within a moment is taken for the same press.
 */
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";

const SAME_PRESS_MS = 300;

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export interface Interrupts {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  /** Aborted by the next one. */
  readonly second: AbortSignal;
}

/** From now on signals end nothing by themselves, until `dispose`. */
export class ProcessInterrupts implements Interrupts, Disposable {
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  #firstAtMs = 0;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  get first(): AbortSignal {
    return this.#first.signal;
  }

  get second(): AbortSignal {
    return this.#second.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (): void => {
    const nowMs = performance.now();
    if (!this.#first.signal.aborted) {
      this.#firstAtMs = nowMs;
      this.#first.abort(interrupted());
    } else if (nowMs - this.#firstAtMs > SAME_PRESS_MS) {
      this.#second.abort(interrupted());
    }
  };
}

/** What a command that was interrupted ends with. */
function interrupted(): CliError {
  return new CliError(EXIT.interrupted, "Interrupted.");
}
