/**
 * The host's side of the guest agent's protocol, without its socket: what was asked, what may be answered, what a guest may cost.
 *
 * A guest is not trusted. Its lines are bounded (line-cutter.ts), read strictly (agent-line.ts) and held to what was asked for
 * (agent-request.ts). Data waits for credit. Everything else (beats, words nobody knows, answers to nobody's question) is paid for from
 * an allowance a second; past it the port is not read until the second is over, so that a flood waits in the guest.
 *
 * A session begins with a number that this process drew, so that answers to an earlier process's requests are not taken for answers to ours:
 * until the guest has said it back, nothing with an id is believed.
 */
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import { VerbError } from "../instances/machine-driver.ts";
import { AGENT_PROTOCOL, helloLine, readGuestLine, requestLine, type FinalAnswer } from "./agent-line.ts";
import { AgentRequest, refusalOf, type AnswerListener } from "./agent-request.ts";
import { LineCutter } from "./line-cutter.ts";

export interface AgentSessionOptions {
  readonly clock: Clock;
  /** No blanks; unlike that of any other session with the guest. */
  readonly nonce: string;
  write(text: string): void;
  /** Stops reading from the guest, or goes on with it. */
  hold(isHeld: boolean): void;
  onBooted(): void;
  onBeat(): void;
  /** The service ended with `status`, the guest is about to. */
  onServiceExit(status: number): void;
}

/** What the agent can do at once (guest/agent/requests.h). */
const REQUESTS_MAX = 16;
/** Bytes a second that no credit covers; an honest guest needs a thousandth. */
const ALLOWANCE_BYTES = 2 * 1024 * 1024;
/** What handling a line costs at least, however short it is: some 5 µs. So 8,192 lines a second. */
const LINE_COST_BYTES = 256;
const SECOND_MS = 1_000;
/** Beats that come sooner after another tell nothing new. */
const BEAT_MS_MIN = 250;
/** A guest that beats but has not said hello by then speaks protocol 0. */
const BEATS_WITHOUT_HELLO = 3;
/** While something is asked, a guest that says nothing for so long is hung or stands still. It beats each second. */
const SILENCE_MS = 15_000;
/** For an answer to what takes the agent no time. */
const ANSWER_MS = 10_000;
/** Who asks while a guest boots waits for so long. */
const READY_MS = 10_000;
const ID_MAX = 0x7f_ff_ff_ff;

