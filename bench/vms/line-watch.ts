/**
 * When the consoles of one guest grow, which writes a line each 10 ms: on the host that it leaves, and on the one that it comes to. The time between
 * the last line of the one and the first of the other is how long it was away, by its own counter.
 */
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Writes four pages of its memory between two lines, in the shell itself: a process, or opening files, would take it longer than the 10 ms. */
export const COUNTING: string = [
  "mkfifo /tmp/never; exec 9<>/tmp/never; page=$(printf %4096s x); i=0",
  "while :; do i=$((i+1)); for n in 1 2 3 4; do eval p$((i%64))_$n=\\$page$i; done; echo count $i; read -t 0.01 x <&9; done",
].join("\n");

const LOOK_MS = 1;

export interface TwoConsoles {
  readonly from: string;
  readonly to: string;
}

export class LineWatch {
  readonly #files: readonly string[];
  readonly #sizes: number[];
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #last = -1;
  #longestGapMs = 0;
  #handoverMs = 0;

  /** Neither console needs to exist. The caller closes it. */
  constructor({ from, to }: TwoConsoles) {
    this.#files = [from, to];
    this.#sizes = this.#files.map(sizeOf);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Between two lines, whoever wrote them. */
  get longestGapMs(): number {
    return this.#longestGapMs;
  }

  /** From the last line of the one host to the first of the other; 0 before. */
  get handoverMs(): number {
    return this.#handoverMs;
  }

  /** Resolves when the guest has written a line on the other host. @throws when it has not in time. */
  async arrived(timeoutMs: number): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    while (this.#last !== 1) {
      if (performance.now() > untilMs) throw new Error(`The guest has written nothing in ${timeoutMs} ms`);
      await delay(LOOK_MS);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [at, file] of this.#files.entries()) {
      const size = sizeOf(file);
      const grew = size > (this.#sizes[at] ?? 0);
      // One that has ended takes its console away.
      this.#sizes[at] = size;
      if (!grew) continue;
      const gapMs = nowMs - this.#lastMs;
      if (this.#last >= 0) this.#longestGapMs = Math.max(this.#longestGapMs, gapMs);
      if (this.#last === 0 && at === 1) this.#handoverMs = gapMs;
      this.#last = at;
      this.#lastMs = nowMs;
    }
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
