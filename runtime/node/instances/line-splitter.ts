/** Cuts a stream of bytes into lines. */

/** A guest that never ends a line must not fill the memory: longer lines are handed on in pieces of this size. */
const LINE_BYTES_MAX = 64 * 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = data.indexOf(NEWLINE); end >= 0 || data.length >= LINE_BYTES_MAX; end = data.indexOf(NEWLINE)) {
      const whole = end >= 0 && end <= LINE_BYTES_MAX;
      this.#emit(data.subarray(0, whole ? end : LINE_BYTES_MAX));
      data = data.subarray(whole ? end + 1 : LINE_BYTES_MAX);
    }
    // A copy, so that a short rest does not keep a large chunk alive.
    this.#rest = Buffer.from(data);
  }

  /** Hands on what stands behind the last line end. */
  flush(): void {
    if (this.#rest.length > 0) this.#emit(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  #emit(line: Buffer): void {
    // Serial consoles end their lines with CR LF.
    const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    this.#onLine(line.toString("utf8", 0, end));
  }
}