export class AgentSession {
  readonly #options: AgentSessionOptions;
  readonly #cutter = new LineCutter(
    (line) => this.#onLine(line),
    (bytes) => this.#spend(bytes),
  );
  readonly #requests = new Map<number, AgentRequest>();
  readonly #waiting = new Set<() => void>();
  #verbs: ReadonlySet<string> | undefined;
  #beatsWithoutHello = 0;
  #nextId = 1;
  #closed: VerbError | undefined;
  #lastHeardMs: number;
  #lastBeatMs = Number.NEGATIVE_INFINITY;
  #spent = 0;
  #spentSinceMs: number;
  #held: TimerHandle | undefined;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#lastHeardMs = this.#spentSinceMs = options.clock.monotonicMs();
  }

  /** Says hello. */
  start(): void {
    // A guest that came from another host beats on.
    this.#beatsWithoutHello = 0;
    this.#options.write(helloLine(this.#options.nonce));
  }

  receive(chunk: Buffer): void {
    this.#cutter.push(chunk);
  }

  /** Asks the service, and with it the guest, to end. Any protocol knows that word. */
  requestStop(): void {
    if (this.#closed === undefined) this.#options.write("stop\n");
  }

  /** Resolves when the guest's agent does `verb`. @throws {VerbError} when it never will, or not soon enough. */
  async ready(verb: string): Promise<void> {
    if (this.#verbs === undefined && this.#closed === undefined && !this.#isOld()) await this.#wait(READY_MS);
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#isOld()) {
      throw new VerbError(
        "unsupported",
        "its agent speaks protocol 0, which has heartbeat and stop alone: its image was built by an older version or without a C compiler",
      );
    }
    if (this.#verbs === undefined) {
      throw new VerbError(
        "timed-out",
        `its agent has not answered for ${READY_MS} ms: it still boots, stands still, hangs, or has none`,
      );
    }
    if (!this.#verbs.has(verb)) throw new VerbError("unsupported", `its agent does not know "${verb}"`);
  }

  /** Asks for something. `ready` has said that the guest knows it. @throws {VerbError} when too much is open. */
  open(words: readonly (string | number)[], body: Uint8Array | undefined, listener: AnswerListener): AgentRequest {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#requests.size >= REQUESTS_MAX) {
      throw new VerbError("failed", `${REQUESTS_MAX} commands and copies are open in it, which is the limit: end one`);
    }
    const id = this.#nextId;
    this.#nextId = id === ID_MAX ? 1 : id + 1;
    const forget: AnswerListener = {
      ...listener,
      onEnd: (end) => {
        this.#requests.delete(id);
        listener.onEnd(end);
      },
    };
    const request = new AgentRequest(id, forget, (more, bytes) => this.#options.write(requestLine(id, more, bytes)));
    // Silence counts from when something was asked.
    if (this.#requests.size === 0) this.#lastHeardMs = this.#options.clock.monotonicMs();
    this.#requests.set(id, request);
    this.#options.write(requestLine(id, words, body));
    return request;
  }

  /** Asks and waits for the answer. @throws {VerbError} */
  async ask(
    words: readonly [string, ...(string | number)[]],
    options: { readonly body?: Uint8Array; readonly onAddress?: NonNullable<AnswerListener["onAddress"]> } = {},
  ): Promise<FinalAnswer> {
    await this.ready(words[0]);
    return new Promise((resolve, reject) => {
      const { onAddress } = options;
      const late = this.#options.clock.setTimer(ANSWER_MS, () => {
        request.cancel(new VerbError("timed-out", `its agent has not answered "${words[0]}" for ${ANSWER_MS} ms`));
      });
      const request = this.open(words, options.body, {
        ...(onAddress === undefined ? {} : { onAddress }),
        onEnd: (end) => {
          this.#options.clock.clearTimer(late);
          if (end instanceof VerbError) reject(end);
          else if (end.word === "fail") reject(refusalOf(end));
          else resolve(end);
        },
      });
    });
  }

  /** Called about once a second: gives up on a guest that says nothing. */
  tick(): void {
    const silentMs = this.#options.clock.monotonicMs() - this.#lastHeardMs;
    if (this.#requests.size === 0 || silentMs < SILENCE_MS || this.#held !== undefined) return;
    const reason = new VerbError(
      "timed-out",
      `it has said nothing for ${Math.round(silentMs / 1000)} s: it hangs or stands still`,
    );
    for (const request of [...this.#requests.values()]) request.cancel(reason);
  }

  /** Nothing more will come: everything that is open ends. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#closed = new VerbError("not-running", "the connection to its agent is closed: it has ended or is ending");
    if (this.#held !== undefined) this.#options.clock.clearTimer(this.#held);
    for (const request of [...this.#requests.values()]) request.end(this.#closed);
    this.#wake();
  }

  #onLine(text: string): void {
    const line = readGuestLine(text);
    const nowMs = this.#options.clock.monotonicMs();
    this.#lastHeardMs = nowMs;
    switch (line.type) {
      case "answer":
        // Before the guest has said our number back, this answers somebody else.
        if (this.#verbs !== undefined && this.#requests.get(line.id)?.take(line.answer) === true) {
          // Data has been paid for by credit, unless it comes byte by byte.
          return this.#spend(Math.max(0, LINE_COST_BYTES - text.length));
        }
        break;
      case "hello":
        if (line.nonce === this.#options.nonce && line.version === AGENT_PROTOCOL) {
          this.#verbs = new Set(line.verbs);
          this.#wake();
        }
        break;
      case "booted":
        this.#options.onBooted();
        break;
      case "beat":
        if (this.#verbs === undefined && ++this.#beatsWithoutHello >= BEATS_WITHOUT_HELLO) this.#wake();
        if (nowMs - this.#lastBeatMs >= BEAT_MS_MIN) {
          this.#lastBeatMs = nowMs;
          this.#options.onBeat();
        }
        break;
      case "service-exit":
        this.#options.onServiceExit(line.status);
        break;
      case "unknown":
        break;
      default:
        line satisfies never;
    }
    this.#spend(LINE_COST_BYTES);
  }

  #isOld(): boolean {
    return this.#verbs === undefined && this.#beatsWithoutHello >= BEATS_WITHOUT_HELLO;
  }

  async #wait(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#options.clock.clearTimer(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#options.clock.setTimer(limitMs, wake);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Takes `bytes` off this second's allowance; past it the guest waits for the next one. */
  #spend(bytes: number): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#spentSinceMs >= SECOND_MS) {
      this.#spent = 0;
      this.#spentSinceMs = nowMs;
    }
    this.#spent += bytes;
    if (this.#spent <= ALLOWANCE_BYTES || this.#held !== undefined || this.#closed !== undefined) return;
    this.#options.hold(true);
    this.#held = clock.setTimer(this.#spentSinceMs + SECOND_MS - nowMs, () => {
      this.#held = undefined;
      this.#lastHeardMs = clock.monotonicMs();
      this.#options.hold(false);
    });
  }
}
