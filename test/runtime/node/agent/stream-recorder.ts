/** One end of a stream for tests: keeps what came, feeds what it is given as credit allows, grants what it has taken. */
import {
  type GuestStream,
  STREAM_CHUNK,
  STREAM_WINDOW,
  type StreamEnd,
  type StreamListener,
} from "../../../../runtime/index.ts";

const SEE_MS = 20_000;

export class StreamRecorder implements StreamListener {
  readonly ended: Promise<StreamEnd>;
  readonly chunks: Record<"out" | "err", Buffer[]> = { out: [], err: [] };
  file: { readonly sizeBytes: number; readonly mode: string } | undefined;
  stream: GuestStream | undefined;
  #room = STREAM_WINDOW;
  #input: Buffer = Buffer.alloc(0);
  #finished = true;
  #end!: (end: StreamEnd) => void;
  #seen: (() => void)[] = [];

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Opens a stream, with `input` and its end; undefined: without either. */
  open(open: (listener: StreamListener) => GuestStream, input?: Buffer): this {
    this.stream = open(this);
    this.#input = input ?? this.#input;
    this.#finished = input === undefined;
    this.#pump();
    return this;
  }

  get out(): string {
    return Buffer.concat(this.chunks.out).toString();
  }

  get err(): string {
    return Buffer.concat(this.chunks.err).toString();
  }

  /** Waits until what came on `out` matches. @throws with what came instead. */
  async see(pattern: RegExp): Promise<void> {
    const late = setTimeout(() => this.#wake(), SEE_MS);
    const untilMs = performance.now() + SEE_MS;
    while (!pattern.test(this.out)) {
      if (performance.now() >= untilMs) throw new Error(`no ${String(pattern)} in ${JSON.stringify(this.out)}`);
      await new Promise<void>((resolve) => this.#seen.push(resolve));
    }
    clearTimeout(late);
  }

  onFile(sizeBytes: number, mode: string): void {
    this.file = { sizeBytes, mode };
  }

  onOutput(channel: "out" | "err", bytes: Uint8Array): void {
    this.chunks[channel].push(Buffer.from(bytes));
    this.stream?.grant(bytes.length);
    this.#wake();
  }

  onGrant(bytes: number): void {
    this.#room += bytes;
    this.#pump();
  }

  onEnd(end: StreamEnd): void {
    this.#end(end);
  }

  #wake(): void {
    for (const wake of this.#seen.splice(0)) wake();
  }

  #pump(): void {
    while (this.#input.length > 0 && this.#room > 0) {
      const size = Math.min(this.#input.length, this.#room, STREAM_CHUNK);
      this.stream?.send(this.#input.subarray(0, size));
      this.#input = this.#input.subarray(size);
      this.#room -= size;
    }
    if (this.#input.length > 0 || this.#finished) return;
    this.#finished = true;
    this.stream?.finish();
  }
}
