/**
 * The client's end of a stream between it and a guest: an upgraded connection, spoken as the hypervisor port's streams are.
 *
 * Loaded only when one is opened, since it needs Node.js, and the rest of the client does not.
 */
import type { Duplex } from "node:stream";
import type { GuestStream, StreamEnd, StreamListener, TerminalSize } from "../runtime/index.ts";
import { ApiError } from "./api-error.ts";
import { upgradeAt } from "./peer-api.ts";
import { FRAME, type Frame, FrameReader, type FrameType, frameOf, jsonFrame, jsonOfFrame } from "./stream-frames.ts";
import { routeOf, type StreamOpening } from "./stream-opening.ts";

export interface ClientStreamOptions {
  /** Servers, tried in order until one can be reached. */
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly timeoutMs: number;
  /** VM. */
  readonly name: string;
  readonly opening: StreamOpening;
  readonly listener: StreamListener;
}

/** The server says something every 5 s. */
const SILENCE_MS = 30_000;
const CANCEL_MS = 1_000;

/** @throws {ApiError} when it cannot begin; what goes wrong later is the listener's `onEnd`. */
export async function openClientStream(options: ClientStreamOptions): Promise<GuestStream> {
  const { socket, head } = await connect(options);
  return new ClientStream(socket, head, options);
}

async function connect({ urls, token, timeoutMs, name, opening }: ClientStreamOptions): Promise<{
  readonly socket: Duplex;
  readonly head: Buffer;
}> {
  let failure: ApiError | undefined;
  for (const base of urls) {
    const url = new URL(`${base.replace(/\/+$/, "")}/api/v1/vms/${encodeURIComponent(name)}/${routeOf(opening)}`);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    try {
      return await upgradeAt(url, { headers, timeoutMs });
    } catch (error) {
      // A server that answers has the last word: nothing of the guest has moved, but all the others would say the same.
      if (error instanceof ApiError) throw error;
      const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      failure ??= new ApiError(0, "unreachable", `Cannot reach the API at ${base}: ${why}`, { cause: error });
    }
  }
  throw failure ?? new ApiError(0, "unreachable", "No API was asked");
}

class ClientStream implements GuestStream {
  readonly #socket: Duplex;
  readonly #name: string;
  readonly #listener: StreamListener;
  #silence: NodeJS.Timeout | undefined;
  #late: NodeJS.Timeout | undefined;
  #over = false;

  constructor(socket: Duplex, head: Buffer, { name, opening, listener }: ClientStreamOptions) {
    this.#socket = socket;
    this.#name = name;
    this.#listener = listener;
    const reader = new FrameReader((frame) => this.#take(frame));
    const read = (chunk: Buffer): void => {
      this.#heard();
      try {
        if (!this.#over) reader.push(chunk);
      } catch (error) {
        this.#lost(`what came is not a stream (${(error as Error).message})`);
      }
    };
    socket.on("data", read);
    socket.once("error", () => undefined);
    socket.once("close", () => this.#lost("the server went away"));
    socket.write(jsonFrame(FRAME.open, opening));
    this.#heard();
    if (head.length > 0) setImmediate(() => read(head));
  }

  send(bytes: Uint8Array): void {
    this.#write(FRAME.in, bytes);
  }

  finish(): void {
    this.#write(FRAME.finish);
  }

  grant(bytes: number): void {
    this.#json(FRAME.grant, bytes);
  }

  resize(size: TerminalSize): void {
    this.#json(FRAME.resize, size);
  }

  signal(number: number): void {
    this.#json(FRAME.signal, number);
  }

  cancel(): void {
    this.#write(FRAME.cancel);
    // A server that hangs does not keep who has left.
    if (!this.#over) this.#late ??= setTimeout(() => this.#lost("it did not say that it was cancelled"), CANCEL_MS);
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case FRAME.out:
        return this.#listener.onOutput("out", frame.payload);
      case FRAME.err:
        return this.#listener.onOutput("err", frame.payload);
      case FRAME.grant:
        return this.#listener.onGrant(Number(jsonOfFrame(frame)));
      case FRAME.file: {
        const { sizeBytes, mode } = jsonOfFrame(frame) as { readonly sizeBytes: number; readonly mode: string };
        return this.#listener.onFile(sizeBytes, mode);
      }
      case FRAME.end:
        return this.#end(jsonOfFrame(frame) as StreamEnd);
      default:
        // A beat, or what a younger server says besides.
        return;
    }
  }

  #heard(): void {
    clearTimeout(this.#silence);
    if (!this.#over)
      this.#silence = setTimeout(() => this.#lost(`the server said nothing for ${SILENCE_MS} ms`), SILENCE_MS);
  }

  #lost(why: string): void {
    const message = `The connection to VM "${this.#name}" broke, and what happened there since is not known: ${why}`;
    this.#end({ ok: false, code: "failed", message });
  }

  #end(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#late);
    this.#socket.destroy();
    this.#listener.onEnd(end);
  }

  #write(type: FrameType, payload?: Uint8Array): void {
    if (!this.#over) this.#socket.write(frameOf(type, payload));
  }

  #json(type: FrameType, value: unknown): void {
    if (!this.#over) this.#socket.write(jsonFrame(type, value));
  }
}
