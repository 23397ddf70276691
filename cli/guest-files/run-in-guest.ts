/** Runs a command in a guest with input that is made as the guest takes it, and output that is kept before more is asked for. */
import type { StreamOpening } from "../../api/index.ts";
import {
  STREAM_CHUNK,
  STREAM_WINDOW,
  type GuestStream,
  type StreamEnd,
  type StreamListener,
} from "../../runtime/ports/guest-streams.ts";

/** Opens a stream of one VM. */
export type OpenInGuest = (opening: StreamOpening, listener: StreamListener) => Promise<GuestStream>;

export interface GuestCommand {
  readonly command: readonly string[];
  readonly input?: AsyncIterable<Uint8Array>;
  /** What it throws ends the command, and is thrown. */
  readonly output?: (bytes: Uint8Array) => Promise<void>;
  /** Aborted: the command is ended. */
  readonly signal: AbortSignal;
}

export interface GuestCommandEnd {
  readonly end: StreamEnd;
  /** The last that it said on its standard error, in one line without control characters. */
  readonly said: string;
}

const SAID_CHARS_MAX = 1_000;

/** @throws {ApiError} when it cannot begin, and what `input` or `output` throw. */
export async function runInGuest(open: OpenInGuest, command: GuestCommand): Promise<GuestCommandEnd> {
  return new Running(open, command).run();
}

class Running implements StreamListener {
  readonly #open: OpenInGuest;
  readonly #command: GuestCommand;
  readonly #opened = Promise.withResolvers<GuestStream>();
  #room = STREAM_WINDOW;
  #end: StreamEnd | undefined;
  #said = "";
  #kept: Promise<void> = Promise.resolve();
  #failed: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(open: OpenInGuest, command: GuestCommand) {
    this.#open = open;
    this.#command = command;
  }

  async run(): Promise<GuestCommandEnd> {
    const { command, input, signal } = this.#command;
    const stream = await this.#open({ type: "exec", command: [...command], env: {} }, this);
    this.#opened.resolve(stream);
    const wake = (): void => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      if (input !== undefined) for await (const bytes of input) if (!(await this.#send(stream, bytes))) break;
      if (this.#goesOn) stream.finish();
      while (this.#goesOn) await this.#change();
      // What came last is still being kept.
      if (this.#end !== undefined) await this.#kept;
      if (this.#failed !== undefined) throw this.#failed;
      return { end: this.#end ?? INTERRUPTED, said: this.#said.replaceAll(/[\s\p{Cc}]+/gu, " ").trim() };
    } finally {
      signal.removeEventListener("abort", wake);
      if (this.#end === undefined) stream.cancel();
      await this.#kept;
    }
  }

  get #goesOn(): boolean {
    return this.#end === undefined && this.#failed === undefined && !this.#command.signal.aborted;
  }

  /** Returns whether there is any use in sending more. */
  async #send(stream: GuestStream, bytes: Uint8Array): Promise<boolean> {
    for (let done = 0; done < bytes.length;) {
      while (this.#room === 0 && this.#goesOn) await this.#change();
      if (!this.#goesOn) return false;
      const part = bytes.subarray(done, done + Math.min(STREAM_CHUNK, this.#room));
      this.#room -= part.length;
      done += part.length;
      stream.send(part);
    }
    return this.#goesOn;
  }

  async #change(): Promise<void> {
    await new Promise<void>((wake) => (this.#wake = wake));
  }

  onFile(): void {}

  onOutput(channel: "out" | "err", bytes: Uint8Array): void {
    if (channel === "err") this.#said = (this.#said + Buffer.from(bytes).toString()).slice(-SAID_CHARS_MAX);
    this.#kept = this.#kept
      .then(async () => {
        if (this.#failed !== undefined) return;
        if (channel === "out") await this.#command.output?.(bytes);
        (await this.#opened.promise).grant(bytes.length);
      })
      .catch((error: unknown) => {
        this.#failed = error instanceof Error ? error : new Error(String(error));
        this.#wake();
      });
  }

  onGrant(bytes: number): void {
    this.#room += bytes;
    this.#wake();
  }

  onEnd(end: StreamEnd): void {
    this.#end = end;
    this.#wake();
  }
}

const INTERRUPTED: StreamEnd = { ok: false, code: "cancelled", message: "It was interrupted" };
