/**
 * A response that is written line by line for as long as its client listens.
 *
 * A client that reads too slowly must not cost memory: what the socket does not take waits here, up to a limit; past it
 * the stream drops what waits, says why in a last line, and ends. The history that a stream begins with is exempt, since it
 * is bounded by itself and a client could otherwise never get past it; but reading nothing at all ends every stream.
 */
import type { ServerResponse } from "node:http";
import type { Clock, TimerHandle } from "../runtime/index.ts";
import { apiError, type ApiError } from "./api-error.ts";
import type { ApiLimits } from "./limits.ts";

export interface LineStreamOptions {
  readonly response: ServerResponse;
  readonly contentType: string;
  readonly clock: Clock;
  readonly limits: Pick<ApiLimits, "backlogMaxBytes" | "stallMs" | "closeMs">;
  /** The last line of a stream that had to end. */
  readonly lastWords: (reason: ApiError) => string;
  /** Called once, when the client has left or everything was sent. */
  readonly onClosed: () => void;
}

interface WaitingLine {
  readonly line: string;
  readonly bytes: number;
}

export class LineStream {
  readonly #options: LineStreamOptions;
  readonly #response: ServerResponse;
  #waiting: WaitingLine[] = [];
  #waitingBytes = 0;
  #blocked = false;
  #ending = false;
  #stall: TimerHandle | undefined;

  /** Sends the response's head. The response must have left the framework's hands. */
  constructor(options: LineStreamOptions) {
    this.#options = options;
    this.#response = options.response;
    this.#response.on("drain", () => this.#drained());
    // The socket's errors are the client's leaving; `close` follows.
    this.#response.on("error", () => undefined);
    this.#response.once("close", () => this.#closed());
    this.#response.writeHead(200, {
      "content-type": options.contentType,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    this.#response.flushHeaders();
    // Who left before this was made will not be heard leaving again.
    if (this.#response.destroyed) this.#closed();
  }

  /** Sends a line that happened now. */
  send(line: string): void {
    this.#write({ line: `${line}\n`, bytes: Buffer.byteLength(line) + 1 });
    if (this.#waitingBytes > this.#options.limits.backlogMaxBytes) {
      this.cut(
        apiError("slow-client", `The client reads too slowly: over ${this.#options.limits.backlogMaxBytes} bytes wait`),
      );
    }
  }

  /** Sends a line of what the stream begins with. */
  sendHistory(line: string): void {
    this.#write({ line: `${line}\n`, bytes: 0 });
  }

  /** Ends once everything was sent. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#blocked) this.#response.end();
  }

  /** Drops what waits, says why and ends; closes the connection of a client that does not even read that. */
  cut(reason: ApiError): void {
    if (this.#response.writableEnded) return;
    this.#ending = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#clearStall();
    this.#response.end(`${this.#options.lastWords(reason)}\n`);
    this.#stall = this.#options.clock.setTimer(this.#options.limits.closeMs, () => this.#response.destroy());
  }

  #write(waiting: WaitingLine): void {
    if (this.#ending) return;
    if (!this.#blocked) {
      this.#pass(waiting.line);
      return;
    }
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
  }

  #pass(text: string): void {
    if (this.#response.write(text)) return;
    this.#blocked = true;
    const { clock, limits } = this.#options;
    this.#stall = clock.setTimer(limits.stallMs, () => {
      this.cut(apiError("slow-client", `The client has read nothing for ${limits.stallMs} ms`));
    });
  }

  #drained(): void {
    if (this.#response.writableEnded) return;
    this.#clearStall();
    this.#blocked = false;
    const waiting = this.#waiting;
    let at = 0;
    while (at < waiting.length && !this.#blocked) {
      const { line, bytes } = waiting[at++]!;
      this.#waitingBytes -= bytes;
      this.#pass(line);
    }
    this.#waiting = waiting.slice(at);
    if (this.#ending && !this.#blocked) this.#response.end();
  }

  #closed(): void {
    this.#ending = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#clearStall();
    this.#options.onClosed();
  }

  #clearStall(): void {
    if (this.#stall !== undefined) this.#options.clock.clearTimer(this.#stall);
    this.#stall = undefined;
  }
}
