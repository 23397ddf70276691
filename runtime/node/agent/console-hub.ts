/**
 * The serial console of one instance, for everybody who looks at it. QEMU keeps the log by itself (qemu-arguments.ts): with nobody attached,
 * and while the node is dead; this is only a window on it.
 *
 * QEMU's socket takes one connection, which is made for the first who attaches and closed after the last. What the guest writes is always
 * taken from it, for a console that nobody reads would hold the guest up: who reads too slowly misses some, and is told how much. One writes
 * at a time; the next one is refused, reads only, or takes over.
 */
import type { Socket } from "node:net";
import {
  type GuestStream,
  STREAM_CHUNK,
  STREAM_WINDOW,
  type StreamEnd,
  type StreamListener,
  type StreamRequest,
  type TerminalSize,
} from "../../ports/guest-streams.ts";

export type ConsoleRequest = Extract<StreamRequest, { readonly type: "console" }>;

export interface ConsoleHubOptions {
  /** Connects to QEMU's socket. */
  connect(): Socket;
  /** The writer's terminal has that size. Not called again before it is done, and then with the newest size only. */
  onResize(size: TerminalSize): Promise<void>;
}

/** Each may hold a window of output. */
const ATTACHED_MAX = 16;
const WHO_CHARS_MAX = 100;

export class ConsoleHub {
  readonly #options: ConsoleHubOptions;
  readonly #attached = new Set<Attached>();
  #socket: Socket | undefined;
  #writer: Attached | undefined;
  #isResizing = false;
  #wantedSize: TerminalSize | undefined;

  constructor(options: ConsoleHubOptions) {
    this.#options = options;
  }

  /** Never throws: what cannot be is the listener's `onEnd`, after this call. */
  open(request: ConsoleRequest, listener: StreamListener): GuestStream {
    const refusal = this.#refusal(request);
    const one = new Attached(request, listener, {
      write: (bytes, done) => this.#write(one, bytes, done),
      resize: (size) => void (this.#writer === one && this.#resize(size)),
      left: () => this.#leave(one),
    });
    if (refusal !== undefined) {
      setImmediate(() => one.end({ ok: false, code: "failed", message: refusal }));
      return one;
    }
    this.#attached.add(one);
    if (request.access !== "read") {
      this.#writer?.notice(`${one.who} has taken over: from now on you only read`);
      this.#writer = one;
      if (request.terminal !== undefined) this.#resize(request.terminal);
    }
    this.#connect();
    return one;
  }

  /** Lets go of everybody; the console goes on. */
  close(): void {
    this.#endAll({ ok: true, type: "done" });
  }

  #refusal({ access }: ConsoleRequest): string | undefined {
    if (this.#attached.size >= ATTACHED_MAX) return `${ATTACHED_MAX} are attached to it, which is the limit`;
    if (access !== "write" || this.#writer === undefined) return undefined;
    return `${this.#writer.who} writes there: attach to read only, or take over`;
  }

  #connect(): void {
    if (this.#socket !== undefined) return;
    const socket = this.#options.connect();
    this.#socket = socket;
    let failure: NodeJS.ErrnoException | undefined;
    socket.on("data", (chunk) => {
      for (const one of [...this.#attached]) one.show(chunk);
    });
    socket.once("error", (error) => (failure = error));
    socket.once("close", () => {
      if (this.#socket !== socket) return;
      if (failure === undefined) return this.#endAll({ ok: true, type: "done" });
      const message =
        failure.code === "ENOENT"
          ? "it was started by a version without one: restart it"
          : `its console does not answer: ${failure.message}`;
      this.#endAll({ ok: false, code: failure.code === "ENOENT" ? "unsupported" : "not-running", message });
    });
  }

  #write(from: Attached, bytes: Uint8Array, done: () => void): void {
    if (from !== this.#writer || this.#socket === undefined) return done();
    this.#socket.write(bytes, done);
  }

  /** A window that is drawn larger has a hundred sizes in a second. */
  #resize(size: TerminalSize): void {
    this.#wantedSize = size;
    if (this.#isResizing) return;
    this.#isResizing = true;
    void this.#giveSizes().finally(() => (this.#isResizing = false));
  }

  async #giveSizes(): Promise<void> {
    for (let size = this.#wantedSize; size !== undefined; size = this.#wantedSize) {
      this.#wantedSize = undefined;
      // A guest without such an agent keeps the size that it has.
      await this.#options.onResize(size).catch(() => undefined);
    }
  }

  #leave(one: Attached): void {
    this.#attached.delete(one);
    if (this.#writer === one) this.#writer = undefined;
    if (this.#attached.size > 0) return;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #endAll(end: StreamEnd): void {
    for (const one of [...this.#attached]) one.end(end);
  }
}

interface Ways {
  write(bytes: Uint8Array, done: () => void): void;
  resize(size: TerminalSize): void;
  left(): void;
}

class Attached implements GuestStream {
  readonly who: string;
  readonly #listener: StreamListener;
  readonly #ways: Ways;
  #credit = STREAM_WINDOW;
  #room = STREAM_WINDOW;
  #missed = 0;
  #over = false;

  constructor(request: ConsoleRequest, listener: StreamListener, ways: Ways) {
    this.who = request.who.slice(0, WHO_CHARS_MAX).replaceAll(/\p{C}/gu, "?") || "somebody";
    this.#listener = listener;
    this.#ways = ways;
  }

  show(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#over; at += STREAM_CHUNK) {
      const piece = chunk.subarray(at, at + STREAM_CHUNK);
      if (this.#missed > 0 || piece.length > this.#credit) this.#missed += piece.length;
      else this.#output(piece);
    }
  }

  notice(text: string): void {
    const line = Buffer.from(`\r\n[blixard] ${text}\r\n`);
    if (line.length <= this.#credit) this.#output(line);
  }

  send(bytes: Uint8Array): void {
    if (this.#over) return;
    if (bytes.length > this.#room) throw new RangeError(`Cannot send ${bytes.length} bytes: ${this.#room} are granted`);
    this.#room -= bytes.length;
    this.#ways.write(bytes, () => {
      if (this.#over) return;
      this.#room += bytes.length;
      this.#listener.onGrant(bytes.length);
    });
  }

  /** A console has no end of input. */
  finish(): void {}

  grant(bytes: number): void {
    if (this.#over) return;
    this.#credit = Math.min(STREAM_WINDOW, this.#credit + bytes);
    if (this.#missed === 0 || this.#credit < STREAM_WINDOW / 2) return;
    const missed = this.#missed;
    this.#missed = 0;
    this.notice(`${missed} bytes were left out here: this reads more slowly than the guest writes`);
  }

  resize(size: TerminalSize): void {
    if (!this.#over) this.#ways.resize(size);
  }

  /** Keys make signals at a console. */
  signal(): void {}

  cancel(): void {
    setImmediate(() => this.end({ ok: false, code: "cancelled", message: "it was cancelled" }));
  }

  end(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#ways.left();
    this.#listener.onEnd(end);
  }

  #output(bytes: Uint8Array): void {
    this.#credit -= bytes.length;
    this.#listener.onOutput("out", bytes);
  }
}
