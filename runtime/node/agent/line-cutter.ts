/**
 * Cuts what a guest sends into lines of the agent's protocol, in bounded memory: a line that is too long is dropped whole.
 *
 * Unlike the splitter of console logs this hands nothing on in pieces, for a piece of a line may look like another line.
 */

/** With its end. The agent of guest/agent/ has the same limit, and drops what is longer, too. */
export const LINE_BYTES_MAX = 32_768;
const NEWLINE = 0x0a;

export class LineCutter {
  readonly #onLine: (line: string) => void;
  readonly #onDropped: (bytes: number) => void;
  readonly #rest: Buffer = Buffer.alloc(LINE_BYTES_MAX);
  #length = 0;
  #dropping = false;

  /** `onDropped` is told of every byte that goes nowhere. */
  constructor(onLine: (line: string) => void, onDropped: (bytes: number) => void) {
    this.#onLine = onLine;
    this.#onDropped = onDropped;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const found = chunk.indexOf(NEWLINE, at);
      const end = found < 0 ? chunk.length : found;
      this.#take(chunk.subarray(at, end));
      if (found < 0) return;
      if (!this.#dropping && this.#length > 0) this.#onLine(this.#rest.toString("latin1", 0, this.#length));
      this.#length = 0;
      this.#dropping = false;
      at = found + 1;
    }
  }

  #take(piece: Buffer): void {
    if (this.#dropping) return this.#onDropped(piece.length);
    if (this.#length + piece.length >= LINE_BYTES_MAX) {
      this.#dropping = true;
      return this.#onDropped(this.#length + piece.length);
    }
    piece.copy(this.#rest, this.#length);
    this.#length += piece.length;
  }
}
