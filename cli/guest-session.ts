/**
 * A stream of a guest on this terminal: bytes from the keyboard or a pipe to it, its output here, as fast as each side takes them.
 */
import {
  STREAM_CHUNK,
  STREAM_WINDOW,
  type GuestStream,
  type StreamEnd,
  type StreamListener,
} from "../runtime/ports/guest-streams.ts";
import type { ByteStreams } from "./byte-streams.ts";
import type { CliContext } from "./cli-context.ts";

export interface GuestSessionOptions {
  /** Whether input goes to the guest. */
  readonly input: boolean;
  /** Keys as they are pressed, and the terminal's size to the guest. */
  readonly raw: boolean;
  /** A key that ends the session. Default: none; the guest gets them all. */
  readonly escape?: number;
  readonly open: (listener: StreamListener) => Promise<GuestStream>;
}

export type SessionEnd = StreamEnd | "escaped" | "interrupted";

/** @throws {ApiError} when it cannot begin. */
export async function runGuestSession(context: CliContext, options: GuestSessionOptions): Promise<SessionEnd> {
  using interrupts = context.takeInterrupts();
  const session = new GuestSession(context.openBytes(), options);
  try {
    return await session.run(interrupts.first);
  } finally {
    session.close();
  }
}

class GuestSession implements StreamListener {
  readonly #bytes: ByteStreams;
  readonly #options: GuestSessionOptions;
  readonly #ended: Promise<SessionEnd>;
  #end!: (end: SessionEnd) => void;
  #stream: GuestStream | undefined;
  #room = STREAM_WINDOW;
  #waiting: Uint8Array[] = [];
  #inputOver = false;
  /** Output that nobody has taken yet; what is said last must not overtake it. */
  #unwritten = 0;
  #last: SessionEnd | undefined;

  constructor(bytes: ByteStreams, options: GuestSessionOptions) {
    this.#bytes = bytes;
    this.#options = options;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  async run(interrupted: AbortSignal): Promise<SessionEnd> {
    const { open, raw, input } = this.#options;
    const stop = (): void => {
      this.#stream?.cancel();
      this.#end("interrupted");
    };
    interrupted.addEventListener("abort", stop);
    try {
      this.#stream = await open(this);
      if (interrupted.aborted) stop();
      if (raw) {
        this.#bytes.makeRaw();
        this.#bytes.onResize(() => this.#resize());
        this.#resize();
      }
      if (input) this.#bytes.listen((bytes) => this.#onInput(bytes));
      else this.#stream.finish();
      return await this.#ended;
    } finally {
      interrupted.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#bytes.release();
  }

  /** Of files, which go another way. */
  onFile(): void {}

  onOutput(channel: "out" | "err", bytes: Uint8Array): void {
    this.#unwritten += 1;
    this.#bytes.write(channel, bytes, () => {
      this.#unwritten -= 1;
      this.#stream?.grant(bytes.length);
      this.#endWhenWritten();
    });
  }

  onGrant(bytes: number): void {
    this.#room += bytes;
    this.#pump();
  }

  onEnd(end: StreamEnd): void {
    this.#last = end;
    this.#endWhenWritten();
  }

  #endWhenWritten(): void {
    if (this.#last !== undefined && this.#unwritten === 0) this.#end(this.#last);
  }

  #onInput(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#inputOver = true;
      return this.#pump();
    }
    const { escape } = this.#options;
    const at = escape === undefined ? -1 : bytes.indexOf(escape);
    if (at >= 0) {
      this.#stream?.cancel();
      return this.#end("escaped");
    }
    this.#waiting.push(bytes);
    this.#pump();
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#room > 0) {
      const [first = new Uint8Array()] = this.#waiting;
      const size = Math.min(first.length, this.#room, STREAM_CHUNK);
      this.#stream?.send(first.subarray(0, size));
      this.#room -= size;
      if (size === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(size);
    }
    const isFull = this.#waiting.length > 0;
    if (!this.#inputOver) this.#bytes.hold(isFull);
    else if (!isFull) this.#stream?.finish();
  }

  #resize(): void {
    const size = this.#bytes.size();
    if (size !== undefined) this.#stream?.resize(size);
  }
}
