/**
 * Streams of the hypervisor port over a guest's agent: commands and files.
 *
 * Opening waits until the agent is there, so what the caller does before that is kept and done then; it cannot be more than the first window.
 */
import { crc32 } from "node:zlib";
import type { Clock } from "../../ports/clock.ts";
import {
  type GuestStream,
  STREAM_WINDOW,
  type StreamEnd,
  type StreamListener,
  type StreamRequest,
  type TerminalSize,
} from "../../ports/guest-streams.ts";
import { VerbError } from "../instances/machine-driver.ts";
import { type FinalAnswer, sizeWords, stringsBody } from "./agent-line.ts";
import { type AgentRequest, refusalOf } from "./agent-request.ts";
import type { AgentSession } from "./agent-session.ts";

export type AgentStreamRequest = Exclude<StreamRequest, { readonly type: "console" }>;

/** With the agent's own needs for a line (agent-line.ts), in base64. */
const COMMAND_BYTES_MAX = 20_000;
const ARGUMENTS_MAX = 1_000;
const VARIABLES_MAX = 200;
const PATH_BYTES_MAX = 4_000;
const MODE = /^[0-7]{3,5}$/;
const SIGTERM = 15;
/** A command that was asked to end by its time-out has so long. */
const TERM_MS = 1_000;
/** One that was killed is gone in milliseconds, unless it hangs in the guest's kernel. */
const KILL_MS = 2_000;

/** Never throws: what cannot be is the listener's `onEnd`, after this call. */
export function openAgentStream(
  session: AgentSession,
  clock: Clock,
  request: AgentStreamRequest,
  listener: StreamListener,
): GuestStream {
  const stream = new AgentStream(session, clock, request, listener);
  void stream.open();
  return stream;
}

class AgentStream implements GuestStream {
  readonly #session: AgentSession;
  readonly #clock: Clock;
  readonly #request: AgentStreamRequest;
  readonly #listener: StreamListener;
  readonly #before: (() => void)[] = [];
  readonly #timers = new Set<ReturnType<Clock["setTimer"]>>();
  #agent: AgentRequest | undefined;
  #over = false;
  #timedOut = false;
  #room = STREAM_WINDOW;
  /** Of what went through: bytes and checksum. */
  #moved = 0;
  #crc = 0;
  #announced = 0;

  constructor(session: AgentSession, clock: Clock, request: AgentStreamRequest, listener: StreamListener) {
    this.#session = session;
    this.#clock = clock;
    this.#request = request;
    this.#listener = listener;
  }

