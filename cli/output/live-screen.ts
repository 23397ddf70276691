/** A text that is shown again and again: on a terminal in the place of the one before, elsewhere below it. */
import type { Stream } from "../terminal.ts";

/** Home, and all that is there away; what was on the screen before stays above, to be scrolled to. */
const HOME = "\u001b[H\u001b[J";
const CLEAR = `\u001b[2J${HOME}`;

export class LiveScreen {
  readonly #stream: Stream;
  #shown = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (!this.#stream.interactive) {
      this.#stream.write(this.#shown ? `\n${text}` : text);
    } else {
      const { columns } = this.#stream;
      // A line that is broken by the terminal would be two, and the screen too small for them.
      const lines = text.split("\n").map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line));
      this.#stream.write(`${this.#shown ? HOME : CLEAR}${lines.join("\n")}`);
    }
    this.#shown = true;
  }
}
