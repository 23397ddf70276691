/**
 * Shows the steps of something long. On a terminal a spinner with the step's latest detail, replaced by its result; in
 * a file or a pipe plain lines: a detail when a step takes over a second, and its result.
 */
import { stripVTControlCharacters } from "node:util";
import { formatSeconds } from "./output/duration.ts";
import type { Stream } from "./terminal.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const FRAME_MS = 100;
/** A step shorter than this needs no word before its result. */
const QUIET_MS = 1000;

const CLEAR_LINE = "\r\u001b[K";

export interface Step {
  /** What it is doing now. */
  detail(text: string): void;
  /** A line that stays, at once. */
  note(text: string): void;
}

export interface FinishedStep<T> {
  readonly value: T;
  readonly elapsedMs: number;
}

export class Progress {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /**
   * Runs one step and shows it until it ends. `result` says what came of it, on the same line.
   * @throws what `run` throws, after showing that the step failed.
   */
  async step<T>(
    title: string,
    run: (step: Step) => Promise<T>,
    result: (value: T) => string = () => "",
  ): Promise<FinishedStep<T>> {
    const startedMs = performance.now();
    const display = this.#stream.interactive ? new Spinner(this.#stream, title) : new PlainLines(this.#stream, title);
    try {
      const value = await run(display);
      const elapsedMs = performance.now() - startedMs;
      display.end(this.#line("green", "✓", title, result(value), elapsedMs));
      return { value, elapsedMs };
    } catch (error) {
      display.end(this.#line("red", "✗", title, "", performance.now() - startedMs));
      throw error;
    }
  }

  /** A line between steps. */
  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  #line(style: "green" | "red", mark: string, title: string, result: string, elapsedMs: number): string {
    const stream = this.#stream;
    const words = result === "" ? title : `${title}: ${result}`;
    return `${stream.paint(style, mark)} ${words} ${stream.paint("dim", `(${formatSeconds(elapsedMs)})`)}\n`;
  }
}

/** One line that is drawn over again. */
class Spinner implements Step {
  readonly #stream: Stream;
  readonly #title: string;
  readonly #timer: NodeJS.Timeout;
  #detail = "";
  #frame = 0;

  constructor(stream: Stream, title: string) {
    this.#stream = stream;
    this.#title = title;
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    this.#draw();
  }

  detail(text: string): void {
    this.#detail = text;
    this.#draw();
  }

  note(text: string): void {
    this.#stream.write(`${CLEAR_LINE}  ${text}\n`);
    this.#draw();
  }

  end(line: string): void {
    clearInterval(this.#timer);
    this.#stream.write(`${CLEAR_LINE}${line}`);
  }

  #draw(): void {
    const frame = FRAMES[this.#frame++ % FRAMES.length]!;
    const words = this.#detail === "" ? this.#title : `${this.#title}: ${this.#detail}`;
    // A line that wraps could not be drawn over.
    const shown = stripVTControlCharacters(words).slice(0, Math.max(10, this.#stream.columns - 3));
    this.#stream.write(`${CLEAR_LINE}${this.#stream.paint("cyan", frame)} ${shown}`);
  }
}

/** Says nothing of a step that is over at once. */
class PlainLines implements Step {
  readonly #stream: Stream;
  readonly #title: string;
  readonly #timer: NodeJS.Timeout;
  #detail = "";
  #speaking = false;

  constructor(stream: Stream, title: string) {
    this.#stream = stream;
    this.#title = title;
    this.#timer = setTimeout(() => {
      this.#speaking = true;
      this.#say();
    }, QUIET_MS);
  }

  detail(text: string): void {
    if (text === this.#detail) return;
    this.#detail = text;
    if (this.#speaking) this.#say();
  }

  note(text: string): void {
    this.#stream.write(`  ${text}\n`);
  }

  end(line: string): void {
    clearTimeout(this.#timer);
    this.#stream.write(line);
  }

  #say(): void {
    this.#stream.write(`  ${this.#detail === "" ? this.#title : `${this.#title}: ${this.#detail}`} …\n`);
  }
}