  async open(): Promise<void> {
    const { type } = this.#request;
    try {
      const { words, body } = linesOf(this.#request);
      await this.#session.ready(type);
      if (this.#over) return;
      this.#agent = this.#session.open(words, body, {
        ...(type === "get" ? { onFile: (sizeBytes, mode) => this.#begin(sizeBytes, mode) } : {}),
        ...(type === "put" ? {} : { onOutput: (channel, bytes) => this.#output(channel, bytes) }),
        ...(type === "get" ? {} : { onGrant: (bytes) => this.#granted(bytes) }),
        onEnd: (end) => this.#end(end instanceof VerbError ? refused(end) : this.#outcome(end)),
      });
      if (this.#request.type === "exec") this.#limitTime(this.#request.timeoutMs);
      for (const run of this.#before.splice(0)) run();
    } catch (error) {
      const reason = error instanceof VerbError ? error : new VerbError("failed", (error as Error).message, error);
      setImmediate(() => this.#end(refused(reason)));
    }
  }

  send(bytes: Uint8Array): void {
    if (this.#over || bytes.length === 0) return;
    if (bytes.length > this.#room) throw new RangeError(`Cannot send ${bytes.length} bytes: ${this.#room} are granted`);
    this.#room -= bytes.length;
    this.#moved += bytes.length;
    if (this.#request.type === "put") this.#crc = crc32(bytes, this.#crc);
    this.#do((agent) => agent.send(bytes));
  }

  finish(): void {
    this.#do((agent) => (this.#request.type === "put" ? agent.tell("end", this.#crc) : agent.tell("end")));
  }

  grant(bytes: number): void {
    this.#do((agent) => agent.grant(bytes));
  }

  resize(size: TerminalSize): void {
    if (this.#request.type === "exec") this.#do((agent) => agent.tell("size", ...sizeWords(size)));
  }

  signal(number: number): void {
    if (this.#request.type === "exec" && Number.isInteger(number) && number > 0 && number <= 64) {
      this.#do((agent) => agent.tell("signal", number));
    }
  }

  cancel(): void {
    this.#cancel(new VerbError("cancelled", "it was cancelled"));
  }

  #do(run: (agent: AgentRequest) => void): void {
    if (this.#over) return;
    const agent = this.#agent;
    if (agent !== undefined) run(agent);
    else if (this.#before.length < 1_000) this.#before.push(() => this.#agent && run(this.#agent));
  }

  #cancel(reason: VerbError): void {
    if (this.#agent !== undefined) this.#agent.cancel(reason);
    else setImmediate(() => this.#end(refused(reason)));
  }

  #begin(sizeBytes: number, mode: string): void {
    this.#announced = sizeBytes;
    this.#listener.onFile(sizeBytes, mode);
  }

  #output(channel: "out" | "err", bytes: Buffer): void {
    if (this.#over) return;
    this.#moved += bytes.length;
    if (this.#request.type === "get") this.#crc = crc32(bytes, this.#crc);
    this.#listener.onOutput(channel, bytes);
  }

  #granted(bytes: number): void {
    this.#room += bytes;
    this.#listener.onGrant(bytes);
  }

  #outcome(answer: FinalAnswer): StreamEnd {
    const { type } = this.#request;
    if (answer.word === "fail") return refused(refusalOf(answer));
    if (this.#timedOut) return refused(new VerbError("timed-out", "its time was over and it was ended"));
    if (type === "exec" && answer.word === "exit") return { ok: true, type: "exited", code: answer.code };
    if (type === "exec" && answer.word === "killed") return { ok: true, type: "killed", signal: answer.signal };
    if (type === "exec" || answer.word !== "done") {
      return refused(new VerbError("failed", `the guest's agent broke the protocol: "${answer.word}" to "${type}"`));
    }
    if (type === "put") return { ok: true, type: "done" };
    // What had no size, as in /proc, is as long as it was.
    const isWhole = (this.#announced === 0 || this.#moved === this.#announced) && answer.value === this.#crc;
    return isWhole
      ? { ok: true, type: "done" }
      : refused(new VerbError("damaged", "size or checksum of what came is not what the guest said"));
  }

  #limitTime(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    this.#later(timeoutMs, () => {
      this.#timedOut = true;
      this.signal(SIGTERM);
      this.#later(TERM_MS, () => this.signal(9));
      // A guest that hangs says nothing of it.
      this.#later(TERM_MS + KILL_MS, () =>
        this.#cancel(new VerbError("timed-out", "its time was over, and the guest does not say that it ended")),
      );
    });
  }

  #later(delayMs: number, run: () => void): void {
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  #end(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) this.#clock.clearTimer(timer);
    this.#listener.onEnd(end);
  }
}

function refused({ code, message }: VerbError): StreamEnd {
  return { ok: false, code, message };
}

interface Opening {
  readonly words: readonly (string | number)[];
  readonly body: Uint8Array;
}

/** The first line of a stream. @throws {VerbError} for what no guest could do. */
function linesOf(request: AgentStreamRequest): Opening {
  switch (request.type) {
    case "exec":
      return execLine(request);
    case "put": {
      if (!MODE.test(request.mode)) throw new VerbError("failed", `"${request.mode}" is no mode in octal digits`);
      if (!Number.isSafeInteger(request.sizeBytes) || request.sizeBytes < 0 || request.sizeBytes >= 1e15) {
        throw new VerbError("failed", `${request.sizeBytes} is no size of a file`);
      }
      return { words: ["put", request.mode, request.sizeBytes], body: pathBody(request.path) };
    }
    case "get":
      return { words: ["get"], body: pathBody(request.path) };
    default:
      return request satisfies never;
  }
}

function execLine({ command, env, folder, terminal }: Extract<AgentStreamRequest, { type: "exec" }>): Opening {
  const variables = Object.entries(env);
  if (command.length === 0 || command[0] === "") throw new VerbError("failed", "no command was given");
  if (command.length > ARGUMENTS_MAX || variables.length > VARIABLES_MAX) {
    throw new VerbError("failed", `more than ${ARGUMENTS_MAX} arguments or ${VARIABLES_MAX} variables`);
  }
  const strings = [
    ...(folder === undefined ? [] : [`d${folder}`]),
    ...variables.map(([name, value]) => `e${name}=${value}`),
    ...command.map((argument) => `a${argument}`),
  ];
  if (strings.some((text) => text.includes("\0")))
    throw new VerbError("failed", "a zero byte in an argument or variable");
  if (variables.some(([name]) => name === "" || name.includes("=")))
    throw new VerbError("failed", "a variable without a name");
  const body = stringsBody(strings);
  if (body.length > COMMAND_BYTES_MAX) {
    const message = `the command with its variables has ${body.length} bytes, at most ${COMMAND_BYTES_MAX} can be sent: copy a script and run that`;
    throw new VerbError("failed", message);
  }
  const how = terminal === undefined ? "pipe" : "tty";
  return { words: ["exec", how, ...sizeWords(terminal ?? { columns: 0, rows: 0 })], body };
}

function pathBody(path: string): Buffer {
  const body = Buffer.from(path, "utf8");
  if (!path.startsWith("/") || path.includes("\0") || body.length > PATH_BYTES_MAX) {
    throw new VerbError("failed", `"${path.slice(0, 200)}" is no absolute path of at most ${PATH_BYTES_MAX} bytes`);
  }
  return body;
}
