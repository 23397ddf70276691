/**
 * The event log: one line for everything that crosses a port, is injected or is decided. All of it goes into the hash; the
 * last lines stay for the report of a failure.
 *
 * A line is `<microseconds> <what> <where> <details>`. It must be made of what the seed decides and nothing else.
 */
import { Hash64 } from "./hash64.ts";

export class EventLog {
  lines = 0;
  readonly #hash = new Hash64();
  readonly #ring: string[] = [];
  readonly #ringSize: number;
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(options: { readonly linesKept: number; readonly onLine?: (line: string) => void }) {
    this.#ringSize = options.linesKept;
    this.#onLine = options.onLine;
  }

  add(line: string): void {
    this.#hash.addLine(line);
    if (this.#ringSize > 0) this.#ring[this.lines % this.#ringSize] = line;
    this.lines += 1;
    this.#onLine?.(line);
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    const start = this.lines % Math.max(1, this.#ringSize);
    return this.lines <= this.#ringSize ? [...this.#ring] : [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }

  digest(): string {
    return this.#hash.digest();
  }
}
