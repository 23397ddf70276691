/**
 * The event log: one line for everything that crosses a port, is injected or is decided. All of it goes into the hash; the
 * last lines stay for the report of a failure.
 *
 * A line is `<microseconds> <what> <where> <details>`. It must be made of what the seed decides and nothing else. What happens most comes
 * in parts (`addParts`) and is hashed as it comes; its line is made when somebody reads it, which is hardly ever.
 */
import { Hash64 } from "./hash64.ts";

/** A number is a whole one. */
export type Part = string | number;

/** One line that was kept; of one that came whole, `what` is all of it. */
interface Kept {
  atUs: number;
  what: string;
  parts: readonly Part[] | null;
}

export class EventLog {
  lines = 0;
  readonly #hash = new Hash64();
  readonly #ring: Kept[] = [];
  readonly #ringSize: number;
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(options: { readonly linesKept: number; readonly onLine?: (line: string) => void }) {
    this.#ringSize = options.linesKept;
    this.#onLine = options.onLine;
  }

  add(atUs: number, line: string): void {
    this.#hash.addPart(atUs);
    this.#hash.addPart(line);
    this.#keep(atUs, line, null);
  }

  /** The line of these parts, one space between each two. */
  addParts(atUs: number, what: string, parts: readonly Part[]): void {
    const hash = this.#hash;
    hash.addPart(atUs);
    hash.addPart(what);
    for (let at = 0; at < parts.length; at++) hash.addPart(parts[at] as Part);
    this.#keep(atUs, what, parts);
  }

  /** The last lines, oldest first. */
  tail(): readonly string[] {
    const start = this.lines <= this.#ringSize ? 0 : this.lines % this.#ringSize;
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)].map(lineOf);
  }

  digest(): string {
    return this.#hash.digest();
  }

  #keep(atUs: number, what: string, parts: readonly Part[] | null): void {
    if (this.#ringSize > 0) {
      const at = this.lines % this.#ringSize;
      const kept = this.#ring[at];
      if (kept === undefined) this.#ring[at] = { atUs, what, parts };
      else {
        kept.atUs = atUs;
        kept.what = what;
        kept.parts = parts;
      }
    }
    this.lines += 1;
    this.#onLine?.(lineOf({ atUs, what, parts }));
  }
}

function lineOf({ atUs, what, parts }: Kept): string {
  return parts === null ? `${atUs} ${what}` : `${atUs} ${what} ${parts.join(" ")}`;
}
