/**
 * Standard input and output as bytes, and the terminal behind them as keys: what `vm exec` and `vm console` pass through.
 *
 * Where a terminal was made raw it is given back as it was, however the process ends but by SIGKILL: at `release`, and at its exit.
 */
import { hostname, userInfo } from "node:os";
import type { TerminalSize } from "../runtime/index.ts";

export interface ByteStreams {
  /** Input and output are a terminal: keys come one by one, and a size is known. */
  readonly isTerminal: boolean;
  size(): TerminalSize | undefined;
  /** Keys as they are pressed, Ctrl-C too, until `release`. Only where `isTerminal`. */
  makeRaw(): void;
  /** Hears input from now on; `null` is its end. */
  listen(onInput: (bytes: Uint8Array | null) => void): void;
  /** Lets input wait, or come. */
  hold(isHeld: boolean): void;
  onResize(listen: () => void): void;
  /** `done` when whoever reads the output has taken it. */
  write(channel: "out" | "err", bytes: Uint8Array, done: () => void): void;
  /** Lets go of input and gives the terminal back. */
  release(): void;
  /** Who sits here, for others to read: "anna@laptop". */
  readonly who: string;
}

export class ProcessByteStreams implements ByteStreams {
  readonly isTerminal: boolean = process.stdin.isTTY && process.stdout.isTTY;
  #raw = false;
  #onInput: ((bytes: Buffer) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onResize: (() => void) | undefined;

  get who(): string {
    return `${userName()}@${hostname()}`;
  }

  size(): TerminalSize | undefined {
    const { columns, rows } = process.stdout;
    return process.stdout.isTTY ? { columns, rows } : undefined;
  }

  makeRaw(): void {
    if (!this.isTerminal || this.#raw) return;
    this.#raw = true;
    process.stdin.setRawMode(true);
    process.once("exit", this.#restore);
  }

  listen(onInput: (bytes: Uint8Array | null) => void): void {
    this.#onInput = (bytes) => onInput(bytes);
    this.#onEnd = () => onInput(null);
    process.stdin.on("data", this.#onInput).once("end", this.#onEnd).resume();
  }

  hold(isHeld: boolean): void {
    if (isHeld) process.stdin.pause();
    else process.stdin.resume();
  }

  onResize(listen: () => void): void {
    this.#onResize = listen;
    process.stdout.on("resize", listen);
  }

  write(channel: "out" | "err", bytes: Uint8Array, done: () => void): void {
    (channel === "out" ? process.stdout : process.stderr).write(bytes, () => done());
  }

  release(): void {
    this.#restore();
    process.off("exit", this.#restore);
    if (this.#onResize !== undefined) process.stdout.off("resize", this.#onResize);
    if (this.#onInput !== undefined) process.stdin.off("data", this.#onInput);
    if (this.#onEnd !== undefined) process.stdin.off("end", this.#onEnd);
    process.stdin.pause();
    // An input that is a pipe would keep the process.
    if (!process.stdin.isTTY) process.stdin.destroy();
  }

  readonly #restore = (): void => {
    if (this.#raw) process.stdin.setRawMode(false);
    this.#raw = false;
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without a name.
    return "somebody";
  }
}
